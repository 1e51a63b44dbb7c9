"""Runs checks side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from whalebuild.doctor.finding import Finding, Result
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: A short name that does not change.
        title: What the user reads.
        look: Does it; what it asks has a time limit of its own.
    """

    name: str
    title: str
    look: Callable[[], Iterable[Finding]]


@dataclass(frozen=True)
class Begun:
    """A check that is under way; ``result`` waits for what comes of it."""

    check: Check
    result: Callable[[], Result]


def examine(
    checks: Iterable[Check], submit: Submit, clock: Callable[[], float]
) -> tuple[Begun, ...]:
    """Run all checks at once.

    Args:
        checks: In the order in which their results are wanted.
        submit: Has room for all of them.
        clock: Seconds that only ever grow.
    """

    def run(check: Check) -> Result:
        began = clock()
        findings = tuple(check.look())
        return Result(check.name, check.title, findings, round(clock() - began, 3))

    def begin(check: Check) -> Begun:
        return Begun(check, submit(lambda: run(check)).result)

    return tuple(begin(check) for check in checks)
