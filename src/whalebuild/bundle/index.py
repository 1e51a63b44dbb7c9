"""The bundle: the image index under ``:deps``, with image, caches and lock in one tag.

Its children are the runnable dependencies images (with their attestations) and BuildKit's cache
manifests; the lock stands in its annotations. Caches have the platform ``unknown/unknown``, as
attestations have, so that whoever pulls the image passes them over, and registries keep them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from whalebuild.oci.manifest import Descriptor, Index, write_index

CACHE = "dev.whalebuild.cache"
CACHE_PLATFORMS = "dev.whalebuild.cache.platforms"
CACHE_TARGET = "dev.whalebuild.cache.target"


@dataclass(frozen=True)
class Cache:
    """A cache manifest.

    Attributes:
        role: ``deps`` or ``app``: of which image's build.
        target: The application's target, since several may share their dependencies.
    """

    role: str
    platforms: tuple[str, ...]
    digest: str
    size: int
    target: str = ""

    def less(self, platforms: Collection[str]) -> Cache | None:
        """The cache as it serves other platforms than these; None where there are none."""
        left = tuple(platform for platform in self.platforms if platform not in platforms)
        return replace(self, platforms=left) if left else None

    def as_child(self) -> Descriptor:
        """The cache as a child of the bundle."""
        annotations = {CACHE: self.role, CACHE_PLATFORMS: ",".join(self.platforms)}
        if self.target:
            annotations[CACHE_TARGET] = self.target
        return Descriptor(self.digest, self.size, annotations=annotations)


@dataclass(frozen=True)
class Bundle:
    """A published ``:deps``, read.

    Attributes:
        digest: Of the index.
        images: Image manifests by platform.
        annotations: The index's own, where the lock is.
    """

    digest: str
    images: Mapping[str, Descriptor]
    attestations: tuple[Descriptor, ...] = ()
    caches: tuple[Cache, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    def cache(self, role: str, platforms: Sequence[str], target: str = "") -> tuple[Cache, ...]:
        """Caches of an image's build that were exported for any of these platforms."""
        wanted = set(platforms)
        mine = (c for c in self.caches if (c.role, c.target) == (role, target))
        return tuple(cache for cache in mine if wanted & set(cache.platforms))


def read_bundle(index: Index, digest: str) -> Bundle:
    """Take an index apart. One without caches and lock is a bundle too: a plain image."""
    caches = tuple(
        Cache(
            child.annotations[CACHE],
            tuple(child.annotations.get(CACHE_PLATFORMS, "").split(",")),
            child.digest,
            child.size,
            child.annotations.get(CACHE_TARGET, ""),
        )
        for child in index.manifests
        if CACHE in child.annotations
    )
    return Bundle(digest, index.images, index.attestations, caches, index.annotations)


def compose(
    images: Mapping[str, Descriptor],
    attestations: Sequence[Descriptor],
    caches: Sequence[Cache],
    annotations: Mapping[str, str],
) -> bytes:
    """Write the index: images by platform, then their attestations, then caches.

    Attestations of other images are left out.
    """
    wanted = {child.digest for child in images.values()}
    children = [images[platform] for platform in sorted(images)]
    children += [child for child in attestations if child.attests in wanted]
    children += [cache.as_child() for cache in sorted(caches, key=_order)]
    return write_index(children, annotations)


def _order(cache: Cache) -> tuple[str, str, tuple[str, ...]]:
    return (cache.role, cache.target, cache.platforms)
