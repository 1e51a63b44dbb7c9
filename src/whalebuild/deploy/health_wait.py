"""Waits until containers work, or it is known that they do not."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import field

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.events import ContainerEvent, EventAction
from whalebuild.compose.health import HealthProblem, HealthState, judge
from whalebuild.deployplan.ports import Events, Project
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.text import human_seconds
from whalebuild.values import dataclass

_SHOW = 0.5  # seconds between two lines that say what is waited for
_LOOK = 5.0  # seconds until the containers are looked at though nothing has happened to them


class UnhealthyError(Exception):
    """A service does not work.

    Attributes:
        problem: Which one, and why.
        log: The last lines of its container's output.
    """

    def __init__(self, problem: HealthProblem, log: str = "") -> None:
        super().__init__(problem.reason)
        self.problem = problem
        self.log = log


@dataclass(frozen=True)
class HealthWait:
    """Looks at containers until they work.

    Attributes:
        timeout: Seconds for all of them.
        grace: Seconds for which one without a health check must stay up.
        clock: Seconds, as ``time.monotonic``.
    """

    project: Project
    console: Console
    timeout: float
    grace: float
    clock: Callable[[], float]

    def wait(self, ids: Collection[str], until: float | None = None) -> None:
        """Wait for containers; they are looked at when something happens to one of them.

        Args:
            ids: Of the containers.
            until: When they must work, by the clock; None for the timeout from now.

        Raises:
            UnhealthyError: One of them does not work, or not in time.
            EngineError: The engine cannot be asked.
        """
        seen = _Observed()
        deadline = self.clock() + self.timeout if until is None else until
        with self.project.events() as events:
            while True:
                state = self._look(ids, seen, deadline)
                if not state.waiting:
                    return
                self._until_next_look(events, seen, ids, state, deadline)

    def _look(self, ids: Collection[str], seen: _Observed, deadline: float) -> HealthState:
        """How the containers are; raises where they do not work, or too late."""
        try:
            containers = self.project.containers(ids)
        except CommandFailedError as failed:  # it may be back in a moment
            if self.clock() >= deadline:
                # No command of a service's has failed: the engine is lost.
                raise EngineError(
                    failed.what, cause=failed.cause, next_step=failed.next_step
                ) from None
            return HealthState(waiting={"the engine": "its answer"})
        if len(containers) < len(set(ids)):
            raise UnhealthyError(_removed(containers))
        state = seen.judge(containers, self.clock(), self.grace)
        if state.problem:
            raise self._unhealthy(state.problem)
        if state.waiting and self.clock() >= deadline:
            first = next(each for each in containers if each.name in state.waiting)
            raise self._unhealthy(self._too_late(first, state.waiting[first.name]))
        return state

    def _until_next_look(
        self,
        events: Events,
        seen: _Observed,
        ids: Collection[str],
        state: HealthState,
        deadline: float,
    ) -> None:
        """Until something happens to a container, one has stayed up long enough, or for a while."""
        shown = ", ".join(f"{name} ({what})" for name, what in state.waiting.items())
        until = min(self.clock() + _LOOK, deadline, *seen.stay_up_until(self.clock(), self.grace))
        while self.clock() < until:
            left = human_seconds(max(0.0, deadline - self.clock()))
            self.console.progress(f"waiting for {shown}", f"{left} at the most")
            happened = events.wait(min(_SHOW, until - self.clock()))
            if happened is None:
                return
            mine = [event for event in happened if event.container in ids]
            seen.note(mine)
            if mine:
                return

    def _too_late(self, container: Container, waits_for: str) -> HealthProblem:
        reason = (
            f"it does not work after {human_seconds(self.timeout)}: still waiting for {waits_for}"
        )
        output = container.health_log.strip()
        return HealthProblem(container.service, container.id, reason, output)

    def _unhealthy(self, problem: HealthProblem) -> UnhealthyError:
        return UnhealthyError(problem, last_output(self.project, problem.container))


@dataclass
class _Observed:
    """What one wait has seen of containers, by ID.

    Attributes:
        restarts: How often the engine had restarted each when it was seen first.
        up_since: When each without a health check was first seen running, of those that have run
            without a break since.
        ended_with: The exit code that each has ended with last, of those that have ended.
    """

    restarts: dict[str, int] = field(default_factory=dict)
    up_since: dict[str, float] = field(default_factory=dict)
    ended_with: dict[str, int] = field(default_factory=dict)

    def note(self, events: Collection[ContainerEvent]) -> None:
        """Take what has happened into account."""
        for each in events:
            if each.action is EventAction.DIE:
                self.up_since.pop(each.container, None)
                if each.exit_code is not None:
                    self.ended_with[each.container] = each.exit_code

    def stay_up_until(self, now: float, grace: float) -> list[float]:
        """When the next one of those that run has stayed up for the grace, if that is to come."""
        ends = (since + grace for since in self.up_since.values())
        return [end for end in ends if end > now]

    def judge(self, containers: Collection[Container], now: float, grace: float) -> HealthState:
        """Take another look into account, and say how the containers are."""
        for each in containers:
            self.restarts.setdefault(each.id, each.restarts)
            if each.status != "running" or each.health:
                self.up_since.pop(each.id, None)
            else:
                self.up_since.setdefault(each.id, now)
        up_for = {id_: now - since for id_, since in self.up_since.items()}
        return judge(containers, self.restarts, up_for, grace, self.ended_with)


def last_output(project: Project, container: str, lines: int = 20) -> str:
    """The last lines of a container's output, or nothing where they cannot be had."""
    try:
        return project.logs(container, lines).strip()
    except CommandFailedError:
        return ""


def _removed(left: Collection[Container]) -> HealthProblem:
    names = ", ".join(each.name for each in left) or "none of them"
    return HealthProblem("", "", f"a container was removed by somebody else (left: {names})")
