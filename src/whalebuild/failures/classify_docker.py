"""What kind of failure docker's, buildx's and BuildKit's words mean: a pure function over them.

BuildKit, buildx and containerd report registry trouble only as text. The rules below are recorded
messages; ``tests/failures/test_classify_docker.py`` has each with its source. Order matters: a
failing RUN may print anything, so the build's own failures are recognised first.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from whalebuild.errors import UsageError
from whalebuild.failures.failure import (
    CORRUPT,
    EXPIRED,
    LOST_UPLOAD,
    NO_PLATFORM,
    NO_SCOPE,
    RATE_LIMIT,
    Detail,
    Failure,
    FailureKind,
    redact,
)
from whalebuild.oci.reference import Reference, parse_reference

# What registries say when they refuse.
_NO = r"not known|not exist|not found|invalid|exceeded|unsupported|immutable|not allowed|too large"
_RULES: tuple[tuple[FailureKind, str], ...] = (
    (FailureKind.BUILD, r'process ".*" did not complete successfully: [^\n]*'),
    (FailureKind.DISK_FULL, r"no space left on device"),
    (
        FailureKind.USAGE,
        r"failed to read dockerfile|dockerfile parse error|Dockerfile:? no such file",
    ),
    (FailureKind.USAGE, r"target stage \S+ could not be found|failed to find target \S+"),
    (FailureKind.USAGE, r"couldn't find a bake definition|(?:no|invalid) bake (?:file|definition)"),
    (FailureKind.USAGE, r"additional privileges requested|is not allowed; must be explicitly"),
    (FailureKind.USAGE, r"invalid reference format|unable to prepare context"),
    (FailureKind.ENGINE, r"permission denied while trying to connect"),
    (FailureKind.ENGINE, r"unknown command: docker buildx|'buildx' is not a docker command"),
    # Without the plugin, docker itself stumbles over the first flag and shows its own usage.
    (FailureKind.ENGINE, r"Usage:\s+docker \[OPTIONS\] COMMAND"),
    (FailureKind.ENGINE, r"no builder \S+ found|failed to find driver"),
    (FailureKind.ENGINE, r"not supported for the docker driver|is not supported by the current"),
    (FailureKind.ENGINE_LOST, r"Cannot connect to the Docker daemon|error during connect"),
    (
        FailureKind.ENGINE_LOST,
        r"failed to connect to the docker API|Error while dialing: dial unix",
    ),
    (
        FailureKind.ENGINE_LOST,
        r"error reading from server(?:: EOF)?|transport is closing|graceful_stop",
    ),
    (FailureKind.ENGINE_LOST, r"code = Unavailable desc = [^\n]*|closing transport due to[^\n]*"),
    (FailureKind.ENGINE_LOST, r"stream terminated by RST_STREAM"),
    # All that the remote driver says when nobody answers.
    (FailureKind.ENGINE_LOST, r"(?<=\AERROR: )context deadline exceeded\Z"),
    # An engine that still cleans up after a build whose client was killed.
    (FailureKind.TRANSIENT, r"snapshot \S+ does not exist"),
    (FailureKind.UNREACHABLE, r"x509: [^\n]*|server gave HTTP response to HTTPS client"),
    (FailureKind.UNREACHABLE, r"tls: (?!internal error|bad record MAC)[^\n]*"),
    (FailureKind.TRANSIENT, r"tls: internal error|tls: bad record MAC"),
    (FailureKind.TRANSIENT, RATE_LIMIT),
    (FailureKind.TRANSIENT, r"\b(?:408|425|500|502|503|504|520|521|522|523|524) (?-i:[A-Z])[\w ]+"),
    (FailureKind.TRANSIENT, r"unexpected status[^\n]*: (?:429|500|50[2-4]|52\d|530)\b"),
    # buildx leaves the status out where the registry says something of its own
    # (``util/errutil`` of BuildKit): these are 500 and 503, with or without distribution's words.
    (FailureKind.TRANSIENT, r"failed to push \S+: (?:unknown|unavailable)$"),
    (FailureKind.TRANSIENT, r"(?<=: )(?:unknown: unknown error|unavailable: [^\n]*)"),
    (
        FailureKind.TRANSIENT,
        r"connection refused|connection reset by peer|broken pipe|on closed pipe",
    ),
    (FailureKind.TRANSIENT, r"i/o timeout|TLS handshake timeout|Client\.Timeout exceeded"),
    (FailureKind.TRANSIENT, r"context deadline exceeded|timeout awaiting response headers"),
    (FailureKind.TRANSIENT, r"connection timed out|maximum timeout reached|Failed to commit cache"),
    (
        FailureKind.TRANSIENT,
        r"no such host|Temporary failure in name resolution|server misbehaving",
    ),
    (FailureKind.TRANSIENT, r"unexpected EOF|\bEOF$|network is unreachable|no route to host"),
    (FailureKind.TRANSIENT, r"http2: [^\n]*|stream error: [^\n]*|use of closed network connection"),
    (FailureKind.TRANSIENT, r"cannot reuse body"),
    (FailureKind.TRANSIENT, CORRUPT),
    # Registries lose sight of a blob while another push of it ends (distribution before 78456caf):
    # https://github.com/docker/buildx/pull/3731
    (
        FailureKind.TRANSIENT,
        r"blob unknown to registry|provided digest did not match uploaded content",
    ),
    (FailureKind.TRANSIENT, rf"{LOST_UPLOAD}|invalid content range"),
    (FailureKind.TRANSIENT, r"from (?:PUT|PATCH) request to \S+/blobs/uploads?/\S*: 404 Not Found"),
    (FailureKind.CREDENTIAL, rf"{EXPIRED}|did not include a token"),
    (FailureKind.REFUSED, r"insufficient_scope[^\n]*|push access denied|pull access denied"),
    (FailureKind.REFUSED, r"no basic auth credentials"),
    (
        FailureKind.CREDENTIAL,
        r"unauthorized: [^\n]*|\b401 Unauthorized|failed to push \S+: unauthorized$",
    ),
    (FailureKind.CREDENTIAL, r"failed to fetch \w+ token: (?:denied[^\n]*|unauthorized$)"),
    (FailureKind.REFUSED, r"denied: [^\n]*|\b(?:403 Forbidden|405 Method Not Allowed)"),
    (
        FailureKind.REFUSED,
        r"413 Request Entity Too Large|manifest invalid|name invalid|name unknown",
    ),
    (FailureKind.REFUSED, r"quota[^\n]*exceeded|tag [^\n]*immutable|\b400 Bad Request"),
    (FailureKind.REFUSED, r"failed to push \S+: (?:denied|unsupported)$"),
    # A code that containerd does not know, with the registry's words, or one of a 500.
    (FailureKind.REFUSED, rf"(?<=: )unknown: [^\n]*(?:{_NO})"),
    (FailureKind.TRANSIENT, r"(?<=: )unknown: [^\n]+"),
    (FailureKind.GONE, r"could not fetch content descriptor \S+|\bblob (?:sha256:\S+ )?not found"),
    (FailureKind.BUILD, NO_PLATFORM),
    (
        FailureKind.BUILD,
        r"failed to compute cache key: [^\n]*not found|failed to calculate checksum",
    ),
    (
        FailureKind.BUILD,
        r"failed to resolve source metadata[^\n]*not found|exporter [^\n]*not found",
    ),
    (FailureKind.MISSING, r"404 Not Found|manifest unknown|(?<=: )not found\b"),
)
# Docker drops the status where the registry's answer has words of its own; these are
# distribution's (``registry/api/errcode/register.go``), the others are told by the rules above.
_SAID = "(?<=error from registry: )"
_PULL_RULES = (
    (FailureKind.CREDENTIAL, rf"{_SAID}authentication required[^\n]*"),
    (FailureKind.REFUSED, rf"{_SAID}[^\n]*(?:denied|forbidden)[^\n]*"),
    (FailureKind.TRANSIENT, rf"{_SAID}(?:unknown error|service unavailable)[^\n]*"),
    # What only engines with a graph driver say.
    (FailureKind.TRANSIENT, r"error parsing HTTP (?:408|425|429|5\d\d) response body"),
    (FailureKind.REFUSED, r"error parsing HTTP 403 response body"),
    (FailureKind.TRANSIENT, r"(?:manifest|config|layer) verification failed for digest"),
    (FailureKind.GONE, r"(?<=: )unknown blob"),
)
_COMPILED, _COMPILED_PULL = (
    tuple((kind, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for kind, pattern in rules)
    for rules in (_RULES, _PULL_RULES)
)
# Nothing is built in a pull: an image that was not found is missing, and what is not known is the
# pull's failure.
_OF_A_PULL = {FailureKind.BUILD: FailureKind.MISSING, FailureKind.UNKNOWN: FailureKind.UNKNOWN_PULL}
_NO_IMAGE = re.compile(
    r"failed to resolve source metadata for (?P<image>\S+): [^\n]*not found"
    r"|(?P<pinned>[\w./:-]+@sha256:[0-9a-f]{64}): not found"
)
_NO_TARGET = re.compile(r"failed to find target (?P<name>\S+)")
_KEPT_BROKEN = re.compile(
    r'failed commit on ref "(?:manifest|index|config)-[^"]+": .*unexpected commit digest'
)
_CORRUPT = re.compile(CORRUPT)
# The shell itself cannot be run, not a program of the user's that lacks a first line.
_UNRUNNABLE = re.compile(
    r"exec (?:/usr)?/bin/(?:ba|da)?sh: exec format error|buildkit_qemu_emulator"
)
_DISK_FULL = re.compile(r"no space left on device", re.IGNORECASE)
_ABSENT = frozenset({FailureKind.MISSING, FailureKind.GONE, FailureKind.BUILD})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# An inner error of a registry; the last is distribution's, for an upload that it could not write.
_INNER = re.compile(rf"\bunknown\b|500 Internal Server Error|{LOST_UPLOAD}", re.IGNORECASE)
_HOST = r"[\w.-]+(?::\d+)?"
# Most certain first: a URL, the image of a push, the host of a connection.
_NAMES_HOST = tuple(
    re.compile(pattern)
    for pattern in (
        rf"https?://(?P<host>{_HOST})/v2/",
        rf"failed to push (?P<host>{_HOST})/",
        rf"(?:dial tcp: lookup|dial tcp) (?P<host>{_HOST})",
    )
)


@dataclass(frozen=True)
class DockerFailure(Failure):
    """A failure of a docker command, with what its words name.

    Attributes:
        pushing: A push failed.
        unexplained: A push met an inner error of the registry, whose own words docker leaves out.
        corrupt: What arrived is not what was sent.
        kept_broken: The builder holds on to a broken manifest, and will not fetch it again by
            itself.
        digests: The digests that are named.
        missing_image: The image that a build stands on and that was not found.
        registry: The registry that is named, as ``host`` or ``host:port``.
        missing_target: The target that the bake file does not have.
    """

    pushing: bool = False
    unexplained: bool = False
    corrupt: bool = False
    kept_broken: bool = False
    digests: frozenset[str] = frozenset()
    missing_image: Reference | None = None
    registry: str | None = None
    missing_target: str | None = None


def classify(stderr: str, *, pushing: bool = False, fresh: Collection[str] = ()) -> DockerFailure:
    """Tell what kind of failure the text reports.

    Args:
        stderr: Everything that the command wrote to standard error; only its final error
            counts, so that the log of a build step cannot pass for a registry's answer.
        pushing: Whether it failed while it pushed: unknown words are worth a second try then.
        fresh: Digests that were pushed just now: a registry that does not find one lags behind.
    """
    error = final_error(stderr)
    for kind, pattern in _COMPILED:
        found = pattern.search(error)
        if found:
            line = _line_with(error, found.start())
            lags = kind in _ABSENT and not digests_in(line).isdisjoint(fresh)
            lags = lags and NO_PLATFORM not in line
            return _failure(FailureKind.TRANSIENT if lags else kind, found[0].strip(), line)
    lines = [line for line in error.splitlines() if line.strip()]
    unknown = FailureKind.UNKNOWN_PUSH if pushing else FailureKind.UNKNOWN
    return _failure(unknown, "unknown failure", lines[-1].strip() if lines else "")


def classify_pull(stderr: str, *, there: Collection[str] = ()) -> DockerFailure:
    """Tell what kind of failure a host's ``docker compose pull`` or ``docker pull`` reports.

    Args:
        stderr: What it said, in plain text (``compose.pull_progress.compose_error``).
        there: Digests that the registry was seen to have: where it does not find one now, it may
            soon. An engine also says "not found" of a registry that hangs up on its first request.
    """
    error = final_error(stderr)
    for kind, pattern in _COMPILED_PULL:
        found = pattern.search(error)
        if found:
            return _failure(kind, found[0].strip(), _line_with(error, found.start()))
    failure = classify(stderr, fresh=there)
    return replace(failure, kind=_OF_A_PULL.get(failure.kind, failure.kind))


def final_error(stderr: str) -> str:
    """The last error that buildx or docker printed, secrets removed; all text if none is marked."""
    starts = [found.start() for found in re.finditer(r"^(?:ERROR|error): ", stderr, re.MULTILINE)]
    return redact(stderr[starts[-1] :] if starts else stderr).strip()


def digests_in(text: str) -> frozenset[str]:
    """The digests that a text names."""
    return frozenset(_DIGEST.findall(text))


def cannot_run(log: str) -> str | None:
    """What a step printed, if its machine cannot run programs of the platform; None otherwise."""
    found = _UNRUNNABLE.search(log)
    return found[0] if found else None


def fills_disk(log: str) -> bool:
    """Whether a step printed that its disk is full."""
    return bool(_DISK_FULL.search(log))


def _failure(kind: FailureKind, reason: str, evidence: str) -> DockerFailure:
    """A failure, with what its evidence names."""
    pushing = "failed to push" in evidence
    target = _NO_TARGET.search(evidence)
    return DockerFailure(
        kind,
        reason,
        evidence,
        detail=_detail(reason, evidence),
        pushing=pushing,
        unexplained=pushing and bool(_INNER.search(reason)),
        corrupt=bool(_CORRUPT.search(evidence)),
        kept_broken=bool(_KEPT_BROKEN.search(evidence)),
        digests=digests_in(evidence),
        missing_image=_missing_image(evidence),
        registry=_registry_in(evidence),
        missing_target=target["name"] if target else None,
    )


def _detail(reason: str, evidence: str) -> Detail | None:
    found = (
        (Detail.CERTIFICATE, "x509" in reason),
        (Detail.PLAIN_HTTP, "HTTPS client" in reason),
        (Detail.NO_PLATFORM, NO_PLATFORM in reason),
        (Detail.KILLED, "exit code: 137" in evidence),
        (Detail.NO_SCOPE, NO_SCOPE in evidence),
    )
    return next((detail for detail, is_so in found if is_so), None)


def _missing_image(text: str) -> Reference | None:
    found = _NO_IMAGE.search(text)
    if found is None:
        return None
    try:
        return parse_reference(found["image"] or found["pinned"], where="an image of the build")
    except UsageError:
        return None


def _registry_in(text: str) -> str | None:
    for pattern in _NAMES_HOST:
        found = pattern.search(text)
        if found:
            return found["host"]
    return None


def _line_with(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    return text[start:].split("\n", 1)[0].strip()
