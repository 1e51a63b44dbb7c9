"""Switches services to other versions, and sees that these work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from whalebuild.core.compose_model import Order
from whalebuild.core.containers import Container
from whalebuild.core.deploy_plan import DeployPlan, Switch, host_name, needs_override, running_of
from whalebuild.core.engine_failures import final_error
from whalebuild.core.failures import CommandFailedError
from whalebuild.core.health import Trouble
from whalebuild.core.kept_images import kept_name
from whalebuild.core.references import Reference
from whalebuild.workflows.health_waiting import HealthWait, UnhealthyError, last_words
from whalebuild.workflows.ports import Console, Project


@dataclass(frozen=True)
class Switcher:
    """Starts versions that the engine has already; each has its kept name there.

    The host's tags are made to stand for what is to run, so that ``docker compose up`` finds it
    under the name that the project's files have, and nothing to do when it is run by hand later.
    """

    project: Project
    console: Console
    health: Callable[[], HealthWait]

    def switch(self, plan: DeployPlan) -> None:
        """Start all versions of a plan, and wait until they work.

        Raises:
            UnhealthyError: A service does not start or does not work. The versions before may or
                may not run.
            EngineError: The engine cannot be asked.
        """
        self.tidy()
        self._start_first([s for s in plan.changes if s.order is Order.START_FIRST])
        self.set_tags(plan)  # of those that stay as well: others may have moved them
        before = {each.id for each in self.project.containers() if each.status == "running"}
        self._up(plan.named, plan.pairs)
        containers = self.project.containers()
        changed = {each.service.name for each in plan.changes}
        started = [c for c in containers if c.id not in before and not c.oneoff]
        mine = [c for name in changed for c in _of(containers, name)]
        self._check_there(plan.changes, mine)
        self.health().wait({each.id for each in (*started, *mine)})
        self._check_versions(plan.pairs)

    def tidy(self) -> None:
        """Remove trial containers that a run which was killed has left."""
        left = [each.id for each in self.project.containers() if each.trial]
        if left:
            self.project.remove(left)

    def set_tags(self, plan: DeployPlan) -> None:
        """Have the host's tags stand for a plan's versions."""
        for each in plan.pairs:
            self._tag(each)

    def _start_first(self, switches: Collection[Switch]) -> None:
        """See the new versions work before the old ones are stopped: first those on trial."""
        switched = False
        try:
            for each in switches:
                if each.service.alone:
                    self._try_out(each)
            for each in switches:
                if not each.service.alone:
                    self._start_beside(each)
                    switched = True
        except UnhealthyError as failed:
            failed.switched = switched
            raise

    def _try_out(self, switch: Switch) -> None:
        """Have one container of the new version work beside the old one, without its ports."""
        name, version = switch.service.name, _wanted(switch)
        self.console.note(f"{name}: trying the new version beside the old one")
        try:
            self.project.start_trial(name, kept_name(version.digest or ""))
            trials = [c.id for c in self.project.containers() if c.trial and c.service == name]
            self.health().wait(trials)
        except CommandFailedError as failed:
            raise _not_started(name, failed) from None
        finally:
            self.tidy()

    def _start_beside(self, switch: Switch) -> None:
        """Start the new version beside the old one, and remove that when the new one works."""
        name = switch.service.name
        containers = self.project.containers()
        there = {each.id for each in containers}
        old = [each.id for each in running_of(containers, name)]
        self.console.note(f"{name}: starting the new version beside the old one")
        self._tag(switch)
        count = len(old) + switch.service.replicas
        try:
            self._up([name], [switch], count)
            containers = self.project.containers()
            new = [each.id for each in _of(containers, name) if each.id not in old]
            self._check_there([switch], [each for each in containers if each.id in new])
            self.health().wait(new)
        except UnhealthyError:
            # Compose may have started some before it failed itself.
            found = _of(self.project.containers(), name)
            self.project.remove([each.id for each in found if each.id not in there])
            raise
        self.project.remove(old)

    def _tag(self, switch: Switch) -> None:
        version = _wanted(switch)
        if version.tag:
            self.project.tag(str(kept_name(version.digest or "")), host_name(version))

    def _up(
        self, services: Sequence[str], pairs: Collection[Switch], count: int | None = None
    ) -> None:
        """Run compose; with a count, one service gets that many containers and keeps its own."""
        images = {
            each.service.name: host_name(_wanted(each))
            for each in pairs
            if needs_override(each.service, _wanted(each))
        }
        scales = None if count is None else dict.fromkeys(services, count)
        alone = count is not None
        try:
            self.project.up(
                services, images=images, scales=scales, recreate=not alone, dependencies=not alone
            )
        except CommandFailedError as failed:
            raise self._blamed(failed, pairs) from None

    def _blamed(self, failed: CommandFailedError, pairs: Collection[Switch]) -> UnhealthyError:
        """What compose failed for: the container that it names, or else all of them."""
        words = final_error(failed.stderr)
        for each in self.project.containers():
            if each.name in words and each.status != "created":
                trouble = Trouble(each.service, each.id, "docker compose failed", words)
                return UnhealthyError(trouble, last_words(self.project, each.id))
        return _not_started(", ".join(each.service.name for each in pairs), failed)

    def _check_there(self, changes: Collection[Switch], mine: Collection[Container]) -> None:
        there = {each.service for each in mine}
        for each in changes:
            if each.service.replicas and each.service.name not in there:
                raise UnhealthyError(Trouble(each.service.name, "", "it has no container"))

    def _check_versions(self, changes: Collection[Switch]) -> None:
        """A host's tag may be moved between our moving it and compose's reading it."""
        containers = self.project.containers()
        for each in changes:
            wanted = self.project.image_id(kept_name(_wanted(each).digest or ""))
            for container in running_of(containers, each.service.name):
                if container.image != wanted:
                    moved = f"it runs {container.image}, another image than it was to run"
                    said = f"somebody has moved {host_name(_wanted(each))} on this host meanwhile"
                    raise UnhealthyError(Trouble(each.service.name, container.id, moved, said))


def _wanted(switch: Switch) -> Reference:
    assert switch.version is not None, "plain services are compose's"  # noqa: S101
    return switch.version


def _of(containers: Collection[Container], service: str) -> list[Container]:
    return [each for each in containers if each.service == service and not each.oneoff]


def _not_started(name: str, failed: CommandFailedError) -> UnhealthyError:
    words = final_error(failed.stderr)
    return UnhealthyError(Trouble(name, "", "docker compose could not start it", words))
