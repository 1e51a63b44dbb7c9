"""Every error that a user can meet, with its exit code, and the retries made before it.

An error says *what* happened, the likely *cause* and the *next step*. The command line turns
it into a message and an exit code; nothing else in the package calls ``sys.exit``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar

from whalebuild.text import human_seconds
from whalebuild.values import dataclass


class ExitCode(IntEnum):
    """Exit codes of the process."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    ENGINE = 3
    BUILD = 4
    REFUSED = 5
    UNREACHABLE = 6
    UNVERIFIED = 7
    DEPLOY = 8
    INTERRUPTED = 130


@dataclass(frozen=True)
class Place:
    """Where in the user's files an error is.

    Attributes:
        file: Its path, from the working folder.
        line: Its number, as far as it is known.
        text: What stands there; the number may be that of a file that was made of this one.
    """

    file: str
    line: int | None = None
    text: str = ""


class WhalebuildError(Exception):
    """Base of all expected errors.

    Attributes:
        what: One line, what happened.
        cause: The likely cause, or the evidence for it.
        next_step: What the user can do about it.
        log: Output to show in full before the message, such as the log of a failed step.
        retries: The retries that the command made before it, successful or not.
        place: Where in the user's files it is, if it is anywhere there.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(
        self,
        what: str,
        *,
        cause: str | None = None,
        next_step: str | None = None,
        log: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.next_step = next_step
        self.log = log
        self.retries: tuple[Retry, ...] = ()
        self.place: Place | None = None

    @property
    def why(self) -> str:
        """The cause, as far as it is known: for a message about something else."""
        return self.cause or self.what


class UsageError(WhalebuildError):
    """The command line, the settings, the bake file or the Dockerfile is not usable as given."""


class EngineError(WhalebuildError):
    """There is no Docker engine, or it cannot do the job."""

    exit_code = ExitCode.ENGINE


class BuildError(WhalebuildError):
    """The build itself failed: a step of the Dockerfile, not the machinery around it."""

    exit_code = ExitCode.BUILD


class RefusedError(WhalebuildError):
    """The registry answered, and its answer was no."""

    exit_code = ExitCode.REFUSED


class UnreachableError(WhalebuildError):
    """The registry did not answer properly within the retry budget."""

    exit_code = ExitCode.UNREACHABLE


class VerificationError(WhalebuildError):
    """What was pushed is not what was to be published; the tags stay as they were."""

    exit_code = ExitCode.UNVERIFIED


class DeployError(WhalebuildError):
    """Services could not be switched to another version, or not now."""

    exit_code = ExitCode.DEPLOY


class InterruptedRunError(WhalebuildError):
    """SIGINT, SIGTERM or SIGHUP arrived; what was running has been stopped."""

    exit_code = ExitCode.INTERRUPTED


class AbandonedRunError(InterruptedRunError):
    """A second signal arrived while things were put back: nothing more is."""


@dataclass(frozen=True)
class Retry:
    """One retry that was made.

    Attributes:
        step: What failed, such as ``reading acme/web:deps``.
        reason: Why it failed.
        attempt: The number of the failed attempt, from 1.
        waited: Seconds between that attempt and the next.
    """

    step: str
    reason: str
    attempt: int
    waited: float


def retry_summary(retries: Sequence[Retry]) -> str:
    """One line: how many retries there were, the time waited, the reasons; empty without any."""
    if not retries:
        return ""
    waited = human_seconds(sum(retry.waited for retry in retries))
    counts: dict[str, int] = {}
    for retry in retries:
        counts[retry.reason] = counts.get(retry.reason, 0) + 1
    reasons = ", ".join(f"{n} x {why}" if n > 1 else why for why, n in counts.items())
    noun = "retry" if len(retries) == 1 else "retries"
    return f"{len(retries)} {noun}, {waited} waited ({reasons})"
