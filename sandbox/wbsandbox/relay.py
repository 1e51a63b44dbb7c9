"""A streaming reverse proxy before a registry: the part that all proxies of the project share.

The benchmarks count with it and the tests make trouble with it, so it knows nothing of the sandbox.
It keeps connections alive in both directions, never delays small packets, and holds no body in
memory. Where the registry gives no answer, the client gets a reset, as from the registry itself.
"""

from __future__ import annotations

import http.client
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUFFER = 256 * 1024
TLS_HANDSHAKE = b"\x16"
#: Headers that concern one connection only; `Expect` is answered by http.server itself.
HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
NO_BODY = {204, 304}
#: SO_LINGER: on, zero seconds. Closing then sends a reset, whatever is still to be sent.
LINGER_NOT = struct.pack("ii", 1, 0)

#: A piece is good until the next one is taken: they may share a buffer.
Piece = bytes | memoryview
Body = Iterator[Piece]


class HangUpError(Exception):
    """Close the connection to the client, in order, whatever it was promised."""


class Relay(BaseHTTPRequestHandler):
    """One client connection, and one connection to the registry for it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    #: host:port, set by a subclass.
    registry: str
    #: Bytes of bodies in the request that is served: taken from the client, given to it.
    up = down = 0

    def exchange(self) -> None:
        """Serve one request. A subclass does more, or something else."""
        answer = self.pass_on(self.request_body())
        self.pass_back(answer, self.answer_body(answer))

    def setup(self) -> None:
        """Connect to the registry when there is something to ask."""
        super().setup()
        self.upstream = http.client.HTTPConnection(self.registry, timeout=120)
        self.broken = False

    def handle(self) -> None:
        """Serve all requests of the connection."""
        # Clients try TLS first even on loopback, and take an HTTP status line as the sign for
        # plain HTTP. http.server would wait for a line end that a TLS hello may not have.
        with suppress(OSError):
            if self.connection.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
                self.connection.recv(BUFFER)
                self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            super().handle()

    def finish(self) -> None:
        """End both connections."""
        self.upstream.close()
        with suppress(OSError):
            super().finish()
        if self.broken:
            # Here, because socketserver would say a polite goodbye first.
            with suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                self.connection.close()

    def _serve(self) -> None:
        self.up = self.down = 0
        try:
            self.exchange()
        except HangUpError:
            self.close_connection = True
        except (OSError, http.client.HTTPException, ValueError):
            self.broken = self.close_connection = True

    # The names are http.server's.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def request_body(self) -> Body:
        """What the client sends, as it comes."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield from self._take(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._take(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def _take(self, left: int) -> Body:
        view = memoryview(bytearray(min(BUFFER, left)))
        while left:
            count = self.rfile.readinto1(view[:left])
            if not count:
                raise ConnectionError("the client broke off")
            self.up += count
            left -= count
            yield view[:count]

    def pass_on(self, body: Body) -> http.client.HTTPResponse:
        """Send the request to the registry; the answer, of which only the head is read."""
        self._forget_dead_upstream()
        chunked = "Content-Length" not in self.headers and "Transfer-Encoding" in self.headers
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in _end_to_end(self.headers.items()):
            self.upstream.putheader(name, value)
        if chunked:
            self.upstream.putheader("Transfer-Encoding", "chunked")
        self.upstream.endheaders()
        for piece in body:
            try:
                self.upstream.send(_chunk(piece) if chunked else piece)
            except OSError:
                # It may have answered before it took everything: no room, too large, go away.
                answer = self.upstream.getresponse()
                for _ in body:
                    pass
                return answer
        if chunked:
            self.upstream.send(_chunk(b""))
        return self.upstream.getresponse()

    def _forget_dead_upstream(self) -> None:
        """An idle connection with something to read is one that the registry has closed."""
        if self.upstream.sock:
            poll = select.poll()
            poll.register(self.upstream.sock, select.POLLIN)
            if poll.poll(0):
                self.upstream.close()

    def answer_body(self, answer: http.client.HTTPResponse) -> Body:
        """What the registry answers, as it comes."""
        expected = BUFFER if answer.length is None else answer.length
        view = memoryview(bytearray(min(BUFFER, expected)))
        while view and (count := answer.readinto(view)):
            yield view[:count]
        if answer.length:
            raise ConnectionError("the registry broke off")
        answer.read()  # so that http.client knows that the next request may follow

    def pass_back(self, answer: http.client.HTTPResponse, body: Body) -> None:
        """Answer the client."""
        bodiless = self.command == "HEAD" or answer.status in NO_BODY
        chunked = answer.length is None and not bodiless
        self.send_response_only(answer.status)
        for name, value in _end_to_end(answer.getheaders()):
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in body:
            self.wfile.write(_chunk(piece) if chunked else piece)
            self.down += len(piece)
        if chunked:
            self.wfile.write(_chunk(b""))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _chunk(piece: Piece) -> bytes:
    return b"".join((b"%x\r\n" % len(piece), piece, b"\r\n"))


def _end_to_end(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers that are not for this connection alone."""
    named = (value for name, value in headers if name.lower() == "connection")
    hop = HOP.union(word.strip().lower() for value in named for word in value.split(","))
    return [(name, value) for name, value in headers if name.lower() not in hop]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # forty services knock at once


@contextmanager
def serving(handler: type[Relay], port: int = 0) -> Iterator[str]:
    """Serve on a loopback port, of its own if none is given; the address."""
    server = _Server(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
