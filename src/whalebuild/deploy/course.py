"""How far a deploy has come, and who may stop it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Protocol

from whalebuild.compose.containers import Container
from whalebuild.values import dataclass


@dataclass
class Course:
    """How far a deploy has come: what has to be put back depends on it.

    Attributes:
        jobs: Those that have been run and ended well.
        job: The one that is running, or failed.
        switched: Whether anything of the versions before may be stopped by now.
        done: Whether all is switched and works.
        drain: Called with containers before they are stopped.
        drained: IDs of the containers that were told to take no more work; one of them that stays
            is of no use.
    """

    jobs: list[str] = field(default_factory=list)
    job: str = ""
    switched: bool = False
    done: bool = False
    drain: Callable[[Collection[Container]], None] | None = None
    drained: set[str] = field(default_factory=set)

    def stops(self, containers: Collection[Container]) -> None:
        """Say that containers of the versions before are about to be stopped."""
        if self.drain:
            self.drain(containers)
        self.switched = True

    def back(self) -> Course:
        """The way back: of the new versions, those that work may have been found by clients."""
        drain = self.drain

        def drain_working(containers: Collection[Container]) -> None:
            working = [c for c in containers if c.status == "running" and _may_serve(c)]
            if drain:
                drain(working)

        return Course(drain=drain_working, drained=self.drained)


def _may_serve(container: Container) -> bool:
    return container.health in {"", "healthy"}


class Interrupts(Protocol):
    """Signals that ask to stop. The first raises ``InterruptedRunError`` where the work is.

    The second one raises ``AbandonedRunError``: nothing more is put back.
    """

    def held(self) -> AbstractContextManager[None]:
        """A time in which the first signal is noted only: things are put back already."""

    def check(self) -> None:
        """Raise for a signal that was noted only."""

    def drop_output(self) -> None:
        """Have output go nowhere from now on: nobody reads it any more."""

    @property
    def came(self) -> bool:
        """Whether there was one. Ctrl-C reaches docker compose as well, and stops it."""
