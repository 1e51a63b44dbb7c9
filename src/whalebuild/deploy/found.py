"""What was found running, started by other means: whether it was seen to work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from whalebuild.compose.containers import Container
from whalebuild.deploy.history import left_unfinished, next_number, state_now, unconfirmed_services
from whalebuild.deploy.plan import ServiceChange
from whalebuild.deploy.record import (
    Begun,
    DeploymentKind,
    Ended,
    Entry,
    History,
    Outcome,
    Versions,
)


def unproven(containers: Iterable[Container], now: datetime, grace: float) -> str:
    """Why one look at a service's containers does not show that it works; empty if it does.

    It does where its health check says so; without one, where it has run for longer than ``grace``
    and was never restarted. A job has ended with 0.

    Args:
        containers: Those that run, or have done their work.
        now: The time.
        grace: Seconds that a service without a health check must stay up.
    """
    return next((why for each in containers if (why := _why(each, now, grace))), "")


def found_entries(
    history: History,
    pairs: Iterable[ServiceChange],
    at: str,
    configurations: Mapping[str, str] | None = None,
) -> Iterator[Entry]:
    """Entries for what was started by other means, so that a rollback can go back to it.

    What was not seen to work is a failed deployment, which nothing goes back to.

    Args:
        history: The record as it is.
        pairs: What was seen of services, before anything of them is changed.
        at: The time, as the record has it.
        configurations: By which services run, as far as it is known: digests.
    """
    if left_unfinished(history):
        return
    unconfirmed, known = unconfirmed_services(history), state_now(history)
    found = [
        each
        for each in pairs
        if each.before
        and each.before != known.get(each.service.name)
        and each.service.name not in unconfirmed
    ]
    number = next_number(history)
    # What works last: it is meant to run.
    for works in (False, True):
        some = [each for each in found if (not each.unproven) is works]
        if some:
            versions: Versions = {each.service.name: each.before for each in some}
            before = {name: known.get(name) for name in versions}
            why = "; ".join(f"{each.service.name}: {each.unproven}" for each in some)
            outcome = Outcome.DONE if works else Outcome.FAILED
            ran = {n: digest for n, digest in (configurations or {}).items() if n in versions}
            yield Begun(number, DeploymentKind.FOUND, at, versions, before, configurations=ran)
            yield Ended(number, outcome, at, versions, None if works else why)
            number += 1


def _why(container: Container, now: datetime, grace: float) -> str:
    if container.has_done_its_work:
        return ""
    if container.status != "running":
        return f"it is {container.status}"
    if container.health:
        return "" if container.health == "healthy" else f"its health check says {container.health}"
    if container.restarts:
        times = "once" if container.restarts == 1 else f"{container.restarts} times"
        return f"it was restarted {times}"
    started = _time(container.started)
    if started is None or now - started <= timedelta(seconds=grace):
        return "it has only just been started"
    return ""


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
