"""A BuildKit that is reached over TCP and TLS, with certificates for both sides."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CHUNK = 256 * 1024


@contextmanager
def over_tls(buildkit: str, certificates: Path) -> Iterator[str]:
    """Serve a BuildKit's unix socket on loopback, as ``buildkitd --tlscacert …`` does.

    Args:
        buildkit: The socket, ``unix://…``.
        certificates: A node's ca.pem, cert.pem and key.pem.

    Yields:
        The address, ``tcp://127.0.0.1:PORT``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])  # gRPC's client insists on it
    path = buildkit.removeprefix("unix://")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    arguments = (context, client, path)
                    threading.Thread(target=_carry, args=arguments, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def _carry(context: ssl.SSLContext, client: socket.socket, path: str) -> None:
    """One connection; TLS' own end is not waited for."""
    with (
        client,
        socket.socket(socket.AF_UNIX) as engine,
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as secure,
    ):
        engine.connect(path)
        back = threading.Thread(target=_pump, args=(engine, secure), daemon=True)
        back.start()
        _pump(secure, engine)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            target.sendall(data)
    for side in (source, target):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
