"""Finds out what a pull will download: reads manifests, and looks at what the host has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from whalebuild.builder.facts import BuilderFacts
from whalebuild.errors import EngineError, RefusedError, UsageError
from whalebuild.oci.image_config import read_config
from whalebuild.oci.manifest import parse_index, platform_of
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
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.ports import Host
from whalebuild.published.view import UNKNOWN_PLATFORM, ImageView
from whalebuild.values import dataclass


@dataclass
class DiffReader:
    """Compares what a host has with what is published; pulls nothing.

    Attributes:
        platform: Another one than the host's.
        images: What the host has, where that was looked at before.
    """

    lookup: ManifestLookup
    host: Host
    platform: str | None = None
    images: tuple[HostImage, ...] | None = None

    def diff(self, images: Sequence[DiffRequest]) -> tuple[ImageDiff, ...]:
        """Compute what the host must download, image by image, each as if it were pulled alone.

        Raises:
            UsageError: An image is not published, or not for the platform.
            WhalebuildError: The engine is not there, or the registry refused or could not be
                reached.
        """
        self.lookup.begin(each.to for each in images)
        self.lookup.begin(each.start for each in images if each.start)
        return tuple(self._diff(each) for each in images)

    def _diff(self, each: DiffRequest) -> ImageDiff:
        platforms = self._platforms(each)
        to = self._published(each.to, platforms)
        if each.start:
            start = self._published(each.start, platforms)
            have = HostContent(blobs_of(start.digest, start.image))
            return compare(to, have, HostSource(HostSide.REGISTRY, ((each.start, start.digest),)))
        repository = each.name.repository
        if each.origin is HostSide.RUNNING:
            images = counted = running(self._local, self._running, repository)
        else:
            images, counted = named(self._local, each.name), self._local
        blobs = HostBlobs(self.lookup, to, containerd=self._facts.containerd_store)
        shown = tuple((image.name_in(repository), image.digest_in(repository)) for image in images)
        return compare(to, blobs.of(counted, first=images), HostSource(each.origin, shown))

    def _platforms(self, each: DiffRequest) -> tuple[str, ...]:
        """Platforms that the host can run, the best one first; empty: the only one published."""
        if self.platform:
            return (self.platform,)
        if each.start:
            found = self.lookup.manifest(each.to)
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
        found = self.lookup.manifest(reference)
        if found is None:
            raise UsageError(
                f"{reference} is not published",
                cause="no bake has published it yet, or the name is another one",
                next_step="see `whalebuild inspect`, or run `whalebuild bake` first",
            )
        index = parse_index(found.raw)
        published = tuple(index.images) if index else ()
        platform = next((each for each in platforms or published if each in published), None)
        image = self.lookup.child(reference, platform)
        if image is None:
            raise _lacks(reference, platforms, published)
        if image.manifest is None:
            raise _lost(reference, image)
        config = self.lookup.config(reference.repository, image.manifest)
        if index is None:
            platform = platform_of(config) or UNKNOWN_PLATFORM
            if platforms and platform not in {*platforms, UNKNOWN_PLATFORM}:
                raise _lacks(reference, platforms, [platform])
        size = len(found.raw) if index else None
        return ImageToPull(
            reference,
            found.digest,
            size,
            platform or UNKNOWN_PLATFORM,
            image,
            read_config(config),
        )

    @cached_property
    def _facts(self) -> BuilderFacts:
        return self.host.facts()

    @cached_property
    def _local(self) -> tuple[HostImage, ...]:
        return self.host.images() if self.images is None else self.images

    @cached_property
    def _running(self) -> tuple[RunningImage, ...]:
        return self.host.running()


def _lacks(reference: Reference, wanted: Sequence[str], published: Sequence[str]) -> UsageError:
    return UsageError(
        f"{reference} has no image for {wanted[0] if wanted else 'any platform'}",
        cause=f"it has {', '.join(published) or 'none at all'}",
        next_step="name another --platform, or have this one built: "
        "whalebuild bake --platform PLATFORM",
    )


def _lost(reference: Reference, image: ImageView) -> RefusedError:
    return RefusedError(
        f"the manifest of {reference} cannot be read",
        cause=f"the registry has lost {image.digest}, or it is no image",
        next_step="build it anew: whalebuild bake --no-cache",
    )
