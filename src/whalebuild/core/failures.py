"""What kind of failure something is, what is to be done about it, and the errors that carry it.

``core.engine_failures`` tells it from what docker and BuildKit say, ``core.http_failures`` from a
registry's answers, ``core.failure_errors`` says it to the user.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Remedy(Enum):
    """What is to be done about a failure."""

    WAIT = "wait"  # try again after a while, as long as the budget lasts
    ONCE = "once"  # try once more
    STOP = "stop"  # another try would end the same way


class Kind(Enum):
    """What kind of failure it is."""

    TRANSIENT = "transient"  # the registry or the way to it, for the moment
    CREDENTIAL = "credential"  # a login or token that was refused; it may have expired
    REFUSED = "refused"  # the registry said no
    MISSING = "missing"  # the registry has no such manifest
    GONE = "gone"  # content that a manifest or a cache names, and the registry has no more
    UNREACHABLE = "unreachable"  # the registry cannot be spoken to, and waiting won't help
    ENGINE_LOST = "engine_lost"  # the engine cannot be reached; it may be restarting
    ENGINE = "engine"  # no engine, or it cannot do this
    DISK_FULL = "disk_full"  # the builder's disk
    BUILD = "build"  # a step of the Dockerfile failed
    USAGE = "usage"  # the request itself is wrong
    UNKNOWN = "unknown"  # words that are not known, of a build
    UNKNOWN_PUSH = "unknown_push"  # words that are not known, of a push

    @property
    def remedy(self) -> Remedy:
        """What is to be done about it."""
        return _REMEDIES.get(self, Remedy.STOP)


_REMEDIES = {
    Kind.TRANSIENT: Remedy.WAIT,
    Kind.ENGINE_LOST: Remedy.WAIT,
    Kind.CREDENTIAL: Remedy.ONCE,
    Kind.UNKNOWN_PUSH: Remedy.ONCE,
}
# What says that a registry, or the way to it, has a lot to do: from one account too much is asked.
RATE_LIMIT = (
    r"toomanyrequests|too many requests|rate ?limit|rate exceeded|throttl|slow ?down"
    r"|resource_exhausted|per minute"
)
# A registry that has forgotten an upload between two of its requests (restarted, or another node).
LOST_UPLOAD = r"blob[_ ]upload[_ ](?:unknown|invalid)"
EXPIRED = r"token (?:has |is )?expired|expired token|expiredtoken|invalid_token"


@dataclass(frozen=True)
class Failure:
    """A kind, the words it was told by, and the line that has them (secrets removed)."""

    kind: Kind
    reason: str
    evidence: str

    @property
    def remedy(self) -> Remedy:
        """What is to be done about it."""
        return self.kind.remedy

    @property
    def asked_wait(self) -> float:
        """Seconds that the registry asks to wait before another try; docker does not tell."""
        return 0.0


class CommandFailedError(Exception):
    """A docker command ended with an error; ``stderr`` is all that it said."""

    def __init__(self, stderr: str) -> None:
        super().__init__(stderr)
        self.stderr = stderr


class FailedError(Exception):
    """A step failed, and it has been told what kind of failure that is."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.evidence)
        self.failure = failure


class RequestFailedError(FailedError):
    """A request to the registry failed."""


_USER_IN_URL = re.compile(r"(?<=://)[^/\s]+@")
# Up to the colon that ends it in a sentence.
_QUERY = re.compile(r"(https?://[^\s\"?]+)\?[^\s\"]*?(?=:?(?:[\s\"]|$))")


def may_not_exist_yet(failure: Failure) -> bool:
    """Whether a refused look-up may be of a repository that is not there before the first push."""
    return failure.kind is Kind.REFUSED and "insufficient_scope" in failure.evidence


def redact(text: str) -> str:
    """Remove what may hold a secret: user information and query strings of URLs."""
    return _QUERY.sub(r"\1", _USER_IN_URL.sub("", text))
