"""Switches services to other versions, and sees that these work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from whalebuild.compose.health import HealthProblem
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.compose_up import (
    ComposeUp,
    containers_of,
    require_containers,
    version_of,
)
from whalebuild.deploy.health_wait import HealthWait, UnhealthyError
from whalebuild.deploy.plan import DeployPlan, ServiceAction, ServiceChange, host_name, running_of
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
    compose: ComposeUp
    start_first: StartFirst
    health: HealthWait

    def switch(self, plan: DeployPlan) -> None:
        """Start all versions of a plan, and wait until they work.

        Raises:
            UnhealthyError: A service does not start or does not work. The versions before may or
                may not run.
            EngineError: The engine cannot be asked.
        """
        self.start_first.clean_up()
        self.start_first.start([s for s in plan.changes if s.order is UpdateOrder.START_FIRST])
        self.set_tags(plan)  # of those that stay as well: others may have moved them
        before = {each.id for each in self.project.containers() if each.status == "running"}
        if plan.remove_orphans and plan.orphans:
            # Before: one that was renamed may have the port of its successor.
            self.project.remove([each.id for each in plan.orphans])
        names = plan.to_start if plan.named or plan.left else ()
        self.compose.up(names, plan.pairs, dependencies=not names)
        self._replace(plan)
        containers = self.project.containers()
        about = {each.service.name for each in plan.changes}
        mine = [c for c in containers if c.service in plan.services and not c.oneoff]
        started = [c for c in mine if c.id not in before]
        changed = [c for name in about for c in containers_of(containers, name)]
        require_containers(plan.changes, changed)
        self.health.wait({each.id for each in (*started, *changed)})
        self._check_versions(plan.pairs)

    def _replace(self, plan: DeployPlan) -> None:
        """Replace containers of which compose does not see that they have to be."""
        stale = [
            each
            for each in plan.services.values()
            if each.forced
            and each.action is not ServiceAction.UPDATE
            and (each.order is UpdateOrder.STOP_FIRST or each.service.exclusive)
        ]
        if stale:
            self.compose.replace([each.service.name for each in stale], plan.pairs)

    def set_tags(self, plan: DeployPlan) -> None:
        """Have the host's tags stand for a plan's versions."""
        for each in plan.pairs:
            self.compose.tag(each)

    def _check_versions(self, pairs: Collection[ServiceChange]) -> None:
        """Raise where another image runs: a tag was moved before compose read it."""
        containers = self.project.containers()
        for each in pairs:
            expected = self.project.image_id(kept_name(version_of(each).digest or ""))
            for container in running_of(containers, each.service.name):
                if container.image != expected:
                    reason = f"it runs {container.image}, another image than it was to run"
                    name = host_name(version_of(each))
                    output = f"somebody has moved {name} on this host meanwhile"
                    raise UnhealthyError(
                        HealthProblem(each.service.name, container.id, reason, output)
                    )
