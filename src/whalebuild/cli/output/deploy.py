"""What a deploy or a rollback does and did, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from whalebuild.cli.output.table import columns
from whalebuild.compose.containers import Container
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.prune import pruned_in_words
from whalebuild.deploy.result import DeployAction, DeployResult
from whalebuild.deployplan.plan import ServiceAction, ServiceChange, download_of
from whalebuild.errors import RefusedError, retry_summary
from whalebuild.oci.reference import Reference
from whalebuild.text import human_bytes, human_seconds, short_digest

SCHEMA = "whalebuild.deploy/1"
HEAD = ("SERVICE", "IMAGE", "WAS", "NOW", "ACTION")

_HOW = {
    ServiceAction.UPDATE: "updated",
    ServiceAction.START: "started",
    ServiceAction.CONFIGURE: "configured",
    ServiceAction.UNCHANGED: "unchanged",
    ServiceAction.CONFIRM: "runs already, and works",
    ServiceAction.WARM: "dependencies ahead",
    ServiceAction.PLAIN: "as compose has it",
    ServiceAction.UNREACHABLE: "left as it is",
    ServiceAction.HELD: "left as it is",
}
# Those that others wait for: they have run to their end by then.
_JOB = dict.fromkeys(
    (ServiceAction.UPDATE, ServiceAction.START, ServiceAction.CONFIGURE), "job done"
)
_WILL = {
    **_HOW,
    ServiceAction.UPDATE: "to be updated",
    ServiceAction.START: "to be started",
    ServiceAction.CONFIGURE: "to be configured",
    ServiceAction.CONFIRM: "runs already, to be seen to work",
}


def deploy_table(result: DeployResult, width: int | None = None) -> str:
    """The table that ends a deploy or a rollback."""
    rows = [HEAD, *service_rows(result)]
    return "\n".join([*columns(rows, width, head=True), "", summary(result)])


def service_rows(result: DeployResult) -> list[tuple[str, ...]]:
    """The rows of its table; the first word of each is the service's name."""
    words = _HOW if result.switched else _WILL
    rows: list[tuple[str, ...]] = [_row(each, words) for each in result.plan.services.values()]
    return [*rows, *(_orphan(each, result) for each in result.plan.orphans)]


def _row(change: ServiceChange, words: dict[ServiceAction, str]) -> tuple[str, str, str, str, str]:
    image = change.version or change.service.image
    name = str(Reference(image.repository, image.tag)) if image else "-"
    now = change.version.digest if change.version else None
    was = change.before.digest if change.before else None
    how = _how(change, words)
    return (change.service.name, name, short_digest(was) or "-", short_digest(now) or "-", how)


def _how(change: ServiceChange, words: dict[ServiceAction, str]) -> str:
    how = words[change.action]
    if change.service.is_job and change.action in _JOB:
        how = _JOB[change.action] if words is _HOW else f"job {words[change.action]}"
    if change.order is UpdateOrder.START_FIRST:
        how = f"{how} ({change.order})"
    if change.action in {ServiceAction.PLAIN, ServiceAction.HELD}:
        how = f"{how}: {change.why}"
    if change.unreachable:
        how = f"{how}: {_unasked(change)}"
    if change.configured:
        how = f"{how}: {', '.join(change.configured)}"
    return how


def _unasked(change: ServiceChange) -> str:
    registry = change.service.image.registry if change.service.image else "its registry"
    refused = isinstance(change.unreachable, RefusedError)
    return f"{registry} {'refuses it' if refused else 'cannot be reached'}"


def _orphan(container: Container, result: DeployResult) -> tuple[str, str, str, str, str]:
    how = "an orphan, is left"
    if result.plan.remove_orphans:
        how = "an orphan, removed" if result.switched else "an orphan, to be removed"
    return (container.service, str(container.image_name or "-"), "-", "-", how)


def summary(result: DeployResult) -> str:
    """The lines below its table."""
    pruned = pruned_in_words(result.pruned) if result.pruned else ""
    return "\n".join(["; ".join(_parts(result)), *([pruned] if pruned else [])])


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
            others = "all else" if result.plan.left else "all of it"
            yield f"nothing to deploy: {others} runs already"
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
        "pruned": [
            {"digest": each.digest, "bytes_at_most": each.size}
            for each in (result.pruned.removed if result.pruned else ())
        ],
        "notes": list(result.plan.notes),
        "orphans": [
            {"service": each.service, "container": each.name} for each in result.plan.orphans
        ],
        "orphans_removed": result.plan.remove_orphans and result.switched,
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
        "unreachable": change.unreachable.what if change.unreachable else None,
    }
