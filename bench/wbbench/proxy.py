"""The counting proxy: every way reaches the registry through it, so all are counted alike.

The registry's own access log has no upload sizes; this sees both directions. What it costs is
measured once per run (overhead.py) and written next to the numbers. For some scenarios a slow link
takes its place, at the same address, and the proxy stands behind it.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from wbbench.wan import Wan, serving_wan
from wbsandbox.relay import Body, Relay, serving

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

    upstream: str
    handler: type[Relay]
    address: str = ""
    #: What listens at the address now.
    _front: ExitStack = field(default_factory=ExitStack)
    _seen: list[Request] = field(default_factory=list)
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        """Listen, always at the same address."""
        self._listen(serving(self.handler, self._port))

    @property
    def _port(self) -> int:
        return int(self.address.rpartition(":")[2] or 0)

    def _listen(self, front: AbstractContextManager[str]) -> None:
        self._front.close()
        self.address = self._front.enter_context(front)

    def close(self) -> None:
        """Listen no more."""
        self._front.close()

    @contextmanager
    def over(self, wan: Wan) -> Iterator[None]:
        """Have all new connections come over a link meanwhile."""
        with serving(self.handler) as behind:
            try:
                self._listen(serving_wan(wan, behind, self._port))
                yield
            finally:
                self.open()

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


@contextmanager
def counting_proxy(upstream: str) -> Iterator[Proxy]:
    """Serve the registry on a loopback port of its own, and count."""

    class Handler(_Handler):
        registry = upstream

    proxy = Handler.proxy = Proxy(upstream, Handler)
    proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()


class _Handler(Relay):
    proxy: Proxy
    status = 0

    def exchange(self) -> None:
        self.proxy.began()
        request = None
        try:
            super().exchange()
            request = Request(self.command, self.path, self.status, self.down, self.up)
        finally:
            self.proxy.ended(request)

    def pass_on(self, body: Body) -> http.client.HTTPResponse:
        answer = super().pass_on(body)
        self.status = answer.status
        return answer
