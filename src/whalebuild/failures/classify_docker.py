"""What kind of failure docker's, buildx's and BuildKit's words mean: a pure function over them.

BuildKit, buildx and containerd report registry trouble only as text; the words are in
``docker_rules``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from whalebuild.errors import UsageError
from whalebuild.failures.docker_rules import BUILD_RULES, PULL_RULES
from whalebuild.failures.failure import (
    CORRUPT,
    LOST_UPLOAD,
    NO_PLATFORM,
    NO_SCOPE,
    NOT_UTF8,
    Detail,
    Failure,
    FailureKind,
    redact,
)
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.values import dataclass

# Nothing is built in a pull: an image that was not found is missing, and what is not known is the
# pull's failure.
_OF_A_PULL = {FailureKind.BUILD: FailureKind.MISSING, FailureKind.UNKNOWN: FailureKind.UNKNOWN_PULL}
_OF_RULES = re.IGNORECASE | re.MULTILINE
_NO_IMAGE = re.compile(
    r"failed to resolve source metadata for (?P<image>\S+): [^\n]*not found"
    # From where a word begins: from each of its letters, a long one would take minutes.
    r"|(?<![\w./:-])(?P<pinned>[\w./:-]+@sha256:[0-9a-f]{64}): not found"
)
# Progress of a build as ``--progress rawjson`` prints it.
_EVENT = re.compile(r'^\{"(?:vertexes|statuses|logs|warnings)":.*$', re.MULTILINE)
_NO_TARGET = re.compile(r"failed to find target (?P<name>\S+)")
# containerd calls what it fetches manifest-…, index-…, config-… and layer-… (``MakeRefKey``).
_KEPT_BROKEN = re.compile(rf'failed commit on ref "[a-z]+-[^"]*sha256:[^"]+": .*(?:{CORRUPT})')
# How a registry answers where it does not take a manifest, or not under a digest, whoever sends it;
# an account, and how much it may have there, is another matter.
_MANIFEST_PUT = re.compile(r"error writing manifest blob: |PUT request to \S+/manifests/")
_UNSUPPORTED = re.compile(
    r"\b(?:400 Bad Request|404 Not Found|405 Method Not Allowed|406 Not Acceptable"
    r"|415 Unsupported Media Type|501 Not Implemented)"
    r"|unsupported|not supported|invalid|manifest unknown",
    re.IGNORECASE,
)
_OF_THE_ACCOUNT = re.compile(
    r"quota|limit|exceed|denied|forbidden|unauthorized|too large|immutable", re.IGNORECASE
)
_CORRUPT = re.compile(CORRUPT)
# ``EntitlementConf.Prompt`` in ``bake/entitlements.go`` of buildx.
_ASKS = re.compile(r'pass "(--allow=[^"\n]*)" to grant requested privileges', re.IGNORECASE)
_REQUIRES = re.compile(r"requires --allow=(\S+)")
# The shell itself cannot be run, not a program of the user's that lacks a first line.
_UNRUNNABLE = re.compile(
    r"exec (?:/usr)?/bin/(?:ba|da)?sh: exec format error|buildkit_qemu_emulator"
)
_DISK_FULL = re.compile(r"no space left on device", re.IGNORECASE)
_ABSENT = frozenset({FailureKind.MISSING, FailureKind.GONE, FailureKind.BUILD})
_PUSHING = re.compile(r"failed to push|error writing (?:manifest|config|layer) blob")
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
        unexplained: A push, of an image or a cache, met an inner error of the registry, whose own
            words docker leaves out.
        corrupt: What arrived is not what was sent.
        kept_broken: The builder holds on to something broken of an image, and will not fetch it
            again by itself.
        digests: The digests that are named.
        missing_image: The image that a build stands on and that was not found.
        missing_target: The target that the bake file does not have.
        allow: The values of ``--allow`` that buildx asks for.
    """

    pushing: bool = False
    unexplained: bool = False
    corrupt: bool = False
    kept_broken: bool = False
    digests: frozenset[str] = frozenset()
    missing_image: Reference | None = None
    missing_target: str | None = None
    allow: tuple[str, ...] = ()


def classify(stderr: str, *, pushing: bool = False, fresh: Collection[str] = ()) -> DockerFailure:
    """Tell what kind of failure the text reports.

    Args:
        stderr: Everything that the command wrote to standard error; only its final error
            counts, so that the log of a build step cannot pass for a registry's answer.
        pushing: Whether it failed while it pushed: unknown words are worth a second try then.
        fresh: Digests that were pushed just now: a registry that does not find one lags behind.
    """
    error = final_error(stderr)
    for kind, pattern in BUILD_RULES:
        found = re.search(pattern, error, _OF_RULES)
        if found:
            line = _line_with(error, found.start())
            lags = kind in _ABSENT and not digests_in(line).isdisjoint(fresh)
            lags = lags and NO_PLATFORM not in line
            failure = _failure(FailureKind.TRANSIENT if lags else kind, found[0].strip(), line)
            if failure.detail is Detail.PRIVILEGES:
                return replace(failure, allow=_asked_for(stderr))
            return failure
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
    for kind, pattern in PULL_RULES:
        found = re.search(pattern, error, _OF_RULES)
        if found:
            return _failure(kind, found[0].strip(), _line_with(error, found.start()))
    failure = classify(stderr, fresh=there)
    return replace(failure, kind=_OF_A_PULL.get(failure.kind, failure.kind))


def final_error(stderr: str) -> str:
    """The last error that buildx or docker printed, secrets removed; all text if none is marked.

    A check that finds something is a failure without an error: there are events, and no text.
    """
    starts = [found.start() for found in re.finditer(r"^(?:ERROR|error): ", stderr, re.MULTILINE)]
    return redact(stderr[starts[-1] :] if starts else _EVENT.sub("", stderr)).strip()


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
        unexplained=bool(_PUSHING.search(evidence) and _INNER.search(reason)),
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
        (Detail.NOT_UTF8, NOT_UTF8 in reason),
        (Detail.KILLED, "exit code: 137" in evidence),
        (Detail.NO_SCOPE, NO_SCOPE in evidence),
        (Detail.UNSUPPORTED, _is_unsupported(evidence)),
        (Detail.PRIVILEGES, "privileges requested" in reason or "--allow=" in reason),
    )
    return next((detail for detail, is_so in found if is_so), None)


def _asked_for(stderr: str) -> tuple[str, ...]:
    """What buildx wants to be allowed; it says so before the error, or in it."""
    asked = _ASKS.findall(stderr)
    flags = asked[-1].split("--allow=") if asked else _REQUIRES.findall(stderr)
    return tuple(dict.fromkeys(flag.strip() for flag in flags if flag.strip()))


def _is_unsupported(evidence: str) -> bool:
    return bool(
        _MANIFEST_PUT.search(evidence)
        and _UNSUPPORTED.search(evidence)
        and not _OF_THE_ACCOUNT.search(evidence)
    )


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
