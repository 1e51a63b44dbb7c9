"""Starts new versions beside the old ones, so that a version that does not work stops nothing.

What comes of it for clients was measured: docs/start-first.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.names import found_by_name, nameless, without_names
from whalebuild.deploy.compose_up import ComposeUp, check_there, not_started, own, wanted
from whalebuild.deploy.health_wait import HealthWait, UnhealthyError
from whalebuild.deploy.plan import ServiceChange
from whalebuild.deploy.ports import Project
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.published.kept import kept_name

# The first packet of a connection that comes while a container rejoins a network is lost, and is
# sent again after a second: the old one has to be there then. Swarm waits that long as well.
DRAINING = 2.0


@dataclass(frozen=True)
class StartFirst:
    """Sees new versions work before anything of the old ones is stopped."""

    project: Project
    console: Console
    composer: ComposeUp
    health: Callable[[], HealthWait]
    sleep: Callable[[float], None]

    def tidy(self) -> None:
        """Mend what a run that was killed has left: trial containers, ones without names.

        Compose may keep just the one that nobody finds, and stop the others.
        """
        containers = self.project.containers()
        found = nameless(self.project.model(), containers)
        left = [each.id for each in containers if each.trial]
        if left or found.useless:
            self.project.remove([*left, *found.useless])
        for container, names in (found.again or {}).items():
            self.project.rejoin(container, names)

    def start(self, switches: Collection[ServiceChange]) -> None:
        """Switch the services that can run twice; those that cannot are tried out before.

        Raises:
            UnhealthyError: A service does not start or does not work: its old version still runs.
        """
        switched = False
        try:
            for each in switches:
                if each.service.alone:
                    self._try_out(each)
            for each in switches:
                if not each.service.alone and not self._runs(each):
                    self._start_beside(each)
                    switched = True
        except UnhealthyError as failed:
            failed.switched = switched
            raise

    def _runs(self, switch: ServiceChange) -> bool:
        """Whether all of a service runs a version: an earlier run came so far, or no further."""
        image = self.project.image_id(kept_name(wanted(switch).digest or ""))
        mine = own(self.project.containers(), switch.service.name)
        there = [each.image for each in mine if each.is_up]
        return there == [image] * switch.service.replicas

    def _try_out(self, switch: ServiceChange) -> None:
        """Have one container of the new version work beside the old one, without its ports."""
        name, version = switch.service.name, wanted(switch)
        self.console.note(f"{name}: trying the new version beside the old one")
        try:
            self.project.start_trial(name, kept_name(version.digest or ""))
            trials = [c.id for c in self.project.containers() if c.trial and c.service == name]
            self.health().wait(trials)
        except CommandFailedError as failed:
            raise not_started(name, failed) from None
        finally:
            left = [each.id for each in self.project.containers() if each.trial]
            if left:
                self.project.remove(left)

    def _start_beside(self, switch: ServiceChange) -> None:
        """Start the new version beside the old one, and remove that when the new one works.

        In the service's networks, each version is found by its names only while it works.
        """
        name, named = switch.service.name, found_by_name(switch.service)
        self.console.note(f"{name}: starting the new version beside the old one")
        self.composer.tag(switch)
        ended = [c.id for c in own(self.project.containers(), name) if not c.is_up]
        if ended:  # compose would count them in, and start them again
            self.project.remove(ended)
        old = own(self.project.containers(), name)
        with self._undone(name, {each.id for each in old}):
            new = self._made(switch, old, start=not named)
            if named:
                for each in new:
                    self.project.rejoin(each.id, without_names(each))
                # It gives them secrets and configs, too, and runs hooks: `docker start` would not.
                self._made(switch, old)
            self.health().wait([each.id for each in new])
            if named:
                for each in new:
                    self.project.rejoin(each.id, each.aliases)
        if named:
            self._drain(old)
        self.project.remove([each.id for each in old])

    def _made(
        self, switch: ServiceChange, old: Collection[Container], *, start: bool = True
    ) -> list[Container]:
        """Have compose make what is to run beside the old ones, or start it."""
        name, before = switch.service.name, {each.id for each in old}
        self.composer.up([name], [switch], len(old) + switch.service.replicas, start=start)
        new = [each for each in own(self.project.containers(), name) if each.id not in before]
        check_there([switch], new)
        return new

    def _drain(self, old: Collection[Container]) -> None:
        """Have nobody find the old ones any more, and leave them time for who has."""
        for each in old:
            # They are to go in any case; if it is the engine that is lost, the next call says it.
            with contextlib.suppress(CommandFailedError):
                self.project.rejoin(each.id, without_names(each))
        self.sleep(DRAINING)

    @contextlib.contextmanager
    def _undone(self, name: str, old: Collection[str]) -> Iterator[None]:
        """Remove what is new of a service if it comes to nothing, be it by Ctrl-C."""
        try:
            yield
        except BaseException as failed:
            there = own(self.project.containers(), name)
            self.project.remove([each.id for each in there if each.id not in old])
            if isinstance(failed, CommandFailedError):
                raise not_started(name, failed) from None
            raise
