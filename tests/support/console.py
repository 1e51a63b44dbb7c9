"""A ``buildkit.console.Console`` that keeps what it was to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from whalebuild.buildkit.events import Event


@dataclass
class FakeConsole:
    """Remembers what it was told."""

    begun: list[tuple[str, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def begin(self, targets: Sequence[str]) -> None:
        self.begun.append(tuple(targets))

    def event(self, event: Event) -> None:
        self.events.append(event)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, how_far: str) -> None:
        self.shown.append(f"{what}: {how_far}")

    def raw(self, line: str) -> None:
        self.lines.append(line)
