"""A ``bake.ports.BuilderNotes`` in memory."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FakeNotes:
    """``refused`` has builders that could not push a cache by digest, with the registry."""

    refused: set[tuple[str, str]] = field(default_factory=set)

    def refuses_cache_by_digest(self, builder: str, registry: str) -> bool:
        return (builder, registry) in self.refused

    def note_refusal(self, builder: str, registry: str) -> None:
        self.refused.add((builder, registry))
