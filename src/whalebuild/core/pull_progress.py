"""How far a pull is: folded from the JSON lines of ``docker compose --progress json pull``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PullLine:
    """One line of compose's: an image or one of its layers (``parent`` is its image) moves on.

    Attributes:
        id: Name of the image, or first digits of the layer's digest.
        text: "Downloading", "Download complete", "Pull complete", "Error" ...
        current: Bytes so far, where it is a number of bytes.
        total: Bytes in all; 0 where it is not known.
    """

    id: str
    parent: str
    text: str
    current: int = 0
    total: int = 0
