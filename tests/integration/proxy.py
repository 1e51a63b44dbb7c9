"""A reverse proxy before the registry, with scripted faults."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass
class Fault:
    """Answer ``status`` to requests that match, ``times`` times (None: always).

    ``sends`` is a pattern that must be found in the request's body.
    """

    method: str
    path: str
    status: int
    times: int | None = None
    body: bytes = b'{"errors":[]}'
    sends: bytes = b""


@dataclass
class Proxy:
    """What the proxy saw: ``METHOD path status``, faults included."""

    address: str
    faults: list[Fault]
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, method: str, path: str, body: bytes) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                asked = re.fullmatch(fault.method, method) and re.search(fault.path, path)
                if asked and re.search(fault.sends, body):
                    if fault.times == 0:
                        continue
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None


@contextmanager
def faulty_registry(upstream: str, *faults: Fault) -> Iterator[Proxy]:
    """Serve the upstream registry on a loopback port of its own, with faults."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy = Proxy(f"127.0.0.1:{server.server_port}", list(faults))
    handler.proxy, handler.upstream = proxy, upstream  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy
    upstream: str

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self._chunks() if self._chunked() else self.rfile.read(length)
        fault = self.proxy.fault(self.command, self.path, body)
        if fault:
            self._answer(fault.status, [("Content-Type", "application/json")], fault.body)
            return
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            headers["Content-Length"] = str(len(body))
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    # The names are http.server's.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        with self.proxy.lock:
            self.proxy.seen.append((self.command, self.path, status))
        self.send_response(status)
        head = self.command == "HEAD"
        for name, value in headers:
            if name.lower() not in _HOP and (head or name.lower() != "content-length"):
                self.send_header(name, value)
        if not head:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def _chunked(self) -> bool:
        return "chunked" in (self.headers.get("Transfer-Encoding") or "")

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def send_error(self, *args: object, **kwargs: object) -> None:
        """Answer in HTTP/1.1 even to what is no HTTP.

        BuildKit tries TLS first and takes an HTTP status line for a sign of plain http.
        """
        self.request_version = "HTTP/1.1"
        super().send_error(*args, **kwargs)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Say nothing."""
