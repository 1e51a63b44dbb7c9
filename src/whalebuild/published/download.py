"""What a host that has something must download for an image: computed from manifests alone.

A pull gets the index (if there is one), the platform's manifest, its configuration and the layers
that the engine does not have; no attestation. With the containerd image store the engine compares
each blob by its digest. A graph driver (``distribution/xfer/download.go`` of moby) has a layer only
on top of the same layers, and downloads all that are above the first one that is new.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from whalebuild.oci.image_config import ImageConfig
from whalebuild.oci.reference import Reference, is_tag, parse_reference
from whalebuild.published.view import ImageView
from whalebuild.values import dataclass


class HostSide(StrEnum):
    """What an image is compared with: what the host has, what runs there, or another reference."""

    LOCAL = "local"
    RUNNING = "running"
    REGISTRY = "registry"


class KnownBy(StrEnum):
    """How it is known that the host has a layer: by its blob's digest, or only by its content."""

    DIGEST = "digest"
    DIFF_ID = "diff_id"


@dataclass(frozen=True)
class ImageToPull:
    """An image for one platform as it is published.

    Attributes:
        digest: What the reference stands for.
        index: Bytes of the index; None where the reference stands for the image itself.
    """

    reference: Reference
    digest: str
    index: int | None
    platform: str
    image: ImageView
    config: ImageConfig


@dataclass(frozen=True)
class HostContent:
    """What a host has.

    Attributes:
        digests: Of manifests, configurations and compressed layers.
        diff_ids: Layers that it has by content, whose compressed digest is not known.
        chains: With a graph driver: the diff IDs of each image, from the bottom up.
    """

    digests: frozenset[str] = frozenset()
    diff_ids: frozenset[str] = frozenset()
    chains: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True)
class HostSource:
    """What is compared with: images by reference and digest; none where the host has none."""

    kind: HostSide
    images: tuple[tuple[Reference | None, str], ...] = ()


@dataclass(frozen=True)
class DownloadPart:
    """An index, a manifest or a configuration."""

    digest: str
    size: int
    on_host: bool


@dataclass(frozen=True)
class LayerDiff:
    """A layer; ``known_by`` is None where it must be downloaded."""

    digest: str
    size: int
    diff_id: str | None
    instruction: str | None
    known_by: KnownBy | None

    @property
    def on_host(self) -> bool:
        """Whether the host has it."""
        return self.known_by is not None


@dataclass(frozen=True)
class ImageDiff:
    """What must be downloaded of one image."""

    origin: HostSource
    to: ImageToPull
    index: DownloadPart | None
    manifest: DownloadPart
    config: DownloadPart
    layers: tuple[LayerDiff, ...]

    @property
    def new(self) -> tuple[LayerDiff, ...]:
        """Layers to download."""
        return tuple(layer for layer in self.layers if not layer.on_host)

    @property
    def shared(self) -> tuple[LayerDiff, ...]:
        """Layers that the host has."""
        return tuple(layer for layer in self.layers if layer.on_host)

    @property
    def parts(self) -> tuple[DownloadPart, ...]:
        """All but the layers."""
        return (*((self.index,) if self.index else ()), self.manifest, self.config)

    @property
    def download(self) -> int:
        """Bytes to download."""
        return _size(self.new) + _size(part for part in self.parts if not part.on_host)

    @property
    def total(self) -> int:
        """Bytes that a host which has nothing downloads."""
        return _size(self.layers) + _size(self.parts)

    @property
    def exact(self) -> bool:
        """Whether no layer is known by its content alone."""
        return all(layer.known_by is not KnownBy.DIFF_ID for layer in self.layers)


@dataclass(frozen=True)
class NextPull:
    """What a host that has the version before downloads, of how much in all; in bytes."""

    download_bytes: int
    total_bytes: int


def compare(to: ImageToPull, have: HostContent, origin: HostSource) -> ImageDiff:
    """Compute what a host lacks; the image's manifest must have been read."""
    manifest = to.image.manifest
    assert manifest is not None, "there is nothing to compare"  # noqa: S101 - see the docstring

    def part(digest: str, size: int) -> DownloadPart:
        return DownloadPart(digest, size, digest in have.digests)

    return ImageDiff(
        origin,
        to,
        part(to.digest, to.index) if to.index is not None else None,
        part(to.image.digest, to.image.size),
        part(manifest.config.digest, manifest.config.size),
        tuple(_layers(to, have)),
    )


def blobs_of(digest: str, image: ImageView) -> frozenset[str]:
    """All digests of an image on a host; ``digest`` is that of the index, if it has one."""
    return frozenset({digest, image.digest, *image.blobs})


def _layers(to: ImageToPull, have: HostContent) -> Iterator[LayerDiff]:
    """Layers from the bottom up, each once: one that stands there twice is sent once."""
    layers = to.image.manifest.layers if to.image.manifest else ()
    ids = to.config.diff_ids if len(to.config.diff_ids) == len(layers) else ()
    instructions = to.config.instructions if ids else ()
    depth = _depth(ids, have.chains)
    seen: set[str] = set()
    on_new = False
    for number, layer in enumerate(layers):
        if layer.digest in seen:
            continue
        seen.add(layer.digest)
        diff_id = ids[number] if ids else None
        known = _known(layer.digest, diff_id, have)
        if depth is not None and (on_new or number >= depth):
            known = None
        on_new = on_new or known is None
        instruction = instructions[number] if instructions else None
        yield LayerDiff(layer.digest, layer.size, diff_id, instruction, known)


def _known(digest: str, diff_id: str | None, have: HostContent) -> KnownBy | None:
    if digest in have.digests:
        return KnownBy.DIGEST
    return KnownBy.DIFF_ID if diff_id in have.diff_ids else None


def _depth(diff_ids: Sequence[str], chains: Iterable[Sequence[str]] | None) -> int | None:
    """How many layers from the bottom up some image has, too; None where that does not matter."""
    if chains is None:
        return None
    same = (_common(diff_ids, chain) for chain in chains)
    return max(same, default=0)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _size(parts: Iterable[DownloadPart | LayerDiff]) -> int:
    return sum(part.size for part in parts)


@dataclass(frozen=True)
class DiffRequest:
    """What to compare.

    Attributes:
        name: What the image is called on a host.
        origin: What it is compared with; for ``REGISTRY``, ``start`` is the reference.
    """

    name: Reference
    to: Reference
    origin: HostSide = HostSide.LOCAL
    start: Reference | None = None


def diff_request(name: Reference, start: str | None, end: str | None) -> DiffRequest:
    """Read what ``--from`` and ``--to`` say of an image.

    Args:
        name: The image, with its tag.
        start: ``local``, ``running`` or as ``end``.
        end: A reference; a tag or digest alone is one of the same repository.

    Raises:
        UsageError: One of them is none of these.
    """
    to = _reference(name, end, "--to") if end else name
    if start in {None, HostSide.LOCAL, HostSide.RUNNING}:
        return DiffRequest(name, to, HostSide(start or HostSide.LOCAL))
    return DiffRequest(name, to, HostSide.REGISTRY, _reference(name, start or "", "--from"))


def _reference(name: Reference, text: str, where: str) -> Reference:
    if is_tag(text.removeprefix(":")):
        return name.tagged(text.removeprefix(":"))
    if text.startswith(("@", "sha256:")):
        text = f"{name.repository}@{text.removeprefix('@')}"
    return parse_reference(text, where=where)
