"""Waits until containers work, or it is known that they do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem, judge
from whalebuild.deploy.ports import Project
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.text import human_seconds

_EVERY = 0.5


class UnhealthyError(Exception):
    """Services do not work.

    Attributes:
        trouble: Which, and why.
        log: The last lines of its output.
        switched: Whether anything else than before runs, or did for a while.
    """

    def __init__(self, trouble: HealthProblem, log: str = "") -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble
        self.log = log
        self.switched = True


@dataclass
class HealthWait:
    """Looks at containers until they work.

    Attributes:
        timeout: Seconds for all of them.
        grace: Seconds for which one without a health check must stay up.
    """

    project: Project
    console: Console
    timeout: float
    grace: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _restarts: dict[str, int] = field(default_factory=dict)
    _up_since: dict[str, float] = field(default_factory=dict)

    def wait(self, ids: Collection[str]) -> None:
        """Wait for containers; each look is a docker command or two.

        Raises:
            UnhealthyError: One of them does not work, or not in time.
            EngineError: The engine cannot be asked.
        """
        deadline = self.clock() + self.timeout
        while True:
            try:
                containers = [each for each in self.project.containers() if each.id in ids]
            except CommandFailedError as failed:  # it may be back in a moment
                if self.clock() > deadline:
                    # No command of a service's has failed: the engine is lost.
                    raise EngineError(
                        failed.what, cause=failed.cause, next_step=failed.next_step
                    ) from None
                self.sleep(_EVERY)
                continue
            if len(containers) < len(set(ids)):
                raise UnhealthyError(_gone(containers))
            waiting = self._judge(containers)
            if not waiting:
                return
            if self.clock() > deadline:
                first = next(each for each in containers if each.name in waiting)
                took = f"it does not work after {human_seconds(self.timeout)}"
                raise self._unhealthy(
                    HealthProblem(
                        first.service,
                        first.id,
                        f"{took}: still waiting for {waiting[first.name]}",
                        first.health_log.strip(),
                    )
                )
            left = human_seconds(max(0.0, deadline - self.clock()))
            shown = ", ".join(f"{name} ({what})" for name, what in waiting.items())
            self.console.progress(f"waiting for {shown}", f"{left} at the most")
            self.sleep(_EVERY)

    def _judge(self, containers: Collection[Container]) -> dict[str, str]:
        now = self.clock()
        for each in containers:
            self._restarts.setdefault(each.id, each.restarts)
            if each.status != "running":
                self._up_since.pop(each.id, None)
            else:
                self._up_since.setdefault(each.id, now)
        up_for = {name: now - since for name, since in self._up_since.items()}
        verdict = judge(containers, self._restarts, up_for, self.grace)
        if verdict.trouble:
            raise self._unhealthy(verdict.trouble)
        return dict(verdict.waiting or {})

    def _unhealthy(self, trouble: HealthProblem) -> UnhealthyError:
        return UnhealthyError(trouble, last_words(self.project, trouble.container))


def last_words(project: Project, container: str, lines: int = 20) -> str:
    """The last lines of a container's output, or nothing where they cannot be had."""
    try:
        return project.logs(container, lines).strip()
    except CommandFailedError:
        return ""


def _gone(there: Collection[Container]) -> HealthProblem:
    names = ", ".join(each.name for each in there) or "none of them"
    return HealthProblem("", "", f"a container was removed by somebody else (left: {names})")
