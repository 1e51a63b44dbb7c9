"""The counting proxy: every way reaches the registry through it, so all are counted alike.

The registry's own access log has no upload sizes; this sees both directions. It streams, keeps
connections alive in both directions and never delays small packets; what it costs is measured
once per run (overhead.py) and written next to the numbers.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUFFER = 256 * 1024
TLS_HANDSHAKE = b"\x16"
#: Headers that concern one connection only; `Expect` is answered by http.server itself.
HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}
NO_BODY = {204, 304}
_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs|tags|referrers)(/|$)")


@dataclass(frozen=True)
class Request:
    """One request and the bytes of its bodies."""

    method: str
    path: str
    status: int
    down: int
    up: int

    @property
    def repository(self) -> str:
        """The repository's name, or nothing for `/v2/`."""
        found = _PATH.match(self.path)
        return found["repository"] if found else ""

    @property
    def kind(self) -> str:
        """What it was for: method and the sort of thing."""
        found = _PATH.match(self.path)
        return f"{self.method} {found['kind'] if found else 'ping'}"


@dataclass
class Proxy:
    """Where it listens, and what it saw."""

    address: str
    upstream: str
    _seen: list[Request] = field(default_factory=list)
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def began(self) -> None:
        """Note that a request is under way."""
        with self._lock:
            self._under_way += 1

    def ended(self, request: Request | None) -> None:
        """Note that a request is over, and what it moved."""
        with self._lock:
            self._under_way -= 1
            if request:
                self._seen.append(request)

    def take(self) -> list[Request]:
        """What was seen since the last call. A client may be gone before its last request is."""
        deadline = time.monotonic() + 2
        while self._under_way and time.monotonic() < deadline:
            time.sleep(0.005)
        with self._lock:
            seen, self._seen = self._seen, []
        return seen


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # forty services knock at once


@contextmanager
def counting_proxy(upstream: str) -> Iterator[Proxy]:
    """Serve the registry on a loopback port of its own, and count."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    handler.proxy = Proxy(f"127.0.0.1:{server.server_port}", upstream)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield handler.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One client connection, and one connection to the registry for it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=120)

    def handle(self) -> None:
        # Clients try TLS first even on loopback, and take an HTTP status line as the sign for
        # plain HTTP. http.server would wait for a line end that a TLS hello may not have.
        with suppress(OSError):
            if self.connection.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
                self.connection.recv(BUFFER)
                self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            super().handle()

    def finish(self) -> None:
        self.upstream.close()
        with suppress(OSError):
            super().finish()

    def _serve(self) -> None:
        self.proxy.began()
        request = None
        try:
            up = self._send()
            answer = self.upstream.getresponse()
            down = self._relay(answer)
            request = Request(self.command, self.path, answer.status, down, up)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            self.proxy.ended(request)

    # The names are http.server's.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _send(self) -> int:
        """Pass the request on; the number of bytes in its body."""
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP:
                self.upstream.putheader(name, value)
        if chunked:
            self.upstream.putheader("Transfer-Encoding", "chunked")
        self.upstream.endheaders()
        if chunked:
            return self._send_chunks()
        return self._send_exactly(int(self.headers.get("Content-Length") or 0))

    def _send_exactly(self, length: int) -> int:
        view, left = memoryview(bytearray(min(BUFFER, length))), length
        while left:
            count = self.rfile.readinto1(view[:left])
            if not count:
                raise ConnectionError("the client broke off")
            self.upstream.send(view[:count])
            left -= count
        return length

    def _send_chunks(self) -> int:
        total = 0
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self.upstream.send(b"%x\r\n" % size)
            total += self._send_exactly(size)
            self.upstream.send(self.rfile.readline())
        self.upstream.send(b"0\r\n" + self.rfile.readline())
        return total

    def _relay(self, answer: http.client.HTTPResponse) -> int:
        """Pass the answer on; the number of bytes in its body."""
        bodiless = self.command == "HEAD" or answer.status in NO_BODY
        whole = answer.read() if answer.chunked and not bodiless else None
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if whole is not None:
            self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        if whole is not None:
            self.wfile.write(whole)
            return len(whole)
        if bodiless:
            answer.read()
            return 0
        view, total = memoryview(bytearray(min(BUFFER, answer.length or 1))), 0
        while count := answer.readinto(view):
            self.wfile.write(view[:count])
            total += count
        return total

    def log_message(self, *_: object) -> None:
        """Say nothing."""
