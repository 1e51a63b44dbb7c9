"""The smallest registry-like server: what the proxies are tried on without an engine."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = b'{"layers": ["one", "two", "three"]}'
BIG = 40 * 1024 * 1024


@dataclass
class Upstream:
    """What reached it: method, path, SHA-256 of a whole body ("" where it broke off)."""

    address: str
    got: list[tuple[str, str, str]] = field(default_factory=list)
    open: list[socket.socket] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.open)

    def drop_connections(self) -> None:
        """As a restart does."""
        for connection in self.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: Upstream

    def setup(self) -> None:
        super().setup()
        self.upstream.open.append(self.connection)

    def _serve(self) -> None:
        if self.path == "/v2/full":
            # As a registry whose disk is full: it answers and closes, and reads no further.
            self.close_connection = True
            self.rfile.read(1)
            self._answer(500, b"no space left")
            return
        try:
            digest = self._digest()
        except (OSError, ValueError):
            self.close_connection = True
            self.upstream.got.append((self.command, self.path, ""))
            return
        self.upstream.got.append((self.command, self.path, digest))
        if self.command in {"PUT", "PATCH", "POST"}:
            self._answer(201, b"")
        elif self.path == "/v2/chunked":
            self._answer_chunked()
        elif self.path == "/v2/broken":
            self._answer(200, b"short", length=10)
            self.close_connection = True
        else:
            self._answer(200, bytes(BIG) if self.path == "/v2/big" else MANIFEST)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _digest(self) -> str:
        digest = hashlib.sha256()
        if self.headers.get("Transfer-Encoding") != "chunked":
            self._take(digest, int(self.headers.get("Content-Length") or 0))
            return digest.hexdigest()
        while size := int(self.rfile.readline(), 16):
            self._take(digest, size)
            self.rfile.readline()
        self.rfile.readline()
        return digest.hexdigest()

    def _take(self, digest: hashlib._Hash, left: int) -> None:
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                raise ConnectionError
            digest.update(piece)
            left -= len(piece)

    def _answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Docker-Content-Digest", "sha256:as-it-was")
        self.send_header("X-Hop", "for one connection only")
        self.send_header("Connection", "X-Hop")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _answer_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve() -> Iterator[Upstream]:
    class Handler(_Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.upstream = Upstream(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Handler.upstream
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def client(address: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def ask(
    address: str, method: str, path: str, body: bytes | Iterator[bytes] | None = None
) -> tuple[int, bytes]:
    """One request on a connection of its own; status and body."""
    with client(address) as connection:
        connection.request(method, path, body, encode_chunked=not isinstance(body, bytes | None))
        answer = connection.getresponse()
        return answer.status, answer.read()
