"""Switches services to other versions, and sees that these work."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from whalebuild.buildkit.console import Console
from whalebuild.compose.health import HealthProblem
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.compose_up import ComposeUp, check_there, own, wanted
from whalebuild.deploy.health_wait import HealthWait, UnhealthyError
from whalebuild.deploy.plan import DeployPlan, ServiceChange, host_name, running_of
from whalebuild.deploy.ports import Project
from whalebuild.deploy.start_first import StartFirst
from whalebuild.published.kept import kept_name


@dataclass(frozen=True)
class Switcher:
    """Starts versions that the engine has already; each has its kept name there.

    The host's tags are made to stand for what is to run, so that ``docker compose up`` finds it
    under the name that the project's files have, and nothing to do when it is run by hand later.
    """

    project: Project
    console: Console
    health: Callable[[], HealthWait]
    sleep: Callable[[float], None] = time.sleep

    def switch(self, plan: DeployPlan) -> None:
        """Start all versions of a plan, and wait until they work.

        Raises:
            UnhealthyError: A service does not start or does not work. The versions before may or
                may not run.
            EngineError: The engine cannot be asked.
        """
        composer = ComposeUp(self.project)
        first = StartFirst(self.project, self.console, composer, self.health, self.sleep)
        first.tidy()
        first.start([s for s in plan.changes if s.order is UpdateOrder.START_FIRST])
        self.set_tags(plan)  # of those that stay as well: others may have moved them
        before = {each.id for each in self.project.containers() if each.status == "running"}
        composer.up(plan.named, plan.pairs)
        containers = self.project.containers()
        changed = {each.service.name for each in plan.changes}
        started = [c for c in containers if c.id not in before and not c.oneoff]
        mine = [c for name in changed for c in own(containers, name)]
        check_there(plan.changes, mine)
        self.health().wait({each.id for each in (*started, *mine)})
        self._check_versions(plan.pairs)

    def set_tags(self, plan: DeployPlan) -> None:
        """Have the host's tags stand for a plan's versions."""
        for each in plan.pairs:
            ComposeUp(self.project).tag(each)

    def _check_versions(self, changes: Collection[ServiceChange]) -> None:
        """A host's tag may be moved between our moving it and compose's reading it."""
        containers = self.project.containers()
        for each in changes:
            expected = self.project.image_id(kept_name(wanted(each).digest or ""))
            for container in running_of(containers, each.service.name):
                if container.image != expected:
                    moved = f"it runs {container.image}, another image than it was to run"
                    said = f"somebody has moved {host_name(wanted(each))} on this host meanwhile"
                    raise UnhealthyError(
                        HealthProblem(each.service.name, container.id, moved, said)
                    )
