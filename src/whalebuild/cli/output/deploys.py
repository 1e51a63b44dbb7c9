"""What a deploy or a rollback did on several hosts, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whalebuild.cli.output.deploy import HEAD, deploy_json, service_rows, summary
from whalebuild.cli.output.table import columns
from whalebuild.deploy.hosts import HostEnd, HostOutcome
from whalebuild.deploy.result import DeployAction, DeployResult
from whalebuild.errors import WhalebuildError

SCHEMA = "whalebuild.deploys/1"


def deploys_table(outcomes: Sequence[HostOutcome], width: int | None = None) -> str:
    """One table of all hosts, and a line for each."""
    rows: list[tuple[str, ...]] = [("HOST", *HEAD)]
    for each in outcomes:
        planned = each.result or DeployResult(DeployAction.PLANNED, each.plan)
        rows += [(each.host, *row) for row in _rows(each, planned)]
    lines = [f"{each.host}: {_line(each)}" for each in outcomes]
    return "\n".join([*columns(rows, width, head=True), "", *lines])


def _rows(each: HostOutcome, result: DeployResult) -> list[tuple[str, ...]]:
    rows = service_rows(result)
    if each.end is HostEnd.DONE:
        return rows
    changed = {change.service.name for change in each.plan.changes}
    return [(*row[:-1], str(each.end) if row[0] in changed else row[-1]) for row in rows]


def _line(each: HostOutcome) -> str:
    back = f"went back to deployment {each.back_to}" if each.back_to else ""
    match each.end:
        case HostEnd.DONE:
            return summary(each.result) if each.result else str(each.end)
        case HostEnd.BACK:
            return back
        case HostEnd.LEFT:
            return "not begun"
    what = each.error.what if each.error else ""
    return "; ".join(part for part in (f"{each.end}: {what}", back) if part)


def deploys_json(outcomes: Sequence[HostOutcome]) -> dict[str, Any]:
    """The versioned form: each host's own result is ``whalebuild.deploy/1``."""
    return {
        "schema": SCHEMA,
        "done": all(each.end is HostEnd.DONE for each in outcomes),
        "hosts": [
            {
                "host": each.host,
                "engine": each.engine,
                "end": str(each.end),
                "back_to": each.back_to,
                "result": deploy_json(each.result) if each.result else None,
                "error": _error_json(each.error),
            }
            for each in outcomes
        ],
    }


def _error_json(error: WhalebuildError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "what": error.what,
        "cause": error.cause,
        "next": error.next_step,
        "exit_code": int(error.exit_code),
    }
