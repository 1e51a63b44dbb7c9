"""The record of deployments for machines: ``whalebuild.history/1``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from whalebuild.deploy.drift import Stray
from whalebuild.deploy.history import effective, unsure
from whalebuild.deploy.record import Deployment, History, Versions

SCHEMA = "whalebuild.history/1"


@dataclass(frozen=True)
class HistoryView:
    """What ``history`` shows.

    Attributes:
        project: Its name.
        engine: The engine's ID.
        file: Where the record is.
        strays: Services that run something else than it says.
    """

    project: str
    engine: str
    file: str
    history: History
    strays: tuple[Stray, ...] = ()


def history_json(view: HistoryView) -> dict[str, Any]:
    """The versioned form; null is what is not known, or does not run."""
    meant = effective(view.history)
    return {
        "schema": SCHEMA,
        "project": view.project,
        "engine": view.engine,
        "file": view.file,
        "effective": meant.number if meant else None,
        "deployments": [_deployment(each) for each in view.history.deployments],
        "warmed": [
            {"at": each.at, "service": each.service, "image": str(each.image)}
            for each in view.history.warmed
        ],
        "damaged_lines": list(view.history.damaged),
        "unsure": sorted(unsure(view.history)),
        "strays": [
            {
                "service": stray.service,
                "recorded": str(stray.recorded) if stray.recorded else None,
                "found": list(stray.found),
            }
            for stray in view.strays
        ],
    }


def _deployment(each: Deployment) -> dict[str, Any]:
    begun, ended = each.begun, each.ended
    return {
        "number": each.number,
        "act": str(begun.act),
        "to": begun.to,
        "outcome": str(each.outcome),
        "reason": ended.reason if ended else None,
        "began": begun.at,
        "ended": ended.at if ended else None,
        "services": _versions(begun.services),
        "before": _versions(begun.before),
        "running": _versions(ended.running) if ended else None,
        "downloaded_bytes": ended.downloaded if ended else None,
        "seconds": ended.seconds if ended else None,
    }


def _versions(versions: Versions) -> dict[str, str | None]:
    return {name: str(version) if version else None for name, version in versions.items()}
