"""A plugin is told to stop by docker's closing a socket, where no terminal signals both of them.

``cli-plugins/socket/socket.go`` of docker/cli. docker waits for the plugin then.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import MutableMapping
from contextlib import suppress

VARIABLE = "DOCKER_CLI_PLUGIN_SOCKET"


def stop_with_docker(environment: MutableMapping[str, str]) -> None:
    """Have this process get SIGTERM when docker closes the socket.

    Args:
        environment: Names the socket; that is taken out, for it is not for what is started here.
    """
    address = environment.pop(VARIABLE, "")
    if not address:
        return
    if address.startswith("@"):  # Go's way to write an abstract one, on Linux
        address = f"\0{address[1:]}"
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
    except OSError:  # another version of docker: then it is stopped by signals alone
        connection.close()
        return
    threading.Thread(target=_wait, args=(connection,), daemon=True).start()


def _wait(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        while connection.recv(1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
