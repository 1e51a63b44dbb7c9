"""The record of deployments, as text and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from whalebuild.cli.output.table import columns
from whalebuild.deployments.history import effective, interrupted_services
from whalebuild.deployments.record import (
    Begun,
    Deployment,
    DeploymentKind,
    History,
    Outcome,
    Versions,
)
from whalebuild.deployplan.drift import Drift
from whalebuild.oci.reference import Reference
from whalebuild.text import human_bytes, short_digest
from whalebuild.values import dataclass

SCHEMA = "whalebuild.history/1"
HOSTS_SCHEMA = "whalebuild.histories/1"
_HEAD = ("NOW", "N", "WHEN", "WHAT", "SERVICES", "OUTCOME", "DOWNLOADED", "SECONDS")


@dataclass(frozen=True)
class HistoryView:
    """What ``history`` shows.

    Attributes:
        project: Its name.
        engine: The engine's ID.
        file: Where the record is.
        drifts: Services that run something else than it says.
        interrupted: Digests of what runs of services whose deployment was interrupted.
    """

    project: str
    engine: str
    file: str
    history: History
    drifts: tuple[Drift, ...] = ()
    interrupted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def local_time(at: str) -> str:
    """A recorded time in the user's time zone."""
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def history_text(
    view: HistoryView, width: int | None = None, *, when: Callable[[str], str] = local_time
) -> str:
    """The table, the oldest first, and what the mark in it means."""
    if not view.history.deployments:
        return f"{view.project} has not been deployed yet ({view.file})"
    meant = effective(view.history)
    rows = [_HEAD, *(_row(each, meant, when) for each in view.history.deployments)]
    lines = columns(rows, width, head=True)
    if meant:
        lines += ["", f"* deployment {meant.number} is what is meant to run now"]
    return "\n".join(lines)


def history_notes(view: HistoryView) -> Iterator[str]:
    """Warnings: interrupted deployments, and services that were changed outside whalebuild."""
    if view.interrupted:
        runs = "; ".join(_runs(name, found) for name, found in view.interrupted.items())
        yield (
            f"a deployment of {', '.join(view.interrupted)} was interrupted, and {runs}; deploy "
            "again, or go back with `whalebuild rollback`"
        )
    for drift in view.drifts:
        yield _drift(drift)


def _runs(service: str, found: tuple[str, ...]) -> str:
    digests = ", ".join(short_digest(digest) for digest in found)
    return f"{service} runs {digests}" if digests else f"nothing of {service} runs"


def _drift(drift: Drift) -> str:
    recorded = short_digest(drift.recorded.digest) if drift.recorded else "nothing"
    if not drift.found:
        return f"{drift.service} does not run; the record says {recorded}"
    found = ", ".join(short_digest(digest) for digest in drift.found)
    return (
        f"{drift.service} runs {found}, not what the record says ({recorded}): "
        "somebody has changed it outside whalebuild"
    )


def _row(each: Deployment, meant: Deployment | None, when: Callable[[str], str]) -> tuple[str, ...]:
    ended = each.ended
    downloaded, seconds = (ended.downloaded, ended.seconds) if ended else (None, None)
    return (
        "*" if meant and each.number == meant.number else "",
        str(each.number),
        when(each.begun.at),
        _what(each),
        ", ".join(_service(name, each.begun) for name in _about(each.begun)) or "-",
        _outcome(each),
        "-" if downloaded is None else human_bytes(downloaded),
        "-" if seconds is None else f"{seconds:.1f}",
    )


def _about(begun: Begun) -> Iterable[str]:
    return dict.fromkeys([*begun.services, *begun.configured])


def _service(name: str, begun: Begun) -> str:
    version = [_version(begun.services[name])] if name in begun.services else []
    words = ", ".join(begun.configured.get(name, ()))
    return " ".join([name, *version, *([f"({words})"] if words else [])])


def _what(each: Deployment) -> str:
    begun = each.begun
    if begun.act is DeploymentKind.ROLLBACK:
        return f"rollback to {begun.to}" if begun.to else "rollback"
    return "found running" if begun.act is DeploymentKind.FOUND else str(begun.act)


def _outcome(each: Deployment) -> str:
    if each.outcome is Outcome.INTERRUPTED:
        return "interrupted"
    reason = " ".join((each.ended.reason or "").split()) if each.ended else ""
    return f"{each.outcome}: {reason}" if reason else str(each.outcome)


def _version(version: Reference | None) -> str:
    return f"{short_digest(version.digest)}…" if version else "nothing"


def history_json(view: HistoryView) -> dict[str, Any]:
    """The versioned form; null is what is not known, or does not run."""
    meant = effective(view.history)
    return {
        "schema": SCHEMA,
        "project": view.project,
        "engine": view.engine,
        "file": view.file,
        "effective": meant.number if meant else None,
        "deployments": [_deployment_json(each) for each in view.history.deployments],
        "warmed": [
            {"at": each.at, "service": each.service, "image": str(each.image)}
            for each in view.history.warmed
        ],
        "damaged_lines": list(view.history.damaged),
        "unsure": sorted(interrupted_services(view.history)),
        "strays": [
            {
                "service": drift.service,
                "recorded": str(drift.recorded) if drift.recorded else None,
                "found": list(drift.found),
            }
            for drift in view.drifts
        ],
    }


def histories_text(
    views: Mapping[str, HistoryView],
    width: int | None = None,
    *,
    when: Callable[[str], str] = local_time,
) -> str:
    """The tables of several hosts, by the hosts' names."""
    return "\n\n".join(
        f"{host}:\n{history_text(view, width, when=when)}" for host, view in views.items()
    )


def histories_json(views: Mapping[str, HistoryView]) -> dict[str, Any]:
    """The versioned form of several hosts': each of them is ``whalebuild.history/1``."""
    return {
        "schema": HOSTS_SCHEMA,
        "hosts": [{"host": host, "history": history_json(view)} for host, view in views.items()],
    }


def _deployment_json(each: Deployment) -> dict[str, Any]:
    begun, ended = each.begun, each.ended
    return {
        "number": each.number,
        "act": str(begun.act),
        "to": begun.to,
        "outcome": str(each.outcome),
        "reason": ended.reason if ended else None,
        "began": begun.at,
        "ended": ended.at if ended else None,
        "services": _versions_json(begun.services),
        "before": _versions_json(begun.before),
        "configured": {name: list(words) for name, words in begun.configured.items()},
        "running": _versions_json(ended.running) if ended else None,
        "downloaded_bytes": ended.downloaded if ended else None,
        "seconds": ended.seconds if ended else None,
    }


def _versions_json(versions: Versions) -> dict[str, str | None]:
    return {name: str(version) if version else None for name, version in versions.items()}
