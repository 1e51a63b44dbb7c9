"""What the engine of the current docker context has: images, and those of running containers."""

from __future__ import annotations

import os
from typing import Self

from whalebuild.bakefile.request import EngineFacts
from whalebuild.docker.buildx_store import context_name
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.host_inspected import inspected
from whalebuild.docker.info import engine_info
from whalebuild.docker.info_own_engine import own_engine
from whalebuild.errors import EngineError
from whalebuild.published.host_images import HostImage, RunningImage, read_container, read_image


class DockerHost:
    """See ``ports.Host``. A context manager: leaving it stops what still runs.

    python-on-whales' own objects would be a docker command an image, and leave out by which digest
    the engine knows it.
    """

    def __init__(self, calls: DockerCalls | None = None) -> None:
        self._calls = calls or DockerCalls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def id(self) -> str:
        """See ``ports.Host``."""
        found = (engine_info(os.environ) or {}).get("ID")
        if not found:
            with self._calls.client() as docker:
                found = docker.system.info().id
        if not isinstance(found, str) or not found:
            raise EngineError(
                "the engine does not say which one it is",
                cause="`docker info` has no ID; records of deployments are kept by it",
                next_step="check `docker info --format '{{.ID}}'`",
            )
        return found

    def facts(self) -> EngineFacts:
        """See ``ports.Host``."""
        return own_engine(self._calls, context_name(os.environ))

    def images(self) -> tuple[HostImage, ...]:
        """See ``ports.Host``."""
        found = (read_image(each) for each in inspected(self._calls, "image", "--all"))
        return tuple(image for image in found if image)

    def running(self) -> tuple[RunningImage, ...]:
        """See ``ports.Host``."""
        return self._containers()

    def used(self) -> tuple[RunningImage, ...]:
        """See ``ports.Host``."""
        return self._containers("--all")

    def _containers(self, *words: str) -> tuple[RunningImage, ...]:
        found = (read_container(each) for each in inspected(self._calls, "container", *words))
        return tuple(container for container in found if container)
