"""What a recorded message is, and the parts that many of them share."""

from __future__ import annotations

from typing import NamedTuple

from whalebuild.failures.failure import FailureKind

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
    kind: FailureKind
    text: str
