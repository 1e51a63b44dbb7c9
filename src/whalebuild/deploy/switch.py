"""Switches services to other versions, and sees that these work."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem
from whalebuild.compose.model import UpdateOrder
from whalebuild.compose.up import UpFlag
from whalebuild.deploy.compose_up import (
    ComposeUp,
    containers_of,
    require_containers,
    version_of,
)
from whalebuild.deploy.course import Course
from whalebuild.deploy.deadline import Deadline
from whalebuild.deploy.health_wait import HealthWait, UnhealthyError
from whalebuild.deploy.start_first import StartFirst
from whalebuild.deployplan.plan import (
    DeployPlan,
    ServiceAction,
    ServiceChange,
    host_name,
    running_of,
)
from whalebuild.deployplan.ports import Project
from whalebuild.oci.reference import familiar
from whalebuild.published.kept import kept_name
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Switcher:
    """Starts versions that the engine has already; each has its kept name there.

    The host's tags are made to stand for what is to run, so that ``docker compose up`` finds it
    under the name that the project's files have, and nothing to do when it is run by hand later.
    """

    project: Project
    console: Console
    compose: ComposeUp
    start_first: StartFirst
    health: HealthWait
    deadline: Deadline

    def switch(self, plan: DeployPlan, course: Course) -> None:
        """Start all versions of a plan but those of jobs, and wait until they work.

        Args:
            plan: What is to run.
            course: Is told when the versions before may be stopped.

        Raises:
            UnhealthyError: A service does not start or does not work.
            EngineError: The engine cannot be asked.
        """
        changes = [each for each in plan.changes if not each.service.is_job]
        before = self.start_first.clean_up()
        if beside := [each for each in changes if each.order is UpdateOrder.START_FIRST]:
            self.start_first.start(beside, course)
            before = self.project.containers()
        self.set_tags(plan)  # of those that stay as well: others may have moved them
        names = self.project.named_images()
        if _is_all_there(plan, before, names):
            course.done = True
            return
        self._up(plan, before, names, course)
        containers = self.project.containers()
        about = {each.service.name for each in changes}
        ran = {each.id for each in before if each.status == "running"}
        started = [c for c in containers if c.id not in ran and _is_started(c, plan)]
        changed = [c for name in about for c in containers_of(containers, name)]
        require_containers(changes, changed)
        _check_versions([each for each in plan.pairs if not each.service.is_job], changed, names)
        self.health.wait({each.id for each in (*started, *changed)}, self.deadline.ends)
        course.done = True

    def set_tags(self, plan: DeployPlan) -> None:
        """Have the host's tags stand for a plan's versions."""
        names = self.project.named_images() if plan.pairs else {}
        for each in plan.pairs:
            kept = _kept_image(names, each)
            if kept is None or names.get(familiar(str(host_name(version_of(each))))) != kept:
                self.compose.tag(each)

    def _up(
        self,
        plan: DeployPlan,
        containers: Collection[Container],
        images: Mapping[str, str],
        course: Course,
    ) -> None:
        """Have compose start the services.

        All are named, and all but the jobs: compose would start a job again that has ended. Among
        those that are named it keeps their order and conditions (``WithSelectedServices`` of
        compose-go).
        """
        names = [name for name in plan.to_start if not plan.services[name].service.is_job]
        orphans = plan.orphans if plan.remove_orphans else ()
        if names or orphans:
            replaced = _replaced(plan, containers, images)
            course.stops([*replaced, *_too_many(plan, containers)])
        if orphans:
            # Before: one that was renamed may have the port of its successor.
            self.console.progress("removing orphans", self.deadline.words)
            self.project.remove([each.id for each in orphans])
        if names:
            self.console.progress("docker compose looks for what to start", self.deadline.words)
            self.compose.up(names, plan.pairs, flags=(UpFlag.NO_DEPS,))
            stale = [name for name in names if _is_stale(plan.services[name])]
            if stale:
                flags = (UpFlag.NO_DEPS, UpFlag.FORCE_RECREATE)
                self.compose.up(stale, plan.pairs, flags=flags)


def _kept_image(names: Mapping[str, str], change: ServiceChange) -> str | None:
    """The engine's ID of the version that a service is to run, by the name that keeps it."""
    return names.get(familiar(str(kept_name(version_of(change).digest or ""))))


def _check_versions(
    pairs: Collection[ServiceChange], containers: Collection[Container], names: Mapping[str, str]
) -> None:
    """Raise where another image runs: a tag was moved before compose read it."""
    for each in pairs:
        expected = _kept_image(names, each)
        for container in running_of(containers, each.service.name):
            if container.image != expected:
                reason = f"it runs {container.image}, another image than it was to run"
                name = host_name(version_of(each))
                output = f"somebody has moved {name} on this host meanwhile"
                raise UnhealthyError(HealthProblem(each.service.name, container.id, reason, output))


def _is_all_there(
    plan: DeployPlan, containers: Collection[Container], names: Mapping[str, str]
) -> bool:
    """Whether compose would find nothing to start or to replace.

    Args:
        plan: What is to run.
        containers: Of the project.
        names: The engine's IDs of images, by their names in docker's short form.
    """
    if plan.touched or (plan.orphans and plan.remove_orphans):
        return False
    for each in plan.services.values():
        if each.service.is_job or each.action.is_left:
            continue
        named = names.get(familiar(str(each.service.image)))
        image = _kept_image(names, each) if each.version else named
        mine = containers_of(containers, each.service.name)
        running = [c for c in mine if c.status == "running" and c.image == image]
        if image is None or len(running) != len(mine) or len(mine) != each.service.replicas:
            return False
    return True


def _replaced(
    plan: DeployPlan, containers: Collection[Container], names: Mapping[str, str]
) -> Iterator[Container]:
    """The running containers that compose is going to replace, as far as the plan tells.

    Args:
        plan: What is to run.
        containers: Of the project.
        names: The engine's IDs of images, by their names in docker's short form.
    """
    for each in plan.changes:
        if not each.is_replaced or each.service.is_job or _was_switched(each):
            continue
        runs_on = _kept_image(names, each) if each.action is ServiceAction.UPDATE else None
        for container in containers_of(containers, each.service.name):
            old = each.before_image in {"", container.image} and container.image != runs_on
            if container.status == "running" and old:
                yield container


def _too_many(plan: DeployPlan, containers: Collection[Container]) -> Iterator[Container]:
    """Those that compose removes since fewer are to run: it keeps the lowest numbers.

    ``ensureService`` in ``pkg/compose/convergence.go`` of compose 2.
    """
    for each in plan.changes:
        if each.action is ServiceAction.CONFIGURE and not each.is_replaced:
            own = containers_of(containers, each.service.name)
            own = sorted((one for one in own if one.is_up), key=lambda one: one.number)
            yield from own[each.service.replicas :]


def _was_switched(change: ServiceChange) -> bool:
    """Whether a service was switched start-first, so that its containers are new by now."""
    return change.order is UpdateOrder.START_FIRST and not change.service.exclusive


def _is_stale(change: ServiceChange) -> bool:
    """Whether a service's containers are to be replaced, and compose does not see it."""
    return change.forced and change.action is not ServiceAction.UPDATE and not _was_switched(change)


def _is_started(container: Container, plan: DeployPlan) -> bool:
    """Whether a container is of what the switch starts: no job's, and none that was run by hand."""
    change = plan.services.get(container.service)
    return change is not None and not change.service.is_job and not container.oneoff
