"""Finds out what a pull will download: reads manifests, and looks at what the host has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from whalebuild.builder.facts import BuilderFacts
from whalebuild.errors import EngineError, RefusedError, UsageError
from whalebuild.failures.engine_messages import engine_error
from whalebuild.failures.failure import CommandFailedError
from whalebuild.oci.image_config import read_config
from whalebuild.oci.manifest import parse_image, parse_index, platform_of
from whalebuild.oci.platform import runnable
from whalebuild.oci.reference import Reference
from whalebuild.published.download import (
    DiffRequest,
    HostContent,
    HostSide,
    HostSource,
    ImageDiff,
    ImageToPull,
    blobs_of,
    compare,
)
from whalebuild.published.host_blobs import HostBlobs
from whalebuild.published.host_images import HostImage, RunningImage, named, running
from whalebuild.published.images import UNKNOWN, ImageReader
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.ports import Host
from whalebuild.published.view import ImageView
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit

T = TypeVar("T")


@dataclass
class DiffReader:
    """Compares what hosts have with what is published; pulls nothing.

    Attributes:
        platform: Another one than the host's.
        survey: One that has looked up some of it already.
    """

    registry: RetryingRegistry
    host: Host
    platform: str | None = None
    survey: ManifestLookup | None = None
    _survey: ManifestLookup = field(init=False)
    _images: ImageReader = field(init=False)

    def __post_init__(self) -> None:
        self._survey = self.survey or ManifestLookup(self.registry, Submit())
        self._images = ImageReader(self.registry, self._survey)

    def diff(self, images: Sequence[DiffRequest]) -> tuple[ImageDiff, ...]:
        """Tell what a host must download, image by image, each as if it were pulled alone.

        Raises:
            UsageError: An image is not published, or not for the platform.
            WhalebuildError: The engine is not there, or the registry refused or could not be
                reached.
        """
        self._survey.begin(each.to for each in images)
        self._survey.begin(each.start for each in images if each.start)
        return tuple(self._diff(each) for each in images)

    def _diff(self, each: DiffRequest) -> ImageDiff:
        platforms = self._platforms(each)
        to = self._published(each.to, platforms)
        if each.start:
            start = self._published(each.start, platforms)
            have = HostContent(blobs_of(start.digest, start.image))
            return compare(to, have, HostSource(HostSide.REGISTRY, ((each.start, start.digest),)))
        mine = named(self._local, each.name)
        if each.origin is HostSide.RUNNING:
            mine = running(self._local, self._running, each.name.repository)
        counted = mine if each.origin is HostSide.RUNNING else self._local
        having = HostBlobs(self._survey, to, containerd=self._facts.containerd_store)
        found = tuple(
            (image.name_in(each.name.repository), image.digest_in(each.name.repository))
            for image in mine
        )
        return compare(to, having.of(counted, first=mine), HostSource(each.origin, found))

    def _platforms(self, each: DiffRequest) -> tuple[str, ...]:
        """Platforms that will do, the best one first; empty for the only one that there is."""
        if self.platform:
            return (self.platform,)
        if each.start:
            found = self._survey.manifest(each.to)
            index = parse_index(found.raw) if found else None
            if index is None or len(index.images) == 1:
                return ()
        own = self._facts.platform
        if own is None:
            raise EngineError(
                "the engine's platform is not known",
                cause="it names a machine that whalebuild does not know",
                next_step="name the host's platform with --platform",
            )
        return runnable(own)

    def _published(self, reference: Reference, platforms: Sequence[str]) -> ImageToPull:
        """Read an image for the first of these platforms that it has."""
        found = self._survey.manifest(reference)
        if found is None:
            raise UsageError(
                f"{reference} is not published",
                cause="no bake has published it yet, or the name is another one",
                next_step="see `whalebuild inspect`, or run `whalebuild bake` first",
            )
        index = parse_index(found.raw)
        there = tuple(index.images) if index else ()
        if index is None:
            image = ImageView(found.digest, len(found.raw), parse_image(found.raw))
        else:
            platform = next((each for each in platforms or there if each in there), None)
            if platform is None:
                raise _lacks(reference, platforms, there)
            child = index.images[platform]
            image = self._images.image(reference, child.digest, child.size)
        if image.manifest is None:
            raise _lost(reference, image)
        raw = self._images.config(reference.repository, image.manifest)
        if index is None:
            platform = platform_of(raw) or UNKNOWN
            if platforms and platform not in {*platforms, UNKNOWN}:
                raise _lacks(reference, platforms, [platform])
        size = len(found.raw) if index else None
        return ImageToPull(
            reference, found.digest, size, platform or UNKNOWN, image, read_config(raw)
        )

    @cached_property
    def _facts(self) -> BuilderFacts:
        return _ask(self.host.facts)

    @cached_property
    def _local(self) -> tuple[HostImage, ...]:
        return _ask(self.host.images)

    @cached_property
    def _running(self) -> tuple[RunningImage, ...]:
        return _ask(self.host.running)


def _ask(question: Callable[[], T]) -> T:
    try:
        return question()
    except CommandFailedError as failed:
        raise engine_error(failed) from None


def _lacks(reference: Reference, wanted: Sequence[str], there: Sequence[str]) -> UsageError:
    return UsageError(
        f"{reference} has no image for {wanted[0] if wanted else 'any platform'}",
        cause=f"it has {', '.join(there) or 'none at all'}",
        next_step="name another --platform, or have this one built: "
        "whalebuild bake --platform PLATFORM",
    )


def _lost(reference: Reference, image: ImageView) -> RefusedError:
    return RefusedError(
        f"the manifest of {reference} cannot be read",
        cause=f"the registry has lost {image.digest}, or it is no image",
        next_step="build it anew: whalebuild bake --no-cache",
    )
