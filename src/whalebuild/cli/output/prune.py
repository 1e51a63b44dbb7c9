"""What ``prune`` removed and kept, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from whalebuild.cli.output.table import columns
from whalebuild.deploy.prune import Pruning
from whalebuild.oci.reference import Reference
from whalebuild.text import short_digest

SCHEMA = "whalebuild.prune/1"


def prune_text(pruning: Pruning, width: int | None = None) -> str:
    """Each image with what becomes of it, and how many there are."""
    gone = "removed" if pruning.done else "to be removed"
    rows = [(gone, short_digest(each.digest), _named(each.images), "") for each in pruning.removed]
    rows += [
        ("kept", short_digest(each.digest), _named(each.images), each.why) for each in pruning.kept
    ]
    if not rows:
        return "nothing to prune: the host has no image that the record names"
    count = len(pruning.removed)
    said = f"{count} image{'' if count == 1 else 's'} {gone}, {len(pruning.kept)} kept"
    heads = ("STATE", "DIGEST", "IMAGE", "WHY")
    return "\n".join([*columns([heads, *rows], width, head=True), "", said])


def _named(images: Iterable[Reference]) -> str:
    names = (str(Reference(image.repository, image.tag)) for image in images)
    return ", ".join(dict.fromkeys(names))


def prune_json(pruning: Pruning, project: str) -> dict[str, Any]:
    """The versioned form of ``prune`` of a project."""
    return {
        "schema": SCHEMA,
        "project": project,
        "keep": pruning.keep,
        "done": pruning.done,
        "removed": [
            {"digest": e.digest, "images": _texts(e.images), "names": _texts(e.names)}
            for e in pruning.removed
        ],
        "kept": [
            {"digest": e.digest, "images": _texts(e.images), "why": e.why} for e in pruning.kept
        ],
    }


def _texts(references: Iterable[Reference]) -> list[str]:
    return [str(reference) for reference in references]
