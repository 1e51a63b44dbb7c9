"""Runs checks side by side, and hands out what came of them in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from whalebuild.doctor.finding import Finding, Result
from whalebuild.runtime.threads import Submit


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


def examine(
    checks: Iterable[Check], submit: Submit, clock: Callable[[], float]
) -> Iterator[Result]:
    """Run all checks at once.

    Args:
        checks: In the order in which their results are handed out, each as soon as it is there.
        submit: Has room for all of them.
        clock: Seconds that only ever grow.
    """

    def run(check: Check) -> Result:
        began = clock()
        findings = tuple(check.look())
        return Result(check.name, check.title, findings, round(clock() - began, 3))

    def begin(check: Check) -> Callable[[], Result]:
        return submit(lambda: run(check)).result

    for result in [begin(check) for check in checks]:
        yield result()
