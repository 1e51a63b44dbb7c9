"""Whether services work, decided from the state of their containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from whalebuild.compose.containers import Container
from whalebuild.values import dataclass


@dataclass(frozen=True)
class HealthProblem:
    """A container that does not work.

    Attributes:
        service: The service that it belongs to.
        container: Its ID; empty where there is none at all.
        reason: What is wrong, as "it is unhealthy" or "it ended with exit code 1".
        output: What its health check printed last, or why the engine could not start it.
    """

    service: str
    container: str
    reason: str
    output: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What a container's health check said when it was run once more."""

    works: bool
    output: str = ""


@dataclass(frozen=True)
class HealthState:
    """The state of all containers of a wait.

    Attributes:
        problem: The first one that has failed for good.
        waiting: Containers that may work yet, each with what is waited for.
    """

    problem: HealthProblem | None = None
    waiting: Mapping[str, str] = field(default_factory=dict)


def judge(
    containers: Iterable[Container],
    restarts: Mapping[str, int],
    up_for: Mapping[str, float],
    grace: float,
    ended_with: Mapping[str, int] | None = None,
) -> HealthState:
    """Decide whether containers work, have failed, or may work yet.

    Args:
        containers: All that are to work.
        restarts: How often each had been restarted when it was seen first, by ID.
        up_for: Seconds for which each has been seen running without a break, by ID.
        grace: Seconds for which a container without a health check must stay up.
        ended_with: The exit code that each has ended with last, by ID, where that was seen: the
            engine has that of a container that runs again as 0.
    """
    ended = ended_with or {}
    waiting = {}
    for container in containers:
        reason = _fault(container, restarts.get(container.id, 0), ended.get(container.id))
        if reason:
            output = (container.error or container.health_log).strip()
            return HealthState(HealthProblem(container.service, container.id, reason, output))
        what = _waits_for(container, up_for.get(container.id, 0.0), grace)
        if what:
            waiting[container.name] = what
    return HealthState(None, waiting)


def _fault(container: Container, restarts_before: int, ended_with: int | None) -> str:
    if container.error:
        return "the engine cannot start it"
    if container.status == "restarting" or container.restarts > restarts_before:
        runs = container.status == "running"
        code = ended_with if runs else container.exit_code
        return "it keeps ending" + (
            "" if code is None else f", the last time with exit code {code}"
        )
    if container.status in {"dead", "removing", "paused"}:
        return f"it is {container.status}"
    if container.status == "exited" and not container.has_done_its_work:
        return f"it ended with exit code {container.exit_code}"
    return "it is unhealthy" if container.health == "unhealthy" else ""


def _waits_for(container: Container, up_for: float, grace: float) -> str:
    if container.has_done_its_work:
        return ""
    if container.status != "running":
        return "its start"
    if container.health:
        return "" if container.health == "healthy" else "its health check"
    return "" if up_for >= grace else "it to stay up"
