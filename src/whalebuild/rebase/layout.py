"""Image layouts: reads what BuildKit exports with ``type=oci``, and writes what it is to read.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import NoReturn

from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import (
    INDEX_TYPE,
    INDEX_TYPES,
    MANIFEST_TYPES,
    Descriptor,
    Index,
    digest_of,
    parse_image,
    parse_index,
    platform_of,
)
from whalebuild.rebase.images import Image
from whalebuild.values import dataclass

Read = Callable[[str], bytes]
Write = Callable[[str, bytes], None]
_VERSION = b'{"imageLayoutVersion":"1.0.0"}'


@dataclass(frozen=True)
class Attestation:
    """BuildKit's attestation manifest of an image.

    Attributes:
        manifest: The manifest.
        blobs: Its configuration and its statements by digest.
    """

    manifest: bytes
    blobs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportedImage:
    """An image in a layout.

    Attributes:
        image: Its manifest and configuration.
        platform: Of the image.
        attestation: Of the image, if it has one.
    """

    image: Image
    platform: str | None
    attestation: Attestation | None = None


def read_layout(read: Read) -> tuple[ExportedImage, ...]:
    """Read the images of a layout (at least one), without their layers.

    Args:
        read: Returns a file by its path in the layout, such as ``index.json``; raises ``KeyError``
            or ``OSError`` where there is none.

    Raises:
        VerificationError: A file is missing or damaged, or the layout has no image.
    """
    images: dict[str, Descriptor] = {}
    attestations: dict[str, set[str]] = {}
    _collect(read, _index(_file(read, "index.json"), "index.json"), images, attestations)
    if not images:
        _broken("it has no image")
    for image, named in attestations.items():
        if image not in images or len(named) > 1:
            _broken(f"it has attestations of {image}")
    attested = {image: next(iter(named)) for image, named in attestations.items()}
    return tuple(_exported(read, digest, attested.get(digest)) for digest in images)


def _exported(read: Read, digest: str, attestation: str | None) -> ExportedImage:
    manifest = _blob(read, digest)
    parsed = parse_image(manifest)
    if parsed is None:
        _broken(f"{digest} is no image's manifest")
    config = _blob(read, parsed.config.digest)
    attested = _attestation(read, attestation) if attestation else None
    return ExportedImage(Image(manifest, config), platform_of(config), attested)


def write_layout(write: Write, image: Image, layers: Iterable[bytes]) -> None:
    """Write an image as a layout.

    Args:
        write: Writes a file by its path in the layout.
        image: The image.
        layers: Its layers as the manifest names them, in any order.
    """
    descriptor = Descriptor(image.digest, len(image.manifest), platform=platform_of(image.config))
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [descriptor.as_json()]}
    write("oci-layout", _VERSION)
    write("index.json", json.dumps(index).encode())
    for blob in (image.manifest, image.config, *layers):
        write(blob_path(digest_of(blob)), blob)


def blob_path(digest: str) -> str:
    """Where a layout has a blob."""
    return f"blobs/{digest.replace(':', '/', 1)}"


def _collect(
    read: Read,
    index: Index,
    images: dict[str, Descriptor],
    attestations: dict[str, set[str]],
) -> None:
    """Find images, and the digests of their attestations by the image's.

    An index may be in the index, and an image be named twice. Images of several platforms may have
    one attestation manifest, where no statement in it names its image.
    """
    for child in index.manifests:
        if child.attests:
            attestations.setdefault(child.attests, set()).add(child.digest)
        elif child.media_type in INDEX_TYPES:
            _collect(read, _index(_blob(read, child.digest), child.digest), images, attestations)
        elif child.media_type in MANIFEST_TYPES:
            images[child.digest] = child


def _attestation(read: Read, digest: str) -> Attestation:
    manifest = _blob(read, digest)
    try:
        document = json.loads(manifest)
        named = [document["config"]["digest"], *(each["digest"] for each in document["layers"])]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        _broken(f"{digest} is no attestation manifest")
    return Attestation(manifest, {each: _blob(read, each) for each in named})


def _index(raw: bytes, name: str) -> Index:
    index = parse_index(raw)
    if index is None:
        _broken(f"{name} is no index")
    return index


def _blob(read: Read, digest: str) -> bytes:
    raw = _file(read, blob_path(digest))
    if digest_of(raw) != digest:
        _broken(f"{digest} has other content")
    return raw


def _file(read: Read, name: str) -> bytes:
    try:
        return read(name)
    except (KeyError, OSError):
        _broken(f"{name} is missing")


def _broken(cause: str) -> NoReturn:
    raise VerificationError(
        "what the builder exported is no whole image",
        cause=cause,
        next_step="run the bake again; nothing that was published before has changed",
    )
