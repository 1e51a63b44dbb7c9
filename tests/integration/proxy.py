"""A reverse proxy before a registry, with faults: see faults.py for what they are."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

from tests.integration.faults import Closed, Effect, Fault, Status, draw, normalised
from wbsandbox.relay import Body, HangUpError, Relay, serving

MEGA = 1 << 20


@dataclass
class Exchange:
    """A request, from the moment it comes.

    Attributes:
        status: What the client was answered; 0 is no answer (yet).
        carried_out: What the registry answered; 0 is no answer, or that it was not asked.
        up: Bytes of the request's body that came.
        down: Bytes of the answer's body, counted as they are sent.
        began: On the monotonic clock.
        fault: What it met.
    """

    method: str
    path: str
    status: int = 0
    carried_out: int = 0
    up: int = 0
    down: int = 0
    began: float = field(default_factory=time.monotonic)
    fault: Fault | None = None


@dataclass
class Proxy:
    """Where it listens, what it does (more can be added while it runs), and what it saw."""

    address: str
    upstream: str
    faults: list[Fault]
    exchanges: list[Exchange] = field(default_factory=list)
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, faults: Sequence[Fault] = ()) -> None:
        """Begin anew, with these faults, as if nothing had been asked."""
        with self._lock:
            self.faults[:] = faults
            self.exchanges.clear()
            self._asked.clear()

    @property
    def seen(self) -> list[tuple[str, str, int]]:
        """Method, path and status of each request, in the order in which they came."""
        return [(e.method, e.path, e.status) for e in list(self.exchanges)]

    @property
    def uploads(self) -> list[tuple[str, int]]:
        """Path and size of each body that was sent."""
        return [(e.path, e.up) for e in list(self.exchanges) if e.up]

    def wants_body(self, method: str, path: str) -> bool:
        """Whether a fault depends on what the request sends."""
        return any(f.sends and f.concerns(method, path) for f in list(self.faults))

    def fault(self, method: str, path: str, head: bytes) -> Fault | None:
        """The first fault that strikes this request."""
        with self._lock:
            key = method, normalised(path)
            self._asked[key] += 1
            for index, fault in enumerate(self.faults):
                if not fault.concerns(method, path) or not re.search(fault.sends, head):
                    continue
                lot = draw(fault.seed, index, *key, self._asked[key])
                if fault.strikes(lot, time.monotonic()):
                    return fault
        return None


@contextmanager
def faulty_registry(upstream: str, *faults: Fault) -> Iterator[Proxy]:
    """Serve the upstream registry on a loopback port of its own, with faults."""

    class Handler(_Handler):
        registry = upstream

    with serving(Handler) as address:
        Handler.proxy = Proxy(address, upstream, list(faults))
        yield Handler.proxy


class _Handler(Relay):
    proxy: Proxy

    def exchange(self) -> None:
        seen = Exchange(self.command, self.path)
        self.proxy.exchanges.append(seen)
        try:
            self._meet(seen)
        finally:
            seen.up = self.up

    def _meet(self, seen: Exchange) -> None:
        """Do as the fault says, in the order in which things happen."""
        body = self.request_body()
        head = b""
        if self.proxy.wants_body(self.command, self.path):
            head = _first(body, MEGA)
        seen.fault = self.proxy.fault(self.command, self.path, head)
        effects = seen.fault.kinds if seen.fault else ()
        for effect in effects:
            effect.before()
        body = chain((head,) if head else (), body)
        for effect in effects:
            body = effect.sending(body)
        if not all(effect.passes_on for effect in effects):
            self._refuse(body, effects, seen)
            return
        answer = self.pass_on(body)
        seen.carried_out, seen.up = answer.status, self.up
        back = self.answer_body(answer)
        for effect in effects:
            back = effect.answering(back, answer.length)
        seen.status = answer.status
        self.pass_back(answer, _counted(back, seen))

    def _refuse(self, body: Body, effects: Sequence[Effect], seen: Exchange) -> None:
        for _ in body:
            pass
        seen.up = self.up
        for effect in effects:
            if isinstance(effect, Closed):
                raise HangUpError
            if isinstance(effect, Status):
                seen.status = effect.code
                self._answer(effect, seen)

    def _answer(self, status: Status, seen: Exchange) -> None:
        self.send_response_only(status.code)
        own = {"Content-Type": "application/json", "Content-Length": str(len(status.body))}
        for name, value in {**own, **status.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            seen.down = len(status.body)
            self.wfile.write(status.body)


def _counted(body: Body, seen: Exchange) -> Body:
    """Count each piece before it goes: who has the answer finds it counted."""
    for piece in body:
        seen.down += len(piece)
        yield piece


def _first(body: Body, size: int) -> bytes:
    """Take (at least) the first bytes of it."""
    taken = bytearray()
    for piece in body:
        taken += piece
        if len(taken) >= size:
            break
    return bytes(taken)
