"""BuildKit's API on a socket of its own, as a `buildkitd` would serve it.

dockerd serves that API too, but behind an HTTP upgrade on its own socket, which buildx's
driver "remote" does not speak. This process stands between: a connection to the one socket is
upgraded on the other, and from then on bytes are carried in both directions.

It runs by itself, one for each engine (`python buildkit_bridge.py LISTEN DOCKER`), with
threads: they need a third of the start-up time of asyncio, and an engine is up in 0.25 s.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
import threading
import time
from contextlib import suppress

UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
END_OF_HEADERS = b"\r\n\r\n"
CHUNK = 256 * 1024
#: For the answer to the upgrade alone: a build may be silent for as long as it likes.
UPGRADE_SECONDS = 30.0


def serve(path: str, docker: str) -> None:
    """Accept connections for as long as the process lives."""
    # Two descriptors a connection, and the usual limit is 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0o177)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(512)
        while True:
            try:
                client, _ = listener.accept()
                threading.Thread(target=carry, args=(client, docker), daemon=True).start()
            except (OSError, RuntimeError) as error:
                # Out of descriptors or threads: some connection will end.
                print(f"cannot accept: {error}", file=sys.stderr, flush=True)
                time.sleep(0.1)


def carry(client: socket.socket, docker: str) -> None:
    """One connection, from the upgrade to the end of both directions."""
    with client, socket.socket(socket.AF_UNIX) as engine:
        try:
            engine.connect(docker)
            greeting = upgrade(engine)
        except OSError as error:
            # The engine is gone: to the client, a closed connection.
            print(f"no connection: {error}", file=sys.stderr, flush=True)
            return
        with suppress(OSError):  # a client that has left is found out below
            client.sendall(greeting)
        upstream = threading.Thread(target=pump, args=(client, engine), daemon=True)
        upstream.start()
        pump(engine, client)
        upstream.join()


def upgrade(engine: socket.socket) -> bytes:
    """Ask for the upgrade; return what the engine said behind its answer."""
    engine.settimeout(UPGRADE_SECONDS)
    engine.sendall(UPGRADE)
    answer = b""
    while END_OF_HEADERS not in answer:
        received = engine.recv(4096)
        if not received:
            raise ConnectionError("the engine closed the connection")
        answer += received
    headers, _, rest = answer.partition(END_OF_HEADERS)
    if headers.split(b" ", 2)[1:2] != [b"101"]:
        raise ConnectionError(f"the engine answered {headers.splitlines()[0]!r}")
    engine.settimeout(None)
    return rest


def pump(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes in one direction until it ends, and hand the end on: the other may go on."""
    try:
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side is gone: wake the thread of the other direction.
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    serve(*sys.argv[1:])
