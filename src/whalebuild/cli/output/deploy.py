"""What a deploy or a rollback does and did, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from whalebuild.cli.output.table import columns
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.plan import ServiceAction, ServiceChange, download_of
from whalebuild.deploy.result import DeployAction, DeployResult
from whalebuild.errors import retry_summary
from whalebuild.oci.reference import Reference
from whalebuild.text import human_bytes, human_seconds, short_digest

SCHEMA = "whalebuild.deploy/1"

_HOW = {
    ServiceAction.UPDATE: "updated",
    ServiceAction.START: "started",
    ServiceAction.CONFIGURE: "configured",
    ServiceAction.UNCHANGED: "unchanged",
    ServiceAction.CONFIRM: "runs already, and works",
    ServiceAction.WARM: "dependencies ahead",
    ServiceAction.PLAIN: "as compose has it",
}
_WILL = {
    **_HOW,
    ServiceAction.UPDATE: "to be updated",
    ServiceAction.START: "to be started",
    ServiceAction.CONFIGURE: "to be configured",
    ServiceAction.CONFIRM: "runs already, to be seen to work",
}


def deploy_table(result: DeployResult, width: int | None = None) -> str:
    """The table that ends a deploy or a rollback."""
    words = _HOW if result.switched else _WILL
    rows = [("SERVICE", "IMAGE", "WAS", "NOW", "ACTION")]
    rows += [_row(each, words) for each in result.plan.services.values()]
    return "\n".join([*columns(rows, width, head=True), "", _summary(result)])


def _row(change: ServiceChange, words: dict[ServiceAction, str]) -> tuple[str, str, str, str, str]:
    image = change.version or change.service.image
    how = words[change.action]
    if change.order is UpdateOrder.START_FIRST:
        how = f"{how} ({change.order})"
    if change.action is ServiceAction.PLAIN:
        how = f"{how}: {change.why}"
    if change.configured:
        how = f"{how}; {', '.join(change.configured)}"
    name = str(Reference(image.repository, image.tag)) if image else "-"
    now = change.version.digest if change.version else None
    was = change.before.digest if change.before else None
    return (change.service.name, name, short_digest(was) or "-", short_digest(now) or "-", how)


def _summary(result: DeployResult) -> str:
    return "; ".join(_parts(result))


def _parts(result: DeployResult) -> Iterator[str]:
    download, total = download_of(result.plan.diffs)
    cost = f"{human_bytes(download)} of {human_bytes(total)}" if total else "nothing"
    match result.done:
        case DeployAction.PLANNED:
            yield f"dry run, nothing was changed: a deploy downloads {cost}"
        case DeployAction.PULLED | DeployAction.WARMED:
            yield f"{result.done}, nothing was started: downloaded {cost}"
            yield f"pulled in {human_seconds(result.pull_seconds)}"
        case DeployAction.UNCHANGED:
            yield "nothing to deploy: all of it runs already"
        case DeployAction.ROLLED_BACK | DeployAction.DEPLOYED:
            back = f", back to {result.to}" if result.to else ""
            yield f"deployment {result.number}{back}: downloaded {cost}"
            yield f"pulled in {human_seconds(result.pull_seconds)}"
            yield f"switched in {human_seconds(result.switch_seconds)}"
    if result.retries:
        yield retry_summary(result.retries)


def deploy_json(result: DeployResult) -> dict[str, Any]:
    """The versioned form of a deploy or a rollback; sizes are bytes."""
    download, total = download_of(result.plan.diffs)
    return {
        "schema": SCHEMA,
        "project": result.plan.model.name,
        "done": str(result.done),
        "deployment": result.number,
        "to": result.to,
        "services": [_service_json(each) for each in result.plan.services.values()],
        "download_bytes": download,
        "images_bytes": total,
        "exact": all(diff.exact for diff in result.plan.diffs),
        "pull_seconds": round(result.pull_seconds, 3),
        "switch_seconds": round(result.switch_seconds, 3),
        "notes": list(result.plan.notes),
        "retries": [asdict(retry) for retry in result.retries],
    }


def _service_json(change: ServiceChange) -> dict[str, Any]:
    return {
        "service": change.service.name,
        "action": str(change.action),
        "version": str(change.version) if change.version else None,
        "before": str(change.before) if change.before else None,
        "order": str(change.order) if change.version else None,
        "why": change.why or None,
        "configured": list(change.configured),
    }
