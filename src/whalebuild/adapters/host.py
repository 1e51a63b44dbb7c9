"""What the engine of the current docker context has: images, and those of running containers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Self

from whalebuild.adapters.buildx_state import context_name
from whalebuild.adapters.docker_calls import DockerCalls
from whalebuild.adapters.own_engine import own_engine
from whalebuild.core.errors import EngineError
from whalebuild.core.failures import CommandFailedError
from whalebuild.core.host_images import HostImage, RunningImage, read_container, read_image
from whalebuild.core.request import EngineFacts

_TRIES = 3


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
        found = (read_image(each) for each in self._inspected("image", "--all"))
        return tuple(image for image in found if image)

    def running(self) -> tuple[RunningImage, ...]:
        """See ``workflows.ports.Host``."""
        found = (read_container(each) for each in self._inspected("container"))
        return tuple(container for container in found if container)

    def _inspected(self, kind: str, *words: str) -> list[Mapping[str, Any]]:
        """All images or containers; one that goes away between the two commands is no error."""
        for tries in range(1, _TRIES + 1):
            said = self._calls.say([kind, "ls", "--quiet", "--no-trunc", *words])
            names = list(dict.fromkeys(said.split()))
            try:
                return _list(self._calls.say([kind, "inspect", *names])) if names else []
            except CommandFailedError as failed:
                if tries == _TRIES or "no such" not in failed.stderr.lower():
                    raise
        raise AssertionError("unreachable")


def _list(said: str) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise EngineError(
            "docker answered with something else than JSON",
            next_step="check that `docker` on PATH is Docker's client, and its version",
        )
    return [each for each in found if isinstance(each, dict)]
