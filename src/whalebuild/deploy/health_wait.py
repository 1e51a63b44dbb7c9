"""Waits until containers work, or it is known that they do not."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem, HealthState, judge
from whalebuild.deploy.ports import Project
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.text import human_seconds

_INTERVAL = 0.5  # seconds between two looks


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
        sleep: As ``time.sleep``.
    """

    project: Project
    console: Console
    timeout: float
    grace: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def wait(self, ids: Collection[str], until: float | None = None) -> None:
        """Wait for containers; each look is a docker command or two.

        Args:
            ids: Of the containers.
            until: When they must work, by the clock; None for the timeout from now.

        Raises:
            UnhealthyError: One of them does not work, or not in time.
            EngineError: The engine cannot be asked.
        """
        seen = _Observed()
        deadline = self.clock() + self.timeout if until is None else until
        while True:
            try:
                containers = [each for each in self.project.containers() if each.id in ids]
            except CommandFailedError as failed:  # it may be back in a moment
                if self.clock() > deadline:
                    # No command of a service's has failed: the engine is lost.
                    raise EngineError(
                        failed.what, cause=failed.cause, next_step=failed.next_step
                    ) from None
                self.sleep(_INTERVAL)
                continue
            if len(containers) < len(set(ids)):
                raise UnhealthyError(_removed(containers))
            state = seen.judge(containers, self.clock(), self.grace)
            if state.problem:
                raise self._unhealthy(state.problem)
            if not state.waiting:
                return
            if self.clock() > deadline:
                first = next(each for each in containers if each.name in state.waiting)
                raise self._unhealthy(self._too_late(first, state.waiting[first.name]))
            left = human_seconds(max(0.0, deadline - self.clock()))
            shown = ", ".join(f"{name} ({what})" for name, what in state.waiting.items())
            self.console.progress(f"waiting for {shown}", f"{left} at the most")
            self.sleep(_INTERVAL)

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
        up_since: When each was first seen running, of those that have run without a break since.
    """

    restarts: dict[str, int] = field(default_factory=dict)
    up_since: dict[str, float] = field(default_factory=dict)

    def judge(self, containers: Collection[Container], now: float, grace: float) -> HealthState:
        """Take another look into account, and say how the containers are."""
        for each in containers:
            self.restarts.setdefault(each.id, each.restarts)
            if each.status != "running":
                self.up_since.pop(each.id, None)
            else:
                self.up_since.setdefault(each.id, now)
        up_for = {id_: now - since for id_, since in self.up_since.items()}
        return judge(containers, self.restarts, up_for, grace)


def last_output(project: Project, container: str, lines: int = 20) -> str:
    """The last lines of a container's output, or nothing where they cannot be had."""
    try:
        return project.logs(container, lines).strip()
    except CommandFailedError:
        return ""


def _removed(left: Collection[Container]) -> HealthProblem:
    names = ", ".join(each.name for each in left) or "none of them"
    return HealthProblem("", "", f"a container was removed by somebody else (left: {names})")
