"""What is asked of the engine that is to pull."""

from __future__ import annotations

from typing import Protocol

from whalebuild.builder.facts import BuilderFacts
from whalebuild.published.host_images import HostImage, RunningImage


class Host(Protocol):
    """The engine that is to pull. Every method may raise ``CommandFailedError``."""

    def id(self) -> str:
        """The engine's own ID; a new installation has a new one."""

    def facts(self) -> BuilderFacts:
        """Look at the engine of the current docker context, whatever builder is chosen."""

    def images(self) -> tuple[HostImage, ...]:
        """All images that it has, those without a name as well."""

    def listed(self) -> tuple[HostImage, ...]:
        """The same images with their names alone: one question, however many there are."""

    def running(self) -> tuple[RunningImage, ...]:
        """The images of its running containers."""

    def used(self) -> tuple[RunningImage, ...]:
        """The images of all its containers, also those that do not run."""
