"""What the engine of the current docker context has: images, and those of running containers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

from whalebuild.builder.facts import BuilderFacts
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import context_name
from whalebuild.docker.info import client_info, engine_info, own_engine
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.published.host_images import HostImage, RunningImage, read_container, read_image

_TRIES = 3


class DockerHost:
    """See ``published.ports.Host``. A context manager: leaving it stops what still runs.

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
        """See ``published.ports.Host``."""
        found = (engine_info(os.environ) or {}).get("ID")
        if not found:
            found = client_info(self._calls).get("ID")
        if not isinstance(found, str) or not found:
            raise EngineError(
                "the engine does not say which one it is",
                cause="`docker info` has no ID; records of deployments are kept by it",
                next_step="check `docker info --format '{{.ID}}'`",
            )
        return found

    def facts(self) -> BuilderFacts:
        """See ``published.ports.Host``."""
        return own_engine(self._calls, context_name(os.environ))

    def images(self) -> tuple[HostImage, ...]:
        """See ``published.ports.Host``."""
        found = (read_image(each) for each in inspect_all(self._calls, "image", "--all"))
        return tuple(image for image in found if image)

    def running(self) -> tuple[RunningImage, ...]:
        """See ``published.ports.Host``."""
        return self._containers()

    def used(self) -> tuple[RunningImage, ...]:
        """See ``published.ports.Host``."""
        return self._containers("--all")

    def _containers(self, *arguments: str) -> tuple[RunningImage, ...]:
        found = (read_container(each) for each in inspect_all(self._calls, "container", *arguments))
        return tuple(container for container in found if container)


def inspect_all(calls: DockerCalls, kind: str, *arguments: str) -> list[Mapping[str, Any]]:
    """``docker KIND inspect`` of all that ``docker KIND ls ARGUMENTS`` lists.

    One that goes away in between is no error.

    Raises:
        CommandFailedError: Docker failed.
        EngineError: It answered with something else than JSON.
    """
    for tries in range(1, _TRIES + 1):
        whole = () if kind == "volume" else ("--no-trunc",)
        listed = calls.run([kind, "ls", "--quiet", *whole, *arguments])
        names = list(dict.fromkeys(listed.split()))
        try:
            return calls.run_json([kind, "inspect", *names]) if names else []
        except CommandFailedError as failed:
            if tries == _TRIES or "no such" not in failed.stderr.lower():
                raise
    raise AssertionError("unreachable")
