"""What can go wrong between a client and its registry: when it does, and what happens then.

Fault("PUT", "/manifests/", Status(503), times=3)
Fault("PATCH", "/uploads/", Reset(after=100_000), probability=0.1, seed=seed)
Fault("GET", "/blobs/", [Delay(1), Truncated()])
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wbsandbox.relay import Body, HangUpError

# What


class Effect:
    """What a fault does to one request. Each kind overrides the steps that it changes."""

    #: Whether the registry gets to see the request.
    passes_on = True

    def before(self) -> None:
        """Before the request's body is read."""

    def sending(self, body: Body) -> Body:
        """The request's body, on its way to the registry."""
        return body

    def answering(self, body: Body, length: int | None) -> Body:
        """The answer's body, on its way to the client, which has not seen its head yet."""
        return body


@dataclass(frozen=True)
class Status(Effect):
    """An answer of the proxy's own, when the request's body has been read."""

    code: int
    body: bytes = b'{"errors":[]}'
    headers: Mapping[str, str] = field(default_factory=dict)

    passes_on = False


def oci_error(status: int, code: str, message: str = "said so", **headers: str) -> Status:
    """An error as the distribution specification has it; ``Retry_After="1"`` is a header."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Status(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True)
class Closed(Effect):
    """The connection is closed, in order, when the request's body has been read."""

    passes_on = False


@dataclass(frozen=True)
class Reset(Effect):
    """The connection is reset before the request's body is read, or in the midst of it.

    A body that has no more than ``after`` bytes is passed on and answered.
    """

    after: int = 0

    def before(self) -> None:
        if not self.after:
            raise ConnectionResetError

    def sending(self, body: Body) -> Body:
        return _cut(body, self.after, ConnectionResetError())


@dataclass(frozen=True)
class AnswerLost(Effect):
    """The registry does it and answers; the client sees a reset."""

    def answering(self, body: Body, length: int | None) -> Body:
        raise ConnectionResetError


@dataclass(frozen=True)
class Truncated(Effect):
    """The answer's head as it was, the first bytes of its body (half), and the end."""

    after: int | None = None

    def answering(self, body: Body, length: int | None) -> Body:
        half = (length or 2) // 2
        return _cut(body, half if self.after is None else self.after, HangUpError())


@dataclass(frozen=True)
class WrongDigest(Effect):
    """One bit of the answer's body is not what it was; its head is."""

    def answering(self, body: Body, length: int | None) -> Body:
        for number, piece in enumerate(body):
            changed = bytearray(piece)
            if number == 0:
                changed[len(changed) // 2] ^= 1
            yield bytes(changed)


@dataclass(frozen=True)
class Delay(Effect):
    """It takes so many seconds longer."""

    seconds: float

    def before(self) -> None:
        time.sleep(self.seconds)


@dataclass(frozen=True)
class Throttled(Effect):
    """Both bodies go at so many bytes a second."""

    rate: int

    def sending(self, body: Body) -> Body:
        step = max(1, self.rate // 20)
        for piece in body:
            for start in range(0, len(piece), step):
                part = piece[start : start + step]
                time.sleep(len(part) / self.rate)
                yield part

    def answering(self, body: Body, length: int | None) -> Body:
        return self.sending(body)


@dataclass(frozen=True)
class Action(Effect):
    """Something is done first, or in the midst of the request's body: a registry is killed.

    With ``after``, so many bytes of the body (a piece more at the most) are passed on before.
    """

    do: Callable[[], object]
    after: int = 0

    def before(self) -> None:
        if not self.after:
            self.do()

    def sending(self, body: Body) -> Body:
        left = self.after
        for piece in body:
            yield piece
            if 0 < left <= len(piece):
                self.do()
            left -= len(piece)


def _cut(body: Body, left: int, end: Exception) -> Body:
    for piece in body:
        if left:
            yield piece[:left]
        left -= len(piece)
        if left < 0:
            raise end


# When


@dataclass(eq=False)
class Fault:
    """When something goes wrong, and what.

    Attributes:
        method: A pattern of the whole method.
        path: A pattern that is found in the path and query.
        effects: One, or more where that makes sense.
        sends: A pattern that is found in (the first MB of) the request's body.
        skip: So many matching requests are let go first.
        times: It strikes so often; None is for ever.
        seconds: It strikes for so long from its first time on.
        probability: What share of the requests it strikes. Which ones they are depends on ``seed``,
            the fault's place in the proxy's list, the request's method and path, and on how many of
            them there were before; not on the order in which threads come. So a run is repeatable
            if its names and contents (digests are in paths) are.
        hits: How often it struck.
    """

    method: str
    path: str
    effects: Effect | Sequence[Effect]
    sends: bytes = b""
    skip: int = 0
    times: int | None = None
    seconds: float | None = None
    probability: float = 1.0
    seed: int = 0
    hits: int = field(default=0, init=False)
    _skipped: int = field(default=0, init=False)
    _until: float | None = field(default=None, init=False)

    @property
    def kinds(self) -> Sequence[Effect]:
        """Its effects, always as a sequence."""
        return (self.effects,) if isinstance(self.effects, Effect) else self.effects

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is of the sort."""
        return bool(re.fullmatch(self.method, method) and re.search(self.path, path))

    def strikes(self, lot: float, now: float) -> bool:
        """Whether a request of the sort is hit; counts. ``lot`` is in [0, 1)."""
        if self._skipped < self.skip:
            self._skipped += 1
            return False
        over = self._until is not None and now >= self._until
        if over or self.hits == self.times or lot >= self.probability:
            return False
        if self._until is None and self.seconds is not None:
            self._until = now + self.seconds
        self.hits += 1
        return True


#: What a registry makes up for each upload.
_MADE_UP = re.compile(r"(?<=/blobs/uploads/)[^/?]+|(?<=_state=)[^&]+")


def normalised(path: str) -> str:
    """The path as it is in every run."""
    return _MADE_UP.sub("*", path)


def draw(seed: int, index: int, method: str, path: str, number: int) -> float:
    """A number in [0, 1) that depends on these alone."""
    text = f"{seed} {index} {method} {normalised(path)} {number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
