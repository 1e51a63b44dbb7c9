"""Image indexes and manifests, read from and written to the JSON that registries hold.

https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from whalebuild.values import dataclass

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPES = frozenset({INDEX_TYPE, "application/vnd.docker.distribution.manifest.list.v2+json"})
MANIFEST_TYPES = frozenset({MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json"})

# BuildKit's attestations: https://github.com/moby/buildkit/blob/master/docs/attestations
REFERENCE_TYPE = "vnd.docker.reference.type"
REFERENCE_DIGEST = "vnd.docker.reference.digest"
ATTESTATION = "attestation-manifest"
_UNKNOWN = {"os": "unknown", "architecture": "unknown"}
_DEFAULT_VARIANT = {"arm64": "v8"}


@dataclass(frozen=True)
class Descriptor:
    """A reference to a manifest, a configuration or a layer.

    Attributes:
        digest: Of the content.
        size: Of the content in bytes.
        media_type: Of the content.
        platform: ``os/architecture[/variant]`` of an image; None for everything else.
        annotations: Of the descriptor.
    """

    digest: str
    size: int
    media_type: str = MANIFEST_TYPE
    platform: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def attests(self) -> str | None:
        """The digest of the image that this is an attestation of; None if it is none."""
        if self.annotations.get(REFERENCE_TYPE) == ATTESTATION:
            return self.annotations.get(REFERENCE_DIGEST)
        return None

    def as_json(self) -> dict[str, Any]:
        """The descriptor as a child of an index."""
        made: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.annotations:
            made["annotations"] = dict(self.annotations)
        made["platform"] = _platform_json(self.platform) if self.platform else dict(_UNKNOWN)
        return made


@dataclass(frozen=True)
class Index:
    """An image index: its children in order, and its own annotations."""

    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def images(self) -> Mapping[str, Descriptor]:
        """Runnable image manifests by platform."""
        return {child.platform: child for child in self.manifests if child.platform}

    @property
    def attestations(self) -> tuple[Descriptor, ...]:
        """Attestation manifests of the images."""
        return tuple(child for child in self.manifests if child.attests)


@dataclass(frozen=True)
class ImageManifest:
    """An image manifest, or another of the same form, such as a cache manifest."""

    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def size(self) -> int:
        """Bytes of a download: layers, compressed, and configuration."""
        return self.config.size + sum(layer.size for layer in self.layers)


@dataclass(frozen=True)
class Manifest:
    """A manifest or index, with the exact bytes that the registry has."""

    raw: bytes
    media_type: str
    digest: str

    @property
    def descriptor(self) -> Descriptor:
        """The manifest's descriptor, without platform and annotations."""
        return Descriptor(self.digest, len(self.raw), self.media_type)


def media_type_of(raw: bytes) -> str:
    """The media type that a manifest or index names; OCI's image manifest where it names none."""
    return str(json.loads(raw).get("mediaType") or MANIFEST_TYPE)


def parse_index(raw: bytes) -> Index | None:
    """Read an index; None where the bytes are something else, such as a single manifest."""
    try:
        document = json.loads(raw)
        if document.get("mediaType", INDEX_TYPE) not in INDEX_TYPES:
            return None
        children = tuple(_descriptor(child) for child in document["manifests"])
        return Index(children, _texts(document.get("annotations")))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None


def write_index(manifests: Sequence[Descriptor], annotations: Mapping[str, str]) -> bytes:
    """Write an OCI index; the same arguments give the same bytes."""
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [child.as_json() for child in manifests],
        "annotations": dict(sorted(annotations.items())),
    }
    return json.dumps(document, indent=2).encode()


def parse_image(raw: bytes) -> ImageManifest | None:
    """Read an image manifest; None where the bytes are something else."""
    try:
        document = json.loads(raw)
        config = _descriptor(document["config"])
        return ImageManifest(config, tuple(_descriptor(layer) for layer in document["layers"]))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None


def platform_of(config: bytes) -> str | None:
    """The platform that an image's configuration names."""
    try:
        return platform_text(json.loads(config))
    except (AttributeError, TypeError, ValueError, RecursionError):
        return None


def platform_text(platform: Mapping[str, str]) -> str | None:
    """``os/architecture[/variant]`` of an object with these keys; None where some are missing."""
    system, architecture = platform.get("os"), platform.get("architecture")
    if not system or not architecture or "unknown" in {system, architecture}:
        return None
    variant = platform.get("variant")
    if not variant or _DEFAULT_VARIANT.get(architecture) == variant:
        return f"{system}/{architecture}"
    return f"{system}/{architecture}/{variant}"


def has_triggers(config: bytes) -> bool:
    """Whether an image's configuration has ONBUILD instructions."""
    try:
        return bool((json.loads(config).get("config") or {}).get("OnBuild"))
    except (AttributeError, TypeError, ValueError, RecursionError):
        return False


def digest_of(raw: bytes) -> str:
    """The sha256 digest of these bytes, as registries name content."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _descriptor(child: Mapping[str, Any]) -> Descriptor:
    platform = child.get("platform") or {}
    return Descriptor(
        digest=child["digest"],
        size=int(child["size"]),
        media_type=child["mediaType"],
        platform=platform_text(platform),
        annotations=_texts(child.get("annotations")),
    )


def _texts(annotations: Mapping[str, Any] | None) -> dict[str, str]:
    """Annotations are strings; other values are ignored."""
    found = (annotations or {}).items()
    return {name: value for name, value in found if isinstance(value, str)}


def _platform_json(platform: str) -> dict[str, str]:
    system, architecture, *variant = platform.split("/")
    made = {"architecture": architecture, "os": system}
    return {**made, "variant": variant[0]} if variant else made
