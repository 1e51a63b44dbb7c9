"""What ``prune`` removed and kept, as text; pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from whalebuild.cli.output.table import columns
from whalebuild.deploy.prune import Pruning
from whalebuild.deploy.result import short
from whalebuild.oci.reference import Reference


def prune_text(pruning: Pruning) -> str:
    """Each image with what becomes of it, and how many there are."""
    gone = "removed" if pruning.done else "to be removed"
    rows = [(gone, short(each.digest), _named(each.images), "") for each in pruning.removed]
    rows += [("kept", short(each.digest), _named(each.images), each.why) for each in pruning.kept]
    if not rows:
        return "nothing to prune: the host has no image that the record names"
    count = len(pruning.removed)
    said = f"{count} image{'' if count == 1 else 's'} {gone}, {len(pruning.kept)} kept"
    return "\n".join([*columns([("", "DIGEST", "IMAGE", "WHY"), *rows]), "", said])


def _named(images: Iterable[Reference]) -> str:
    names = (str(Reference(image.repository, image.tag)) for image in images)
    return ", ".join(dict.fromkeys(names))
