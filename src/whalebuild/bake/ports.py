"""What a bake remembers of builders."""

from __future__ import annotations

from typing import Protocol


class BuilderNotes(Protocol):
    """What was found out about builders, kept from one run to the next."""

    def refuses_cache_by_digest(self, builder: str, registry: str) -> bool:
        """Whether a cache could not be pushed by digest from here to there lately."""

    def note_refusal(self, builder: str, registry: str) -> None:
        """Remember that it could not."""
