"""What a deploy or a rollback did, as values and for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from whalebuild.deploy.plan import DeployPlan, ServiceChange, download_of
from whalebuild.errors import Retry

SCHEMA = "whalebuild.deploy/1"


class DeployAction(StrEnum):
    """What was done."""

    DEPLOYED = "deployed"
    ROLLED_BACK = "rolled back"
    UNCHANGED = "unchanged"
    PULLED = "pulled"  # --pre-pull
    WARMED = "warmed"  # --warm
    PLANNED = "planned"  # --dry-run


@dataclass(frozen=True)
class DeployResult:
    """A finished deploy or rollback.

    Attributes:
        number: Its number in the record; None where it did not get into it.
        to: The deployment that a rollback went back to.
        pull_seconds: What pulling took.
        switch_seconds: What starting the versions took, until they worked.
    """

    done: DeployAction
    plan: DeployPlan
    number: int | None = None
    to: int | None = None
    pull_seconds: float = 0.0
    switch_seconds: float = 0.0
    retries: tuple[Retry, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The versioned form."""
        download, total = download_of(self.plan.diffs)
        return {
            "schema": SCHEMA,
            "project": self.plan.model.name,
            "done": str(self.done),
            "deployment": self.number,
            "to": self.to,
            "services": [_service(each) for each in self.plan.services.values()],
            "download_bytes": download,
            "images_bytes": total,
            "exact": all(diff.exact for diff in self.plan.diffs),
            "pull_seconds": round(self.pull_seconds, 3),
            "switch_seconds": round(self.switch_seconds, 3),
            "notes": list(self.plan.notes),
            "retries": [asdict(retry) for retry in self.retries],
        }


def changed(changes: Iterable[ServiceChange]) -> str:
    """Services and their new versions, in a few words."""
    return ", ".join(
        f"{each.service.name} {short(each.version.digest)}" for each in changes if each.version
    )


def short(digest: str | None) -> str:
    """A digest's first digits."""
    return (digest or "")[: len("sha256:") + 12]


def _service(change: ServiceChange) -> dict[str, Any]:
    return {
        "service": change.service.name,
        "action": str(change.action),
        "version": str(change.version) if change.version else None,
        "before": str(change.before) if change.before else None,
        "order": str(change.order) if change.version else None,
        "why": change.why or None,
    }
