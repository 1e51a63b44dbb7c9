"""The record of deployments as JSON lines (``whalebuild.deployment/1``), one entry a line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from whalebuild import jsonread as values
from whalebuild.deploy.record import (
    Begun,
    Deployment,
    DeploymentKind,
    Ended,
    Entry,
    History,
    Outcome,
    Versions,
    Warmed,
)
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference, parse_reference

SCHEMA = "whalebuild.deployment/1"
_MOST = 1 << 53  # the largest whole number that every JSON reader keeps
_NUMBER = re.compile(r'"number"\s*:\s*(\d{1,15})\b')


def entry_line(entry: Entry) -> str:
    """One entry as a line, without its end.

    Raises:
        ValueError: A version has no digest, so that it could not be deployed again.
    """
    match entry:
        case Begun():
            fields = {
                "event": "begun",
                "number": entry.number,
                "act": str(entry.act),
                "at": entry.at,
                "services": _versions_json(entry.services),
                "before": _versions_json(entry.before),
                "to": entry.to,
            }
            if entry.configurations:
                fields["configurations"] = dict(entry.configurations)
            if entry.configured:
                fields["configured"] = {name: list(w) for name, w in entry.configured.items()}
        case Ended():
            fields = {
                "event": "ended",
                "number": entry.number,
                "outcome": str(entry.outcome),
                "at": entry.at,
                "running": _versions_json(entry.running),
                "reason": entry.reason or None,
                "downloaded": entry.downloaded,
                "seconds": entry.seconds,
            }
        case Warmed():
            image = _version_json(entry.image)
            fields = {"event": "warmed", "at": entry.at, "service": entry.service, "image": image}
    return json.dumps({"schema": SCHEMA, **fields})


def read_history(text: str) -> History:
    """Read a record; lines that cannot be read, or do not fit to the others, are skipped.

    A line that does not fit is an end without a begin, or a number that is not larger than those
    before it. Empty lines are nothing.
    """
    begun: dict[int, Begun] = {}
    ended: dict[int, Ended] = {}
    warmed: list[Warmed] = []
    damaged = []
    highest = 0
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        highest = max([highest, *(int(found) for found in _NUMBER.findall(line))])
        match _entry(line):
            case Begun() as entry if entry.number > max(begun, default=0):
                begun[entry.number] = entry
            case Ended() as entry if entry.number in begun and entry.number not in ended:
                ended[entry.number] = entry
            case Warmed() as entry:
                warmed.append(entry)
            case _:
                damaged.append(at)
    deployments = tuple(Deployment(each, ended.get(number)) for number, each in begun.items())
    highest = max([highest, *begun])
    return History(deployments, tuple(warmed), tuple(damaged), highest)


def _entry(line: str) -> Entry | None:
    try:
        fields = values.table(json.loads(line))
        if fields.get("schema") != SCHEMA:
            return None
        return _READERS[values.text(fields.get("event"))](fields)
    except (ValueError, KeyError, UsageError, RecursionError):
        return None


def _begun(fields: Mapping[str, Any]) -> Begun:
    return Begun(
        _number(fields.get("number")),
        DeploymentKind(values.text(fields.get("act"))),
        _time(fields.get("at")),
        _versions(fields.get("services")),
        _versions(fields.get("before")),
        values.maybe(fields.get("to"), _number),
        _digests(fields.get("configurations") or {}),
        _words(fields.get("configured") or {}),
    )


def _ended(fields: Mapping[str, Any]) -> Ended:
    return Ended(
        _number(fields.get("number")),
        Outcome(values.text(fields.get("outcome"))),
        _time(fields.get("at")),
        _versions(fields.get("running")),
        values.maybe(fields.get("reason"), values.text),
        values.maybe(fields.get("downloaded"), _whole),
        values.maybe(fields.get("seconds"), _seconds),
    )


def _warmed(fields: Mapping[str, Any]) -> Warmed:
    return Warmed(
        _time(fields.get("at")), values.name(fields.get("service")), _version(fields.get("image"))
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Entry]] = {
    "begun": _begun,
    "ended": _ended,
    "warmed": _warmed,
}


def _versions(value: Any) -> dict[str, Reference | None]:
    return {
        values.name(service): values.maybe(version, _version)
        for service, version in values.table(value).items()
    }


def _digests(value: Any) -> dict[str, str]:
    return {values.name(key): values.digest(each) for key, each in values.table(value).items()}


def _words(value: Any) -> dict[str, tuple[str, ...]]:
    found = values.table(value).items()
    return {values.name(key): values.listed(each, values.text) for key, each in found}


def _version(value: Any) -> Reference:
    found = parse_reference(values.text(value), where="record")
    if found.digest is None:
        raise values.wrong(value, "version")
    return found


def _versions_json(versions: Versions) -> dict[str, str | None]:
    return {name: _version_json(v) if v else None for name, v in versions.items()}


def _version_json(version: Reference) -> str:
    if version.digest is None:
        raise ValueError(f"{version} has no digest")
    return str(version)


def _time(value: Any) -> str:
    """A time with its zone."""
    if datetime.fromisoformat(values.text(value)).tzinfo is None:
        raise values.wrong(value, "time")
    return str(value)


def _number(value: Any) -> int:
    if _whole(value) < 1:
        raise values.wrong(value, "number")
    return int(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
        raise values.wrong(value, "whole number")
    return value


def _seconds(value: Any) -> float:
    """Seconds, not negative and not endless."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise values.wrong(value, "number of seconds")
    if not math.isfinite(value) or not 0 <= value < _MOST:
        raise values.wrong(value, "number of seconds")
    return float(value)
