"""What kind of failure the engine's or the registry's words mean: a pure function over them.

BuildKit, buildx and containerd report registry trouble only as text. The rules below are
recorded messages; ``tests/core/test_failures.py`` has each with its source. Order matters: a
failing RUN may print anything, so the build's own failures are recognised first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from whalebuild.core.errors import (
    BuildError,
    EngineError,
    RefusedError,
    UnreachableError,
    UsageError,
    WhalebuildError,
)


class Kind(Enum):
    """What to do about a failure."""

    TRANSIENT = "transient"  # the registry or the way to it; worth another try
    UNREACHABLE = "unreachable"  # the registry cannot be spoken to; another try won't help
    REFUSED = "refused"  # the registry said no
    ENGINE = "engine"  # no engine, or it cannot do this
    BUILD = "build"  # a step of the Dockerfile failed
    USAGE = "usage"  # the request itself is wrong
    MISSING = "missing"  # the registry has no such manifest
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Failure:
    """A kind, the words it was told by, and the line that has them (secrets removed)."""

    kind: Kind
    reason: str
    evidence: str

    @property
    def asked_wait(self) -> float:
        """Seconds that the registry asks to wait before another try; docker does not tell."""
        return 0.0


class CommandFailedError(Exception):
    """A docker command ended with an error; ``stderr`` is all that it said."""

    def __init__(self, stderr: str) -> None:
        super().__init__(stderr)
        self.stderr = stderr


class RequestFailedError(Exception):
    """A request to the registry failed; the adapter has told what kind of failure it is."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.evidence)
        self.failure = failure


_RULES: tuple[tuple[Kind, str], ...] = (
    (Kind.BUILD, r'process ".*" did not complete successfully: [^\n]*'),
    (Kind.ENGINE, r"no space left on device"),
    (Kind.USAGE, r"failed to read dockerfile|dockerfile parse error|Dockerfile:? no such file"),
    (Kind.USAGE, r"target stage \S+ could not be found|failed to find target \S+"),
    (Kind.USAGE, r"couldn't find a bake definition|(?:no|invalid) bake (?:file|definition)"),
    (Kind.USAGE, r"additional privileges requested|is not allowed; must be explicitly"),
    (Kind.USAGE, r"invalid reference format|unable to prepare context"),
    (Kind.ENGINE, r"Cannot connect to the Docker daemon|error during connect"),
    (Kind.ENGINE, r"failed to connect to the docker API|permission denied while trying to connect"),
    (Kind.ENGINE, r"unknown command: docker buildx|'buildx' is not a docker command"),
    # Without the plugin, docker itself stumbles over the first flag and shows its own usage.
    (Kind.ENGINE, r"Usage:\s+docker \[OPTIONS\] COMMAND"),
    (Kind.ENGINE, r"no builder \S+ found|failed to find driver"),
    (Kind.ENGINE, r"not supported for the docker driver|is not supported by the current"),
    (Kind.UNREACHABLE, r"x509: [^\n]*|tls: [^\n]*|server gave HTTP response to HTTPS client"),
    (Kind.TRANSIENT, r"toomanyrequests|429 Too Many Requests"),
    (Kind.TRANSIENT, r"\b(?:408|425|500|502|503|504|520|521|522|523|524) [A-Z][\w ]+"),
    (Kind.TRANSIENT, r"connection refused|connection reset by peer|broken pipe|on closed pipe"),
    (Kind.TRANSIENT, r"i/o timeout|TLS handshake timeout|Client\.Timeout exceeded"),
    (Kind.TRANSIENT, r"no such host|Temporary failure in name resolution|server misbehaving"),
    (Kind.TRANSIENT, r"unexpected EOF|\bEOF$|http2: server sent GOAWAY|network is unreachable"),
    # Registries lose sight of a blob while another push of it ends (distribution before 78456caf):
    # https://github.com/docker/buildx/pull/3731
    (Kind.TRANSIENT, r"blob unknown to registry|provided digest did not match uploaded content"),
    # An engine that still cleans up after a build whose client was killed.
    (Kind.TRANSIENT, r"snapshot \S+ does not exist"),
    (Kind.REFUSED, r"insufficient_scope[^\n]*|push access denied|pull access denied"),
    (Kind.REFUSED, r"denied: [^\n]*|unauthorized: [^\n]*|no basic auth credentials"),
    (Kind.REFUSED, r"\b(?:401 Unauthorized|403 Forbidden|405 Method Not Allowed)"),
    (Kind.REFUSED, r"413 Request Entity Too Large|manifest invalid|name invalid|name unknown"),
    (Kind.REFUSED, r"quota[^\n]*exceeded|tag [^\n]*immutable"),
    (Kind.BUILD, r"failed to compute cache key|failed to calculate checksum"),
    (Kind.BUILD, r"failed to resolve source metadata[^\n]*not found|exporter [^\n]*not found"),
    (Kind.MISSING, r"404 Not Found|manifest unknown|(?<=: )not found\b"),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)
_USER_IN_URL = re.compile(r"(?<=://)[^/\s]+@")
_QUERY = re.compile(r"(https?://[^\s\"?]+)\?[^\s\"]*")


def classify(stderr: str) -> Failure:
    """Tell what kind of failure the text reports.

    Args:
        stderr: Everything that the command wrote to standard error; only its final error
            counts, so that the log of a build step cannot pass for a registry's answer.
    """
    error = final_error(stderr)
    for kind, pattern in _COMPILED:
        found = pattern.search(error)
        if found:
            return Failure(kind, found[0].strip(), _line_with(error, found.start()))
    lines = [line for line in error.splitlines() if line.strip()]
    return Failure(Kind.UNKNOWN, "unknown failure", lines[-1].strip() if lines else "")


def final_error(stderr: str) -> str:
    """The last error that buildx or docker printed, secrets removed; all text if none is marked."""
    starts = [found.start() for found in re.finditer(r"^(?:ERROR|error): ", stderr, re.MULTILINE)]
    return redact(stderr[starts[-1] :] if starts else stderr).strip()


def failure_of(error: BaseException) -> Failure | None:
    """The failure that an adapter's error stands for; None for any other error."""
    if isinstance(error, RequestFailedError):
        return error.failure
    return classify(error.stderr) if isinstance(error, CommandFailedError) else None


def may_not_exist_yet(failure: Failure) -> bool:
    """Whether a refused look-up may be of a repository that is not there before the first push."""
    return failure.kind is Kind.REFUSED and "insufficient_scope" in failure.evidence


def redact(text: str) -> str:
    """Remove what may hold a secret: user information and query strings of URLs."""
    return _QUERY.sub(r"\1", _USER_IN_URL.sub("", text))


def as_error(failure: Failure, *, log: str | None = None) -> WhalebuildError:
    """Say a failure in the user's words, with the right exit code."""
    evidence = failure.evidence.removeprefix("ERROR: ")
    match failure.kind:
        case Kind.TRANSIENT | Kind.UNREACHABLE:
            return UnreachableError(
                f"the registry could not be reached: {failure.reason}",
                cause=evidence,
                next_step=_unreachable_step(failure),
            )
        case Kind.REFUSED | Kind.MISSING:
            return RefusedError(
                f"the registry refused: {failure.reason}",
                cause=evidence,
                next_step="check `docker login` for this registry, and that the account may push "
                "to the repository",
            )
        case Kind.ENGINE:
            return EngineError(
                f"the Docker engine cannot do this: {failure.reason}",
                cause=evidence,
                next_step="check `docker info` and `docker buildx inspect`",
            )
        case Kind.USAGE:
            return UsageError(evidence, next_step="correct it and run the command again")
        case Kind.BUILD | Kind.UNKNOWN:
            return BuildError("the build failed", cause=evidence, log=log)


def _unreachable_step(failure: Failure) -> str:
    if "x509" in failure.reason:
        return "make the registry's certificate authority known to the engine and the builder"
    if "HTTPS client" in failure.reason:
        return "the registry speaks plain http: allow it as an insecure registry in the engine"
    return (
        "check the registry's address and state; "
        "--retry-attempts and --retry-deadline set how long to try"
    )


def _line_with(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    return text[start:].split("\n", 1)[0].strip()
