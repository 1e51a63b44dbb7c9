"""The metadata file of ``docker buildx bake``: what became of each target, by its name.

https://docs.docker.com/reference/cli/docker/buildx/bake/#metadata-file
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from whalebuild.oci.manifest import Descriptor

_DIGEST, _DESCRIPTOR = "containerimage.digest", "containerimage.descriptor"
_CACHE, _NAMES = "cache.manifest", "image.name"


def image_digest(metadata: Mapping[str, Any]) -> str | None:
    """The digest of the image that a target pushed or loaded, from its metadata."""
    digest = metadata.get(_DIGEST)
    return digest if isinstance(digest, str) else None


def exported_cache(metadata: Mapping[str, Any]) -> Descriptor | None:
    """The cache manifest that a target exported, from its metadata."""
    found = metadata.get(_CACHE)
    try:
        document = json.loads(found) if isinstance(found, str) else found
        return Descriptor(document["digest"], int(document["size"])) if document else None
    except (KeyError, TypeError, ValueError):
        return None


def published_metadata(
    parts: Iterable[Mapping[str, Any]], digest: str | None, names: Iterable[str]
) -> dict[str, Any]:
    """Write the metadata of an image that was put together of what several targets pushed.

    Args:
        parts: The targets' metadata.
        digest: The image's own; None where it is not known.
        names: The references that it was published under.
    """
    entry: dict[str, Any] = {}
    for part in parts:
        entry |= part
    if digest != entry.get(_DIGEST):
        entry.pop(_DESCRIPTOR, None)
    if digest:
        entry[_DIGEST] = digest
    entry[_NAMES] = ",".join(names)
    return entry
