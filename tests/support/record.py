"""Entries of a deployment record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from whalebuild.deployments.record import (
    Begun,
    DeploymentKind,
    Ended,
    Entry,
    History,
    Outcome,
    Versions,
    Warmed,
)
from whalebuild.deployments.record_format import entry_line, read_history
from whalebuild.oci.reference import Reference

AT = "2026-11-27T09:44:26+00:00"


def version(name: str, service: str = "web") -> Reference:
    """A version of a service; each name has a digest of its own."""
    digest = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
    return Reference(f"registry.test/acme/{service}", "latest", digest)


def running(**services: str | None) -> dict[str, Reference | None]:
    """Versions of services by their names."""
    return {service: version(v, service) if v else None for service, v in services.items()}


def begun(
    number: int, services: Versions, before: Versions | None = None, to: int | None = None
) -> Begun:
    act = DeploymentKind.ROLLBACK if to else DeploymentKind.DEPLOY
    return Begun(number, act, AT, services, before or dict.fromkeys(services), to)


def ended(
    number: int, services: Versions, outcome: Outcome = Outcome.DONE, reason: str | None = None
) -> Ended:
    return Ended(number, outcome, AT, services, reason, 5800, 4.5)


def done(number: int, to: int | None = None, **services: str | None) -> tuple[Entry, Entry]:
    """The entries of a completed deployment."""
    return begun(number, running(**services), to=to), ended(number, running(**services))


def warmed(service: str, name: str) -> Warmed:
    return Warmed(AT, service, version(name, service))


def text(entries: Iterable[Entry]) -> str:
    return "".join(f"{entry_line(entry)}\n" for entry in entries)


def history(*entries: Entry) -> History:
    """The history that a record with these entries has."""
    return read_history(text(entries))
