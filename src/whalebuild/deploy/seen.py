"""Looks at what services run, and whether it works, before anything is said about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from whalebuild.compose.containers import Container
from whalebuild.deploy.compose_up import containers_of
from whalebuild.deployments.record import Versions
from whalebuild.deployplan.ports import Project
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.text import short_digest
from whalebuild.values import dataclass


@dataclass(frozen=True)
class SeenService:
    """What a service was seen to run.

    Attributes:
        version: None where nothing of it runs.
        works: Whether its containers run and their health checks, run once more, succeed.
        words: "web sha256:123222a610db runs, and its health check succeeds".
    """

    service: str
    version: Reference | None
    works: bool
    words: str


@dataclass(frozen=True)
class Observer:
    """Looks at services.

    Attributes:
        running_now: Which versions services run.
    """

    project: Project
    running_now: Callable[[Iterable[str]], Versions]

    def at(self, names: Collection[str]) -> tuple[SeenService, ...]:
        """Look at services, and run their health checks once more.

        Raises:
            EngineError: The engine cannot be asked.
        """
        versions, containers = self.running_now(names), self.project.containers()
        return tuple(self._at(name, versions.get(name), containers) for name in names)

    def _at(
        self, name: str, version: Reference | None, containers: Collection[Container]
    ) -> SeenService:
        mine = [each for each in containers_of(containers, name) if each.is_up]
        if not mine:
            return SeenService(name, None, works=False, words=f"nothing of {name} runs")
        what = f"{name} {short_digest(version.digest)}" if version else name
        for each in mine:
            if fault := self._fault(each):
                return SeenService(name, version, works=False, words=f"{what} runs, but {fault}")
        checked = any(each.health for each in mine)
        how = "its health check succeeds" if checked else "it is up (it has no health check)"
        return SeenService(name, version, works=True, words=f"{what} runs, and {how}")

    def _fault(self, container: Container) -> str:
        if container.status != "running":
            return f"is {container.status}, last ended with exit code {container.exit_code}"
        if not container.health:
            return ""
        try:
            checked = self.project.check_health(container.id)
        except CommandFailedError:
            return "its health check cannot be run"
        if checked is None or checked.works:
            return ""
        lines = checked.output.strip().splitlines()
        return "its health check fails" + (f": {lines[-1].strip()}" if lines else "")


def all_work(seen: Iterable[SeenService]) -> bool:
    """Whether all services were seen to work."""
    return all(each.works for each in seen)


def in_words(seen: Iterable[SeenService]) -> str:
    """What was seen, service by service."""
    return "; ".join(each.words for each in seen)
