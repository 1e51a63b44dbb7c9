"""What a pull will download, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from whalebuild.cli.output.table import columns
from whalebuild.oci.reference import Reference
from whalebuild.published.download import DownloadPart, HostSide, ImageDiff, KnownBy, LayerDiff
from whalebuild.text import human_bytes, short_digest

SCHEMA = "whalebuild.diff/1"
_OTHER_COLUMNS = 40
_NOTHING = {
    HostSide.LOCAL: "nothing of it on this host",
    HostSide.RUNNING: "no running container of it on this host",
}
_BY_CONTENT = (
    "~ is there by its content: the blob that it came in cannot be told, and is downloaded if it "
    "is another one"
)


def diff_text(diffs: Iterable[ImageDiff], width: int | None = None) -> str:
    """Each image: where from, where to, every layer, and what is to be downloaded in all."""
    return "\n\n".join("\n".join(_image(diff, width)) for diff in diffs)


def _image(diff: ImageDiff, width: int | None) -> Iterator[str]:
    yield f"{_named(diff.to.reference, diff.to.digest)} for {diff.to.platform}"
    yield f"from {_origin(diff)}"
    yield ""
    yield from columns(list(_rows(diff, width)), width, head=True)
    yield ""
    if not diff.exact:
        yield _BY_CONTENT
    yield _summary(diff)


def _origin(diff: ImageDiff) -> str:
    images = [_named(reference, digest) for reference, digest in diff.origin.images]
    if not images:
        return _NOTHING[diff.origin.kind]
    where = {HostSide.LOCAL: " on this host", HostSide.RUNNING: ", which runs on this host"}
    return ", ".join(dict.fromkeys(images)) + where.get(diff.origin.kind, "")


def _rows(diff: ImageDiff, width: int | None) -> Iterator[tuple[str, ...]]:
    yield ("STATE", "SIZE", "DIGEST", "MADE BY")
    for layer in diff.layers:
        size = human_bytes(layer.size)
        instruction = _one_line(layer.instruction or "", width)
        yield (_state(layer), size, short_digest(layer.digest), instruction)
    names = ("index", "manifest", "configuration")[-len(diff.parts) :]
    for name, part in zip(names, diff.parts, strict=True):
        state = "have" if part.on_host else "new"
        yield (state, human_bytes(part.size), short_digest(part.digest), f"({name})")


def _state(layer: LayerDiff) -> str:
    if layer.known_by is KnownBy.DIFF_ID:
        return "have ~"
    return "have" if layer.on_host else "new"


def _summary(diff: ImageDiff) -> str:
    new, count = diff.new, len(diff.layers)
    layers = f"{len(new)} of {count} layer{'' if count == 1 else 's'}"
    return (
        f"downloads {human_bytes(diff.download)} of {human_bytes(diff.total)}: {layers} "
        f"({human_bytes(sum(layer.size for layer in new))}), the rest is index, manifest and "
        "configuration"
    )


def _named(reference: Reference | None, digest: str) -> str:
    short = short_digest(digest)
    if reference is None:
        return f"an image without a tag @{short}"
    bare = Reference(reference.repository, reference.tag)
    return f"{bare}@{short}"


def _one_line(instruction: str, width: int | None) -> str:
    """An instruction as far as there is room for it; in a pipe all of it."""
    text = " ".join(instruction.split())
    room = len(text) if width is None else max(width - _OTHER_COLUMNS, _OTHER_COLUMNS)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def diff_json(diffs: Iterable[ImageDiff]) -> dict[str, Any]:
    """The versioned form of ``diff``; sizes are bytes, and null is what is not there or known."""
    return {"schema": SCHEMA, "images": [_image_json(diff) for diff in diffs]}


def _image_json(diff: ImageDiff) -> dict[str, Any]:
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
        "index": diff.index and _part_json(diff.index),
        "manifest": _part_json(diff.manifest),
        "config": _part_json(diff.config),
        "layers": [_layer_json(layer) for layer in diff.layers],
    }


def _part_json(part: DownloadPart) -> dict[str, Any]:
    return {"digest": part.digest, "bytes": part.size, "there": part.on_host}


def _layer_json(layer: LayerDiff) -> dict[str, Any]:
    return {
        "digest": layer.digest,
        "diff_id": layer.diff_id,
        "bytes": layer.size,
        "there": layer.on_host,
        "known_by": layer.known_by,
        "instruction": layer.instruction,
    }
