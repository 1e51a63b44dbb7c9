"""Findings: what was looked at, whether it is in order, why not, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from whalebuild.errors import ExitCode, WhalebuildError
from whalebuild.values import dataclass


class Status(StrEnum):
    """How a finding counts; the later ones are worse."""

    OK = "ok"
    SKIPPED = "skipped"  # it could not be looked at, or there is nothing to look at
    WARNING = "warning"  # a bake works, and something is slow, or will fail later
    FAILURE = "failure"  # a bake fails


_BADNESS = tuple(Status)


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        what: One line.
        cause: Why that is so, or the evidence.
        next_step: What to do about it, in words.
        command: The command that mends it, as it is typed.
        exit_code: Of a failure: that of the bake which fails of it.
    """

    status: Status
    what: str
    cause: str | None = None
    next_step: str | None = None
    command: str | None = None
    exit_code: ExitCode = ExitCode.DONE

    def mended_by(self, command: str | None, next_step: str | None = None) -> Finding:
        """The same with another mend; None leaves what there is."""
        return replace(self, command=command or self.command, next_step=next_step or self.next_step)


@dataclass(frozen=True)
class Result:
    """What came of one check.

    Attributes:
        name: A short name that does not change.
        title: What the user reads.
        seconds: How long it took.
    """

    name: str
    title: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0

    @property
    def status(self) -> Status:
        """The worst of its findings."""
        return max((f.status for f in self.findings), key=_BADNESS.index, default=Status.OK)


def ok(what: str) -> Finding:
    """It is in order."""
    return Finding(Status.OK, what)


def skipped(why: str) -> Finding:
    """It was not looked at."""
    return Finding(Status.SKIPPED, why)


def warning(
    what: str,
    *,
    cause: str | None = None,
    next_step: str | None = None,
    command: str | None = None,
) -> Finding:
    """A bake works, but."""
    return Finding(Status.WARNING, what, cause, next_step, command)


def failure(error: WhalebuildError, command: str | None = None) -> Finding:
    """A bake would end with this error."""
    return Finding(
        Status.FAILURE, error.what, error.cause, error.next_step, command, error.exit_code
    )


def exit_code(results: Iterable[Result]) -> ExitCode:
    """That of the first failure, in the order of the checks; warnings are no failure."""
    failed = (f for each in results for f in each.findings if f.status is Status.FAILURE)
    return next((f.exit_code for f in failed), ExitCode.DONE)


def counted(results: Sequence[Result]) -> dict[Status, int]:
    """How many checks ended how."""
    return {status: sum(r.status is status for r in results) for status in Status}
