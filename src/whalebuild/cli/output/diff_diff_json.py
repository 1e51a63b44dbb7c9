"""What a pull will download, for machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from whalebuild.published.download import ImageDiff, LayerDiff, Part

SCHEMA = "whalebuild.diff/1"


def diff_json(diffs: Iterable[ImageDiff]) -> dict[str, Any]:
    """The versioned form of ``diff``; sizes are bytes, and null is what is not there or known."""
    return {"schema": SCHEMA, "images": [_image(diff) for diff in diffs]}


def _image(diff: ImageDiff) -> dict[str, Any]:
    return {
        "from": {
            "kind": str(diff.origin.kind),
            "images": [
                {"reference": str(reference) if reference else None, "digest": digest}
                for reference, digest in diff.origin.images
            ],
        },
        "to": {"reference": str(diff.to.reference), "digest": diff.to.digest},
        "platform": diff.to.platform,
        "download_bytes": diff.download,
        "total_bytes": diff.total,
        "exact": diff.exact,
        "new_layers": len(diff.new),
        "new_layers_bytes": sum(layer.size for layer in diff.new),
        "shared_layers": len(diff.shared),
        "shared_layers_bytes": sum(layer.size for layer in diff.shared),
        "index": diff.index and _part(diff.index),
        "manifest": _part(diff.manifest),
        "config": _part(diff.config),
        "layers": [_layer(layer) for layer in diff.layers],
    }


def _part(part: Part) -> dict[str, Any]:
    return {"digest": part.digest, "bytes": part.size, "there": part.there}


def _layer(layer: LayerDiff) -> dict[str, Any]:
    return {
        "digest": layer.digest,
        "diff_id": layer.diff_id,
        "bytes": layer.size,
        "there": layer.there,
        "known_by": layer.known_by,
        "instruction": layer.instruction,
    }
