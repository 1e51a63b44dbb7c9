"""The counting proxy: every way reaches the registry through it, so all are counted alike.

The registry's own access log has no upload sizes; this sees both directions. What it costs is
measured once per run (overhead.py) and written next to the numbers.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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


@contextmanager
def counting_proxy(upstream: str) -> Iterator[Proxy]:
    """Serve the registry on a loopback port of its own, and count."""

    class Handler(_Handler):
        registry = upstream

    with serving(Handler) as address:
        Handler.proxy = Proxy(address, upstream)
        yield Handler.proxy


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
