"""Starts new versions beside the old ones, so that a version that does not work stops nothing.

What clients see of it was measured: docs/start-first.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.names import found_by_name, half_replaced, unnamed_containers, without_names
from whalebuild.compose.up import UpFlag
from whalebuild.deploy.compose_up import (
    ComposeUp,
    containers_of,
    not_started,
    require_containers,
    version_of,
)
from whalebuild.deploy.course import Course
from whalebuild.deploy.deadline import Deadline
from whalebuild.deploy.health_wait import HealthWait
from whalebuild.deployplan.plan import ServiceChange
from whalebuild.deployplan.ports import Project
from whalebuild.errors import AbandonedRunError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.published.kept import kept_name
from whalebuild.values import dataclass

# Seconds between taking the old containers' names away and stopping them. The first packet of a
# connection that is opened while a container rejoins a network is lost, and is sent again after a
# second: the old container must still be there then. Swarm waits that long as well.
DRAINING = 2.0
_BESIDE = (UpFlag.NO_RECREATE, UpFlag.NO_DEPS)


@dataclass(frozen=True)
class StartFirst:
    """Has new versions work before anything of the old ones is stopped.

    Attributes:
        sleep: As ``time.sleep``.
    """

    project: Project
    console: Console
    compose: ComposeUp
    health: HealthWait
    deadline: Deadline
    sleep: Callable[[float], None]

    def clean_up(self) -> tuple[Container, ...]:
        """Mend what a run that was killed has left: trials, containers without names, half made.

        Compose might keep just the one that is not found by its name, and stop the others.

        Returns:
            The project's containers, afterwards.
        """
        containers = self.project.containers()
        unnamed = unnamed_containers(self.project.model(), containers)
        trials = [each.id for each in containers if each.trial]
        left = dict.fromkeys((*trials, *unnamed.removable, *half_replaced(containers)))
        if left:
            self.project.remove(list(left))
        for container, names in (unnamed.to_rejoin or {}).items():
            self.project.rejoin(container, names)
        return self.project.containers() if left or unnamed.to_rejoin else containers

    def start(self, changes: Collection[ServiceChange], course: Course) -> None:
        """Switch the services that can run twice; those that cannot are tried out before.

        Raises:
            UnhealthyError: A service does not start or does not work: its old version still runs.
        """
        for each in changes:
            if each.service.exclusive:
                self._try_out(each)
        for each in changes:
            if not each.service.exclusive and not self._runs(each):
                self._start_beside(each, course)

    def _runs(self, change: ServiceChange) -> bool:
        """Whether a service runs its version already, in all its containers and no other.

        An earlier run that was killed may have come so far.
        """
        if change.configured:
            return False
        image = self.project.image_id(kept_name(version_of(change).digest or ""))
        containers = containers_of(self.project.containers(), change.service.name)
        images = [each.image for each in containers if each.is_up]
        return images == [image] * change.service.replicas

    def _try_out(self, change: ServiceChange) -> None:
        """Have one container of the new version work beside the old one, without its ports."""
        name, version = change.service.name, version_of(change)
        self.console.note(f"{name}: trying the new version beside the old one")
        try:
            image = kept_name(version.digest or "")
            self.project.start_trial(name, image, watch=self.compose.watch)
            trials = [c.id for c in self.project.containers() if c.trial and c.service == name]
            self.health.wait(trials, self.deadline.ends)
        except CommandFailedError as failed:
            raise not_started(name, failed) from None
        except AbandonedRunError:
            self._remove_trials(at_once=True)
            raise
        finally:
            self._remove_trials()

    def _remove_trials(self, *, at_once: bool = False) -> None:
        """Remove trials by their label, also one that compose was making when it was stopped."""
        left = [each.id for each in self.project.containers() if each.trial]
        if left:
            self.console.progress("removing the trial", self.deadline.words)
            self.project.remove(left, at_once=at_once)

    def _start_beside(self, change: ServiceChange, course: Course) -> None:
        """Start the new version beside the old one, and remove that when the new one works.

        In the service's networks, each version is found by its names only while it works.
        """
        name, named = change.service.name, found_by_name(change.service)
        self.console.note(f"{name}: starting the new version beside the old one")
        self.compose.tag(change)
        ended = [c.id for c in containers_of(self.project.containers(), name) if not c.is_up]
        if ended:  # compose would count them, and start them again
            self.project.remove(ended)
        old = containers_of(self.project.containers(), name)
        with self._removed_on_failure(name, old, course):
            new = self._new_containers(change, old, () if not named else (UpFlag.NO_START,))
            if named:
                for each in new:
                    self.project.rejoin(each.id, without_names(each))
                # It gives them secrets and configs, too, and runs hooks: `docker start` would not.
                self._new_containers(change, old)
            self.health.wait([each.id for each in new], self.deadline.ends)
            if named:
                for each in new:
                    self.project.rejoin(each.id, each.aliases)
            course.stops(old)
        if named:
            self._drain(old)
        self.console.progress(f"stopping the old version of {name}", self.deadline.words)
        self.project.remove([each.id for each in old])

    def _new_containers(
        self, change: ServiceChange, old: Collection[Container], flags: Collection[UpFlag] = ()
    ) -> list[Container]:
        """Have compose make the containers that are to run beside the old ones, or start them."""
        name, before = change.service.name, {each.id for each in old}
        count = len(old) + change.service.replicas
        self.compose.up([name], [change], count, flags=(*_BESIDE, *flags))
        new = [
            each for each in containers_of(self.project.containers(), name) if each.id not in before
        ]
        require_containers([change], new)
        return new

    def _drain(self, old: Collection[Container]) -> None:
        """Take the old ones' names away, and leave them time for the requests under way."""
        for each in old:
            # They are removed in any case; if the engine is lost, the next call says so.
            with contextlib.suppress(CommandFailedError):
                self.project.rejoin(each.id, without_names(each))
        self.sleep(DRAINING)

    @contextlib.contextmanager
    def _removed_on_failure(
        self, name: str, old: Collection[Container], course: Course
    ) -> Iterator[None]:
        """Remove a service's new containers if anything fails, be it by Ctrl-C.

        They stay if the old ones were told to drain: then only the new ones serve anybody, until
        the way back has made the version before anew.
        """
        told = set(course.drained)
        try:
            yield
        except AbandonedRunError:
            raise  # the next run removes them
        except BaseException as failed:
            before = {each.id for each in old}
            if before.isdisjoint(course.drained - told):
                containers = containers_of(self.project.containers(), name)
                new = [each for each in containers if each.id not in before]
                # One that works may have been found by its labels.
                course.back().stops(new)
                self.project.remove([each.id for each in new])
            if isinstance(failed, CommandFailedError):
                raise not_started(name, failed) from None
            raise
