"""What kind of failure something is, what is to be done about it, and the errors that carry it.

``failures.classify_docker`` tells it from what docker and BuildKit say,
``failures.classify_http`` from a registry's answers, ``failures.messages`` says it to the user.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from whalebuild.failures.redaction import redact as redact  # noqa: PLC0414 - others have it from here
from whalebuild.values import dataclass


class Remedy(Enum):
    """What is to be done about a failure."""

    WAIT = "wait"  # try again after a while, as long as the budget lasts
    ONCE = "once"  # try once more
    STOP = "stop"  # another try would end the same way


class FailureKind(Enum):
    """What kind of failure it is."""

    TRANSIENT = "transient"  # the registry or the way to it, for the moment
    CREDENTIAL = "credential"  # a login or token that was refused; it may have expired
    REFUSED = "refused"  # the registry said no
    REGISTRY_FULL = "registry_full"  # the registry's disk
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
    UNKNOWN_PULL = "unknown_pull"  # words that are not known, of a host's pull

    @property
    def remedy(self) -> Remedy:
        """What is to be done about it."""
        return _REMEDIES.get(self, Remedy.STOP)


_REMEDIES = {
    FailureKind.TRANSIENT: Remedy.WAIT,
    FailureKind.ENGINE_LOST: Remedy.WAIT,
    FailureKind.CREDENTIAL: Remedy.ONCE,
    FailureKind.UNKNOWN_PUSH: Remedy.ONCE,
    FailureKind.UNKNOWN_PULL: Remedy.ONCE,
}
# A registry, or a proxy before it, limits the requests of an account.
RATE_LIMIT = (
    r"toomanyrequests|too many requests|rate ?limit|rate exceeded|throttl|slow ?down"
    r"|resource_exhausted|per minute"
)
# A registry that has forgotten an upload between two of its requests (restarted, or another node).
LOST_UPLOAD = r"blob[_ ]upload[_ ](?:unknown|invalid)"
# What arrived is not what was sent: a connection, or something between, that lost bytes.
CORRUPT = r"unexpected commit (?:digest|size)|failed size validation"
# An image that is there, but for other platforms.
NO_PLATFORM = "no match for platform in manifest"
# A name, or an instruction, in a message of BuildKit's protocol.
NOT_UTF8 = "string field contains invalid UTF-8"
# The error of RFC 6750 (3.1); what Docker Hub says of a repository that does not exist.
NO_SCOPE = "insufficient_scope"
EXPIRED = r"token (?:has |is )?expired|expired token|expiredtoken|invalid_token"


class Detail(Enum):
    """What is known beside a failure's kind, where the message or the next step depends on it."""

    CERTIFICATE = "certificate"  # the registry's certificate is not trusted
    PLAIN_HTTP = "plain_http"  # the registry speaks http, and was spoken to over https
    NO_PLATFORM = "no_platform"  # the image is there, but for other platforms
    KILLED = "killed"  # a step of the build was ended by SIGKILL
    PRIVILEGES = "privileges"  # what a bake asks for needs --allow
    NO_SCOPE = "no_scope"  # the token is good, but not for this repository
    NOT_UTF8 = "not_utf8"  # a name or an instruction of the build is not UTF-8
    UNSUPPORTED = "unsupported"  # the registry takes no manifest that is sent like this


@dataclass(frozen=True)
class Failure:
    """What went wrong.

    Attributes:
        kind: Decides what is done about it.
        reason: The words it was told by.
        evidence: The line that has them. Secrets are removed from both.
        detail: What else the message depends on.
        registry: The registry that docker names, as ``host`` or ``host:port``.
    """

    kind: FailureKind
    reason: str
    evidence: str
    detail: Detail | None = field(default=None, kw_only=True)
    registry: str | None = field(default=None, kw_only=True)

    @property
    def remedy(self) -> Remedy:
        """What is to be done about it."""
        return self.kind.remedy

    @property
    def asked_wait(self) -> float:
        """Seconds that the registry asks to wait before another try; docker does not tell."""
        return 0.0


class FailedError(Exception):
    """A step failed; ``failure`` has the kind and the details."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.evidence)
        self.failure = failure


class RequestFailedError(FailedError):
    """A request to the registry failed."""


def may_not_exist_yet(failure: Failure) -> bool:
    """Whether a refused look-up may be of a repository that is not there before the first push."""
    return failure.kind is FailureKind.REFUSED and failure.detail is Detail.NO_SCOPE
