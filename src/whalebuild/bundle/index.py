"""The bundle: the image index under ``:deps``, with image, caches and lock in one tag.

Its children are the runnable dependencies images with their attestations, BuildKit's cache
manifests, and stubs; the lock is in its annotations. Caches and stubs have the platform
``unknown/unknown``, like attestations: an engine that pulls the image skips them, and registries
keep them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace

from whalebuild.bundle.build_inputs import BuildInputs
from whalebuild.oci.manifest import Descriptor, Index, write_index
from whalebuild.values import dataclass

CACHE = "dev.whalebuild.cache"
CACHE_PLATFORMS = "dev.whalebuild.cache.platforms"
CACHE_TARGET = "dev.whalebuild.cache.target"
CACHE_INPUTS = "dev.whalebuild.cache.inputs"
STUB = "dev.whalebuild.stub"
STUB_PLATFORM = "dev.whalebuild.stub.platform"
STUB_COVERS = "dev.whalebuild.stub.covers"
# BuildKit imports no cache whose configuration is larger, and says nothing of it
# (``maxCacheConfigSize`` in ``cache/remotecache/import.go``).
CACHE_CONFIG_LIMIT = 1 << 20


@dataclass(frozen=True)
class Cache:
    """A cache manifest of BuildKit.

    Attributes:
        role: ``deps`` or ``app``: the image whose build exported it.
        platforms: Those that it was exported for.
        digest: Of the manifest.
        size: Of the manifest in bytes.
        target: The application's target, since several may share their dependencies.
        inputs: Of the application's build that exported it.
    """

    role: str
    platforms: tuple[str, ...]
    digest: str
    size: int
    target: str = ""
    inputs: BuildInputs = field(default_factory=BuildInputs, hash=False)

    def without(self, platforms: Collection[str]) -> Cache | None:
        """The cache without these platforms; None where no other is left."""
        left = tuple(platform for platform in self.platforms if platform not in platforms)
        return replace(self, platforms=left) if left else None

    def as_child(self) -> Descriptor:
        """The cache as a child of the index."""
        annotations = {CACHE: self.role, CACHE_PLATFORMS: ",".join(self.platforms)}
        if self.target:
            annotations[CACHE_TARGET] = self.target
        if self.inputs:
            annotations[CACHE_INPUTS] = self.inputs.to_text()
        return Descriptor(self.digest, self.size, annotations=annotations)


@dataclass(frozen=True)
class Stub:
    """An image with the directories and links of the dependencies image, see ``rebase.stub``.

    Attributes:
        platform: That of the image.
        base: Digest of the image's manifest.
        digest: Of the stub's own manifest.
        size: Of the manifest in bytes.
        covers: The destinations that it is good for, as ``rebase.stub`` writes them.
    """

    platform: str
    base: str
    digest: str
    size: int
    covers: str

    def as_child(self) -> Descriptor:
        """The stub as a child of the index."""
        annotations = {STUB: self.base, STUB_PLATFORM: self.platform, STUB_COVERS: self.covers}
        return Descriptor(self.digest, self.size, annotations=annotations)


@dataclass(frozen=True)
class Bundle:
    """A published ``:deps``, read.

    Attributes:
        digest: Of the index.
        images: Image manifests by platform.
        attestations: Of the images.
        caches: Of the builds of these images, and of the applications on them.
        annotations: Of the index; the lock is in them.
        stubs: Of the images.
    """

    digest: str
    images: Mapping[str, Descriptor]
    attestations: tuple[Descriptor, ...] = ()
    caches: tuple[Cache, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    stubs: tuple[Stub, ...] = ()

    def stub(self, platform: str) -> Stub | None:
        """The stub of a platform's image; None without one."""
        image = self.images.get(platform)
        found = (stub for stub in self.stubs if image and stub.base == image.digest)
        return next(found, None)

    def cache(self, role: str, platforms: Sequence[str], target: str = "") -> tuple[Cache, ...]:
        """Caches of one image's build that were exported for any of these platforms."""
        wanted = set(platforms)
        of_image = (c for c in self.caches if (c.role, c.target) == (role, target))
        return tuple(cache for cache in of_image if wanted & set(cache.platforms))


def read_bundle(index: Index, digest: str) -> Bundle:
    """Read an index; that of a plain image is a bundle without caches and lock."""
    caches = tuple(
        Cache(
            child.annotations[CACHE],
            tuple(child.annotations.get(CACHE_PLATFORMS, "").split(",")),
            child.digest,
            child.size,
            child.annotations.get(CACHE_TARGET, ""),
            BuildInputs.from_text(child.annotations.get(CACHE_INPUTS, "")),
        )
        for child in index.manifests
        if CACHE in child.annotations
    )
    stubs = tuple(
        Stub(
            child.annotations.get(STUB_PLATFORM, ""),
            child.annotations[STUB],
            child.digest,
            child.size,
            child.annotations.get(STUB_COVERS, ""),
        )
        for child in index.manifests
        if STUB in child.annotations
    )
    return Bundle(digest, index.images, index.attestations, caches, index.annotations, stubs)


def write_bundle(
    images: Mapping[str, Descriptor],
    attestations: Sequence[Descriptor],
    caches: Sequence[Cache],
    annotations: Mapping[str, str],
    stubs: Sequence[Stub] = (),
) -> bytes:
    """Write an index: images by platform, then their attestations, caches, and stubs.

    Attestations and stubs of other images are left out.
    """
    wanted = {child.digest for child in images.values()}
    children = [images[platform] for platform in sorted(images)]
    children += [child for child in attestations if child.attests in wanted]
    children += [cache.as_child() for cache in sorted(caches, key=_order)]
    own = {stub.base: stub for stub in stubs if stub.base in wanted}
    children += [own[base].as_child() for base in sorted(own)]
    return write_index(children, annotations)


def _order(cache: Cache) -> tuple[str, str, tuple[str, ...]]:
    return (cache.role, cache.target, cache.platforms)
