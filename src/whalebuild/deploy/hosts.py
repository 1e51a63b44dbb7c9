"""A deploy to several hosts: what became of each, and to what those that were done go back."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from whalebuild.deploy.result import DeployResult, left_out
from whalebuild.deployments.history import good_deployments
from whalebuild.deployments.record import History
from whalebuild.deployplan.plan import DeployPlan
from whalebuild.errors import DeployError, InterruptedRunError, WhalebuildError
from whalebuild.values import dataclass


class HostEnd(StrEnum):
    """What became of a host."""

    DONE = "done"
    FAILED = "failed"
    BACK = "gone back"  # it was done, and runs again what ran before, since another one failed
    NOT_BACK = "not gone back"  # the same, but that could not be done
    LEFT = "not begun"


@dataclass(frozen=True)
class HostOutcome:
    """What was to be done on a host, and what became of it.

    Attributes:
        host: Its name.
        engine: Its engine's ID.
        result: What was done, also if it was gone back on later; None where nothing was.
        error: Why it failed, or why it could not go back.
        back_to: The deployment whose versions run again.
    """

    host: str
    engine: str
    plan: DeployPlan
    end: HostEnd
    result: DeployResult | None = None
    error: WhalebuildError | None = None
    back_to: int | None = None


def good_before(history: History, number: int) -> int | None:
    """The last good deployment before one; None if there is none."""
    return max((good for good in good_deployments(history) if good < number), default=None)


def failure_of(outcomes: Sequence[HostOutcome], verb: str) -> WhalebuildError | None:
    """The error that a run on several hosts ends with; None where all of them are done.

    Services may have been left as they are where all hosts are done: see ``left_out``.
    """
    failed = [each for each in outcomes if each.end is HostEnd.FAILED]
    if not failed:
        left = (left_out(each.result) for each in outcomes if each.result)
        return next(filter(None, left), None)
    first = failed[0]
    kind: type[WhalebuildError] = DeployError
    if any(isinstance(each.error, InterruptedRunError) for each in failed):
        kind = InterruptedRunError
    stuck = [each.host for each in outcomes if each.end is HostEnd.NOT_BACK]
    step = f"see what runs on {', '.join(stuck)} with `whalebuild history`" if stuck else None
    error = first.error
    said = "; ".join(filter(None, (_rest(outcomes), error.what if error else "")))
    return kind(
        f"the {verb} failed on {', '.join(each.host for each in failed)}: {said}",
        cause=error.cause if error else None,
        next_step=step or (error.next_step if error else None),
        log=error.log if error else None,
    )


def _rest(outcomes: Sequence[HostOutcome]) -> str:
    """What became of the other hosts, in a few words."""
    said = {
        HostEnd.BACK: "went back",
        HostEnd.NOT_BACK: "could NOT go back",
        HostEnd.LEFT: "was not begun",
        HostEnd.DONE: "had nothing to go back on",
    }
    by_end = {end: [each.host for each in outcomes if each.end is end] for end in said}
    return ", ".join(f"{', '.join(hosts)} {said[end]}" for end, hosts in by_end.items() if hosts)
