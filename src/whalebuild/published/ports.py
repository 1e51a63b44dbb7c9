"""What is asked of the engine that is to pull."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from whalebuild.builder.facts import BuilderFacts
from whalebuild.published.host_images import HostImage, RunningImage


class Host(Protocol):
    """The engine that is to pull. Every method may raise ``CommandFailedError``."""

    def id(self) -> str:
        """The engine's own ID; a new installation has a new one."""

    def facts(self) -> BuilderFacts:
        """Look at the engine of the current docker context, whatever builder is chosen."""

    def images(self, ids: Iterable[str] | None = None) -> tuple[HostImage, ...]:
        """Images that it has, those without a name as well: each is a question of its own.

        Args:
            ids: Which ones, by the engine's IDs; all of them if it is None.
        """

    def listed(self) -> tuple[HostImage, ...]:
        """All images with their names alone: one question, however many there are."""

    def running(self) -> tuple[RunningImage, ...]:
        """The images of its running containers."""

    def used(self) -> tuple[RunningImage, ...]:
        """The images of all its containers, also those that do not run."""
