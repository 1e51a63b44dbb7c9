"""What a pair of tags holds, side by side: images, lock, caches, and the layers they share.

Everything is read from what the registry has; nothing says what a bake would do, see ``plan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import field, replace
from typing import TypeVar

from whalebuild.bakefile.pair_names import PairNames
from whalebuild.bundle.annotations import SCHEME_KEY, NoLock
from whalebuild.bundle.index import CACHE_CONFIG_LIMIT, Cache
from whalebuild.bundle.lock import SCHEME, Lock
from whalebuild.bundle.published import AppRecord, PublishedApp
from whalebuild.oci.manifest import ImageManifest, Manifest, parse_image, parse_index
from whalebuild.oci.reference import Reference
from whalebuild.values import dataclass

# In the place of a platform that an image's configuration does not name.
UNKNOWN_PLATFORM = "unknown"

T = TypeVar("T")


@dataclass(frozen=True)
class ImageView:
    """An image manifest, or a cache manifest.

    Attributes:
        size: Bytes of the manifest itself.
        manifest: None where the registry has lost it, or it cannot be read.
    """

    digest: str
    size: int
    manifest: ImageManifest | None

    @property
    def layers(self) -> Mapping[str, int]:
        """Sizes of the layers by digest: one that stands in it twice is kept and sent once."""
        return {layer.digest: layer.size for layer in self.manifest.layers} if self.manifest else {}

    @property
    def blobs(self) -> Mapping[str, int]:
        """Sizes of layers and configuration by digest."""
        config = self.manifest.config if self.manifest else None
        return {**self.layers, **({config.digest: config.size} if config else {})}


def view_manifest(found: Manifest) -> ImageView:
    """A manifest as an image; one that is an index, or cannot be read, has no ``manifest``."""
    return ImageView(found.digest, len(found.raw), parse_image(found.raw))


@dataclass(frozen=True)
class TagView:
    """One of a pair's two tags.

    Attributes:
        size: Bytes of what the tag stands for, as a rule an index.
        images: By platform.
        attestations: Number of attestation manifests in the index.
    """

    reference: Reference
    digest: str
    size: int
    images: Mapping[str, ImageView]
    attestations: int = 0

    @property
    def plain(self) -> bool:
        """Whether the tag stands for an image manifest itself, and not for an index."""
        return any(image.digest == self.digest for image in self.images.values())

    @property
    def bytes(self) -> int:
        """Layers and configurations of all platforms, each blob once."""
        return sum(_blobs(self.images.values()).values())


@dataclass(frozen=True)
class NoRecord:
    """Why an application's image does not say how it was made."""

    reason: str


_NOTHING_LOCKED, _NOTHING_RECORDED = NoLock("it is missing"), NoRecord("it is missing")


@dataclass(frozen=True)
class SharedLayers:
    """What one platform's two images have in common.

    Attributes:
        layers: How many layers both have.
        bytes: Of these layers.
        new_layers: How many only the application has.
        download: All bytes that a host which has the dependencies gets for the application: index,
            manifest, configuration and layers.
    """

    layers: int
    bytes: int
    new_layers: int
    download: int


@dataclass(frozen=True)
class CacheView:
    """A cache in the bundle; ``extra`` are the bytes that the pair's images do not have anyway."""

    cache: Cache
    image: ImageView
    extra: int

    @property
    def too_large(self) -> bool:
        """Whether BuildKit does not import it, because of the size of its configuration."""
        manifest = self.image.manifest
        return manifest is not None and manifest.config.size > CACHE_CONFIG_LIMIT


@dataclass(frozen=True)
class PairView:
    """A pair as it is published.

    Attributes:
        deps: None where the tag is missing.
        app: Likewise.
        shared: By platform, where both images can be read.
        built_on: By platform of the application, whether it was built on this very image of the
            dependencies; None where it does not say.
    """

    names: PairNames
    deps: TagView | None
    app: TagView | None
    lock: Lock | NoLock
    record: AppRecord | NoRecord
    caches: tuple[CacheView, ...] = ()
    shared: Mapping[str, SharedLayers] = field(default_factory=dict)
    built_on: Mapping[str, bool | None] = field(default_factory=dict)

    @property
    def deps_reference(self) -> Reference:
        """Where the dependencies are, or were looked for."""
        return self.deps.reference if self.deps else self.names.deps[-1]

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms of either side."""
        sides = [side for side in (self.deps, self.app) if side]
        return tuple(sorted({platform for side in sides for platform in side.images}))

    @property
    def built_on_it(self) -> bool | None:
        """Whether the application was built on these dependencies, on every platform it has."""
        answers = set(self.built_on.values())
        if False in answers:
            return False
        return True if answers == {True} else None

    def only(self, platforms: Sequence[str]) -> PairView:
        """What is about these platforms."""
        wanted = set(platforms)
        return replace(
            self,
            deps=self.deps and replace(self.deps, images=_of(self.deps.images, wanted)),
            app=self.app and replace(self.app, images=_of(self.app.images, wanted)),
            caches=tuple(c for c in self.caches if wanted & set(c.cache.platforms)),
            shared=_of(self.shared, wanted),
            built_on=_of(self.built_on, wanted),
        )


# What was read of either tag.
DepsSide = tuple[TagView, Lock | NoLock, Sequence[tuple[Cache, ImageView]]]
AppSide = tuple[TagView, AppRecord | NoRecord]


def record_of(app: PublishedApp) -> AppRecord | NoRecord:
    """What an application says of how it was made, or why it says nothing."""
    index = parse_index(app.manifest.raw)
    if app.record is not None:
        return app.record
    if index is None:
        return NoRecord("it is no image index")
    scheme = index.annotations.get(SCHEME_KEY)
    if scheme is None:
        return NoRecord("whalebuild did not publish it, or not on published dependencies")
    if scheme != str(SCHEME):
        return NoRecord(f"it is of another version of whalebuild (scheme {scheme})")
    return NoRecord("its annotations are damaged")


def make_view(
    names: PairNames,
    deps: DepsSide | None,
    app: AppSide | None,
) -> PairView:
    """Put what was read of both tags side by side; None is a missing tag."""
    side, lock, caches = deps or (None, _NOTHING_LOCKED, ())
    other, record = app or (None, _NOTHING_RECORDED)
    return PairView(
        names,
        side,
        other,
        lock,
        record,
        _view_caches(caches, [each for each in (side, other) if each]),
        _shared(side, other) if side and other else {},
        _built_on(side, other, record) if side and other else {},
    )


def _view_caches(
    caches: Sequence[tuple[Cache, ImageView]], sides: Iterable[TagView]
) -> tuple[CacheView, ...]:
    known = _blobs(image for side in sides for image in side.images.values())
    return tuple(
        CacheView(cache, image, sum(s for d, s in image.blobs.items() if d not in known))
        for cache, image in caches
    )


def _shared(deps: TagView, app: TagView) -> Mapping[str, SharedLayers]:
    return {
        platform: _compare(deps.images[platform], image, 0 if app.plain else app.size)
        for platform, image in app.images.items()
        if platform in deps.images and image.manifest and deps.images[platform].manifest
    }


def _compare(deps: ImageView, app: ImageView, index: int) -> SharedLayers:
    have = deps.blobs
    both = {digest: size for digest, size in app.layers.items() if digest in have}
    missing = sum(size for digest, size in app.blobs.items() if digest not in have)
    manifest = 0 if app.digest == deps.digest else app.size
    new = len(app.layers) - len(both)
    return SharedLayers(len(both), sum(both.values()), new, index + manifest + missing)


def _built_on(
    deps: TagView, app: TagView, record: AppRecord | NoRecord
) -> Mapping[str, bool | None]:
    recorded = record.deps if isinstance(record, AppRecord) else {}
    published = {platform: image.digest for platform, image in deps.images.items()}
    return {p: published.get(p) == recorded[p] if p in recorded else None for p in app.images}


def _of(table: Mapping[str, T], wanted: Set[str]) -> Mapping[str, T]:
    return {platform: value for platform, value in table.items() if platform in wanted}


def _blobs(images: Iterable[ImageView]) -> Mapping[str, int]:
    return {digest: size for image in images for digest, size in image.blobs.items()}
