"""One deadline for all that a deploy does after its pull, and what is shown while compose works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem
from whalebuild.compose.order import needed_healthy
from whalebuild.deploy.health_wait import UnhealthyError, last_output
from whalebuild.deployplan.ports import Project
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.text import human_seconds
from whalebuild.values import dataclass

_LOOK_SECONDS = 1.0  # between two looks at the containers while compose works


@dataclass
class Deadline:
    """The moment at which a deploy, or its way back, is given up.

    Hooks, jobs, trials, compose's own waiting and health checks share it.

    Attributes:
        seconds: From its begin.
        clock: Seconds, as ``time.monotonic``.
        ends: By the clock; only a deadline that was begun can be over.
    """

    seconds: float
    clock: Callable[[], float]
    ends: float = float("inf")

    def begin(self) -> None:
        """Count from now."""
        self.ends = self.clock() + self.seconds

    @property
    def left(self) -> float:
        """Seconds that are left, 0 where it is over."""
        return max(0.0, min(self.ends - self.clock(), self.seconds))

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self.clock() >= self.ends

    @property
    def words(self) -> str:
        """What is left, for people."""
        return f"{human_seconds(self.left)} at the most"

    @property
    def passed(self) -> str:
        """All of it, for people."""
        return human_seconds(self.seconds)


@dataclass
class ComposeWatch:
    """Looks on while docker compose works: says what it waits for, and stops it at the deadline.

    ``docker compose up`` itself waits without end for a dependency that never becomes healthy.
    """

    project: Project
    console: Console
    deadline: Deadline
    _looked: float = float("-inf")

    def __call__(self) -> None:
        """Called several times a second; raises ``UnhealthyError`` where no time is left."""
        if self.deadline.is_over:
            raise self._too_late()
        now = self.deadline.clock()
        if now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            waits = ", ".join(f"{each.name} ({what})" for each, what in self._waits())
            what = f"waiting for {waits}" if waits else "docker compose works"
            self.console.progress(what, self.deadline.words)

    def _waits(self) -> list[tuple[Container, str]]:
        try:
            needed = needed_healthy(self.project.model())
            return list(_waited_for(self.project.containers(), needed))
        except CommandFailedError:
            return []  # compose says it, if the engine is lost

    def _too_late(self) -> UnhealthyError:
        # Others that were only created wait for its health check.
        for each, what in sorted(self._waits(), key=lambda found: not found[0].health):
            reason = (
                f"it does not work after {self.deadline.passed}: still waiting for {what}, in "
                "`docker compose up`"
            )
            problem = HealthProblem(each.service, each.id, reason, each.health_log.strip())
            return UnhealthyError(problem, last_output(self.project, each.id))
        reason = f"docker compose has not ended after {self.deadline.passed}"
        return UnhealthyError(HealthProblem("", "", reason))


def _waited_for(
    containers: Iterable[Container], needed: Collection[str]
) -> Iterator[tuple[Container, str]]:
    """What compose may be waiting for; it looks at no container of ``docker compose run``.

    One that is unhealthy it does not wait for, but fails.
    """
    for each in containers:
        if each.oneoff:
            continue
        if each.status == "created":
            yield each, "its start"
        elif each.status == "removing":
            yield each, "its removal"
        elif each.is_up and each.health == "starting" and each.service in needed:
            yield each, "its health check"
