"""A target's caches as a bake definition has them (``cache-from`` and ``cache-to``).

https://docs.docker.com/build/cache/backends/registry/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whalebuild.bakefile.target import Target
from whalebuild.oci.reference import Reference


def cache_sources(target: Target, sources: Sequence[Reference]) -> list[Any]:
    """The caches that a target imports: whalebuild's, then the bake file's own."""
    ours = [published_cache(reference) for reference in sources]
    theirs = target.attributes.get("cache-from") or []
    return ours + [source for source in theirs if source not in ours]


def published_cache(reference: Reference) -> dict[str, str]:
    """A cache of a bundle, as a source."""
    return {"type": "registry", "ref": str(reference)}


def own_cache(target: Target, reference: Reference) -> dict[str, str]:
    """Whalebuild's cache of a target.

    Where there are others it comes last: of several BuildKit tells the manifest of the last one
    alone (``runCacheExporters``). Where buildx writes a folder, that manifest is the one that it
    notes there, be it in the folder or not: then whalebuild's has to be exported by itself.

    Args:
        target: The bake file's.
        reference: Where it goes.
    """
    return {
        "type": "registry",
        "ref": str(reference),
        "mode": "max",
        "image-manifest": "true",
        "oci-mediatypes": "true",
        **_compression(target),
    }


def _compression(target: Target) -> dict[str, str]:
    """Have BuildKit export the results of ``COPY --link``, too, where it has not fetched layers.

    Of a layer that it has not fetched it looks for variants in its own store, finds none there,
    and leaves out every result with that layer, unless all layers are of one compression
    (``GetRemotes`` in ``cache/remote.go``, ``marshalRemote`` in ``cache/remotecache/v1/utils.go``).
    A later build then fetches the layers to look for those results by their content. Layers of
    another compression would be converted, so this is left alone where an image may have both.
    """
    given = image_options(target)
    compression = given.get("compression", "gzip")
    if compression == "gzip":
        return {"force-compression": "true"}
    if given.get("force-compression") == "true":
        return {"compression": compression, "force-compression": "true"}
    return {}


def image_options(target: Target) -> dict[str, str]:
    """The options that the bake file gives the exporter of the image."""
    options: dict[str, str] = {}
    for given in target.outputs:
        if given.get("type") in {"image", "registry"}:
            options = {k: v for k, v in given.items() if k not in {"type", "push", "name"}}
    return options
