"""What the engine of the current docker context has: images, and those of running containers."""

from __future__ import annotations

import os
from typing import Self

from whalebuild.adapters.buildx_state import context_name
from whalebuild.adapters.docker_calls import DockerCalls
from whalebuild.adapters.inspected import inspected
from whalebuild.adapters.own_engine import own_engine
from whalebuild.core.host_images import HostImage, RunningImage, read_container, read_image
from whalebuild.core.request import EngineFacts


class DockerHost:
    """See ``workflows.ports.Host``. A context manager: leaving it stops what still runs.

    python-on-whales' own objects would be a docker command an image, and leave out by which digest
    the engine knows it.
    """

    def __init__(self, calls: DockerCalls | None = None) -> None:
        self._calls = calls or DockerCalls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def facts(self) -> EngineFacts:
        """See ``workflows.ports.Host``."""
        return own_engine(self._calls, context_name(os.environ))

    def images(self) -> tuple[HostImage, ...]:
        """See ``workflows.ports.Host``."""
        found = (read_image(each) for each in inspected(self._calls, "image", "--all"))
        return tuple(image for image in found if image)

    def running(self) -> tuple[RunningImage, ...]:
        """See ``workflows.ports.Host``."""
        found = (read_container(each) for each in inspected(self._calls, "container"))
        return tuple(container for container in found if container)
