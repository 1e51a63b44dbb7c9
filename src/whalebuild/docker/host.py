"""What the engine of the current docker context has: images, and those of running containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Self

from whalebuild.builder.facts import BuilderFacts
from whalebuild.deployplan.space import DiskSpace
from whalebuild.docker.config import context_name
from whalebuild.docker.engine_api import EngineApi
from whalebuild.docker.engine_containers import container_ids, inspected
from whalebuild.docker.engine_images import EngineImages
from whalebuild.docker.info import facts_of
from whalebuild.docker.storage import image_space
from whalebuild.errors import EngineError
from whalebuild.published.host_images import HostImage, RunningImage, read_container, read_image


class DockerHost:
    """See ``published.ports.Host``. A context manager: leaving it stops what still runs.

    Args:
        engine: Who is asked; the engine of the current context if there is none.
        images: Of this engine, where others ask for them as well.
    """

    def __init__(self, engine: EngineApi | None = None, images: EngineImages | None = None) -> None:
        self._engine = engine or EngineApi()
        self._images = images or EngineImages(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    def id(self) -> str:
        """See ``published.ports.Host``."""
        found = self._info.get("ID")
        if not isinstance(found, str) or not found:
            raise EngineError(
                "the engine does not say which one it is",
                cause="`docker info` has no ID; records of deployments are kept by it",
                next_step="check `docker info --format '{{.ID}}'`",
            )
        return found

    def facts(self) -> BuilderFacts:
        """See ``published.ports.Host``."""
        return facts_of(context_name(self._engine.calls.environment), self._info)

    def space(self) -> DiskSpace | None:
        """The file system of its images; None where that is not known."""
        return image_space(self._info, self._engine.calls.environment)

    def images(self, ids: Iterable[str] | None = None) -> tuple[HostImage, ...]:
        """See ``published.ports.Host``."""
        if ids is None:
            ids = (str(each.get("Id")) for each in self._images.listed())
        found = (read_image(each) for each in inspected(self._engine, "images", ids))
        return tuple(image for image in found if image)

    def listed(self) -> tuple[HostImage, ...]:
        """See ``published.ports.Host``. One question."""
        found = (read_image(each) for each in self._images.listed())
        return tuple(image for image in found if image)

    def running(self) -> tuple[RunningImage, ...]:
        """See ``published.ports.Host``."""
        return self._containers(stopped=False)

    def used(self) -> tuple[RunningImage, ...]:
        """See ``published.ports.Host``."""
        return self._containers(stopped=True)

    @cached_property
    def _info(self) -> Mapping[str, Any]:
        found = self._engine.get("/info")
        return found if isinstance(found, dict) else {}

    def _containers(self, *, stopped: bool) -> tuple[RunningImage, ...]:
        ids = container_ids(self._engine, {}, stopped=stopped)
        found = (read_container(each) for each in inspected(self._engine, "containers", ids))
        return tuple(container for container in found if container)
