"""What a deploy or a rollback did."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from whalebuild.deploy.prune import Pruning
from whalebuild.deployplan.plan import DeployPlan, ServiceChange
from whalebuild.errors import Retry, WhalebuildError
from whalebuild.text import short_digest
from whalebuild.values import dataclass


class DeployAction(StrEnum):
    """What was done."""

    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled back"
    UNCHANGED = "unchanged"
    PULLED = "pulled"  # --pre-pull
    WARMED = "warmed"  # --warm
    PLANNED = "planned"  # --dry-run


_DONE = {
    DeployAction.DEPLOYED: "deployed",
    DeployAction.ROLLED_BACK: "rolled back",
    DeployAction.UNCHANGED: "runs already",
    DeployAction.PULLED: "pulled",
    DeployAction.WARMED: "pulled ahead",
    DeployAction.PLANNED: "would be deployed",
}


@dataclass(frozen=True)
class DeployResult:
    """A finished deploy or rollback.

    Attributes:
        number: Its number in the record; None where it did not get into it.
        to: The deployment that a rollback went back to.
        pull_seconds: What pulling took.
        switch_seconds: What starting the versions took, until they worked.
        pruned: What became of images of old deployments, where that was looked into.
    """

    done: DeployAction
    plan: DeployPlan
    number: int | None = None
    to: int | None = None
    pull_seconds: float = 0.0
    switch_seconds: float = 0.0
    retries: tuple[Retry, ...] = ()
    pruned: Pruning | None = None

    @property
    def switched(self) -> bool:
        """Whether services were to be started, and not only planned or pulled."""
        return self.done not in {DeployAction.PLANNED, DeployAction.PULLED, DeployAction.WARMED}


def changed(changes: Iterable[ServiceChange]) -> str:
    """Services and their new versions, in a few words."""
    return ", ".join(
        f"{each.service.name} {short_digest(each.version.digest)}"
        if each.version
        else f"{each.service.name} by its configuration"
        for each in changes
    )


def left_out(result: DeployResult) -> WhalebuildError | None:
    """The error of a run that has left services as they are; None if it did all that it was to do.

    It has the exit code of the first one, and names what was done.
    """
    plan = result.plan
    error = next((each.unreachable for each in plan.left if each.unreachable), None)
    if error is None:
        return None
    left = ", ".join(each.service.name for each in plan.left)
    names = ", ".join(each.service.name for each in plan.changes)
    done = f"{_DONE[result.done]}: {names}" if names else "all else runs already"
    return type(error)(
        f"left as it is: {left}; {done} ({error.what})",
        cause=error.cause,
        next_step=error.next_step,
    )
