"""What a recorded message is, and the parts that many of them share."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal[
    "transient",  # worth another try
    "credential",  # it wants another login, or a fresh one
    "refused",  # the registry's no
    "missing",  # the registry does not have it
    "unreachable",  # it cannot be spoken to, and another try won't help
    "engine",  # no engine, or it cannot do this
    "engine_lost",  # it was there, and went away in the middle
    "disk_full",
    "build",
    "usage",
]

#: The addresses, the digest and the upload are made the same in all of them.
REGISTRY = "127.0.0.1:45615"
LOCAL = "127.0.0.1:35154"
DIGEST = "sha256:ab548e433a6248a1b54e196621ea6643ce5c96cf17f95fbf75276b57ac4c0126"
UPLOAD = f"{REGISTRY}/v2/x/blobs/uploads/u1?_state=s&digest={DIGEST.replace(':', '%3A')}"

SOLVE = "ERROR: failed to build: failed to solve: "
PUSH = f"{SOLVE}failed to push {REGISTRY}/x:1: "


class Recorded(NamedTuple):
    """What was said, where it was recorded, and what kind of failure it is."""

    source: str
    kind: Kind
    text: str
