"""Says a failure in the user's words, with the next step and the exit code: a pure function."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from whalebuild.errors import (
    BuildError,
    EngineError,
    RefusedError,
    UnreachableError,
    UsageError,
    WhalebuildError,
)
from whalebuild.failures.classify_docker import DockerFailure, cannot_run, fills_disk
from whalebuild.failures.failure import Detail, FailedError, Failure, FailureKind

_MAKE_IT_RUN = (
    "have the node register QEMU (`docker run --privileged --rm tonistiigi/binfmt --install all`), "
    "give the builder a node of that platform (`whalebuild builder create`), or run the step on "
    "$BUILDPLATFORM; `whalebuild plan` says where each runs"
)
_FREE_DISK = "free some of it (`docker buildx du`, `docker buildx prune`) or give it a larger disk"
_FREE_HOST = "free some of it (`docker system df`, `docker image prune`) or give it a larger disk"
_FREE_THERE = (
    "delete old tags there and collect garbage, or have it given a larger disk; what is published "
    "is whole"
)
_KILLED = (
    "137 is SIGKILL: see whether memory ran out (`dmesg`) or the engine was stopped meanwhile, "
    "and run the bake again"
)
_NAME_IT_ANEW = (
    "find names that are not UTF-8 (`find . | grep -avx '.*'`), and rename the files or leave them "
    "out with .dockerignore; also the targets of links and RUN instructions have to be UTF-8"
)


@contextmanager
def failures_as_errors() -> Iterator[None]:
    """Raise the failure of a request inside the block as the error that the user reads.

    Raises:
        WhalebuildError: The registry refused, or could not be reached.
    """
    try:
        yield
    except FailedError as failed:
        raise as_error(failed.failure) from None


def as_error(
    failure: Failure, *, log: str | None = None, platforms: Sequence[str] = ()
) -> WhalebuildError:
    """The error that the user reads for a failure, with its exit code.

    Args:
        failure: The failure.
        log: What the failing step of a build printed.
        platforms: Those that it was for, where others are built as well.
    """
    evidence = failure.evidence.removeprefix("ERROR: ")
    match failure.kind:
        case (
            FailureKind.TRANSIENT
            | FailureKind.UNREACHABLE
            | FailureKind.UNKNOWN_PUSH
            | FailureKind.UNKNOWN_PULL
        ):
            return _unreachable(failure, evidence)
        case (
            FailureKind.REFUSED
            | FailureKind.MISSING
            | FailureKind.CREDENTIAL
            | FailureKind.GONE
            | FailureKind.REGISTRY_FULL
        ):
            return _refused(failure, evidence)
        case FailureKind.ENGINE | FailureKind.ENGINE_LOST | FailureKind.DISK_FULL:
            return _engine(failure, evidence)
        case FailureKind.USAGE if failure.detail is Detail.PRIVILEGES:
            asked = failure.allow if isinstance(failure, DockerFailure) else ()
            return privileges_error(asked, evidence)
        case FailureKind.USAGE:
            return UsageError(evidence, next_step="correct it and run the command again")
        case FailureKind.BUILD | FailureKind.UNKNOWN:
            return _build(failure, evidence, log, platforms)


def privileges_error(asked: Iterable[str], cause: str, *, more: str = "") -> UsageError:
    """The error for a bake that needs consent which it has not.

    Args:
        asked: The values of ``--allow`` that give it.
        cause: What needs it.
        more: What else can be done.
    """
    flags = " ".join(f"--allow {shlex.quote(each)}" for each in dict.fromkeys(asked))
    return UsageError(
        "additional privileges requested: the bake file asks for what is not allowed",
        cause=cause,
        next_step=f"if that is meant, give {flags or '--allow'}{more}",
    )


def as_pull_error(failure: Failure) -> WhalebuildError:
    """The error for a failed pull of a host, where nothing is built and nothing is pushed."""
    evidence = failure.evidence.removeprefix("ERROR: ")
    match failure.kind:
        case FailureKind.DISK_FULL:
            return EngineError(
                "the disk of the host's engine is full", cause=evidence, next_step=_FREE_HOST
            )
        case FailureKind.ENGINE_LOST:
            return EngineError(
                f"the Docker engine went away: {failure.reason}",
                cause=evidence,
                next_step="look into its log (`journalctl -u docker`), and run the command again: "
                "layers that are there are not downloaded again",
            )
        case FailureKind.MISSING | FailureKind.GONE:
            return RefusedError(
                "the registry does not have the image, or not for this host's platform",
                cause=evidence,
                next_step="see what it has: whalebuild inspect",
            )
        case FailureKind.REFUSED:
            return RefusedError(
                f"the registry refused: {failure.reason}",
                cause=evidence,
                next_step="check `docker login` for this registry on the machine that runs this "
                "command, and that the account may pull from the repository",
            )
    return as_error(failure)


def _build(
    failure: Failure, evidence: str, log: str | None, platforms: Sequence[str]
) -> BuildError | EngineError:
    named = f" for {', '.join(platforms)}" if platforms else ""
    unrunnable = cannot_run(log or "")
    if unrunnable:
        return EngineError(
            f"the builder cannot run programs{named or ' of the platform that was asked for'}",
            cause=f"{evidence}; it printed: {unrunnable}",
            next_step=_MAKE_IT_RUN,
            log=log,
        )
    if failure.detail is Detail.NO_PLATFORM:
        return BuildError(
            f"an image that the build stands on is not there{named or ' for this platform'}",
            cause=evidence,
            next_step="see which platforms it has (`docker buildx imagetools inspect`), and name "
            "one of these with --platform, or take another base image",
            log=log,
        )
    # A step that fills the disk fails as any other; only what it printed tells.
    if fills_disk(log or ""):
        said = f"{evidence}; it printed: no space left on device"
        step = f"if that is the builder's disk, {_FREE_DISK}"
        return BuildError(f"the build failed{named}", cause=said, next_step=step, log=log)
    steps = {Detail.KILLED: _KILLED, Detail.NOT_UTF8: _NAME_IT_ANEW}
    hint = steps.get(failure.detail) if failure.detail else None
    return BuildError(f"the build failed{named}", cause=evidence, next_step=hint, log=log)


def _unreachable(failure: Failure, evidence: str) -> UnreachableError:
    if failure.kind is FailureKind.UNKNOWN_PUSH:
        return UnreachableError(
            "the push failed for a reason that whalebuild does not know",
            cause=evidence,
            next_step="run the bake again; if it fails the same way, please report these words",
        )
    if failure.kind is FailureKind.UNKNOWN_PULL:
        return UnreachableError(
            "the pull failed for a reason that whalebuild does not know",
            cause=evidence,
            next_step="run the command again; if it fails the same way, please report these words",
        )
    step = (
        "check the registry's address and state; "
        "--retry-attempts and --retry-deadline set how long to try"
    )
    if failure.detail is Detail.CERTIFICATE:
        step = "make the registry's certificate authority known to the engine and the builder"
    elif failure.detail is Detail.PLAIN_HTTP:
        step = "the registry speaks plain http: allow it as an insecure registry in the engine"
    return UnreachableError(
        f"the registry could not be reached: {failure.reason}", cause=evidence, next_step=step
    )


def _refused(failure: Failure, evidence: str) -> RefusedError:
    if failure.kind is FailureKind.CREDENTIAL:
        return RefusedError(
            f"the registry did not accept the login: {failure.reason}",
            cause=evidence,
            next_step="log in again (`docker login`); in CI, check that the token has not expired "
            "and that it is for this registry",
        )
    if failure.kind is FailureKind.GONE:
        return RefusedError(
            f"the registry has lost something that is published: {failure.reason}",
            cause=evidence,
            next_step="build it anew: whalebuild bake --no-cache",
        )
    if failure.kind is FailureKind.REGISTRY_FULL:
        return RefusedError("the registry's disk is full", cause=evidence, next_step=_FREE_THERE)
    return RefusedError(
        f"the registry refused: {failure.reason}",
        cause=evidence,
        next_step="check `docker login` for this registry, and that the account may push "
        "to the repository",
    )


def _engine(failure: Failure, evidence: str) -> EngineError:
    if failure.kind is FailureKind.DISK_FULL:
        return EngineError("the builder's disk is full", cause=evidence, next_step=_FREE_DISK)
    if failure.kind is FailureKind.ENGINE_LOST:
        return EngineError(
            f"the Docker engine went away: {failure.reason}",
            cause=evidence,
            next_step="look into its log (`journalctl -u docker`), and run the bake again: steps "
            "that were done come from the cache",
        )
    return EngineError(
        f"the Docker engine cannot do this: {failure.reason}",
        cause=evidence,
        next_step="check `docker info` and `docker buildx inspect`",
    )
