"""A ``buildkit.console.Console`` that keeps what it was to show, and what others write."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.progress import recording
from whalebuild.buildkit.events import Event, Step, parse_line
from whalebuild.console.base import ConsoleBase


@dataclass
class FakeConsole:
    """Keeps the arguments of all calls."""

    begun: list[tuple[str, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    shows_logs: bool = False

    def begin(self, targets: Sequence[str]) -> None:
        self.begun.append(tuple(targets))

    def event(self, event: Event) -> None:
        self.events.append(event)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        self.shown.append(f"{what}: {how_far}")

    def raw(self, line: str) -> None:
        self.lines.append(line)


def shown(console_class: type[ConsoleBase], name: str, target: str | None = None) -> str:
    """What a console writes for a recorded stream."""
    stream = io.StringIO()
    with console_class(stream) as console:
        console.begin([target] if target else ["app-deps", "app"])
        for line in recording(name, target):
            console.raw(line)
            for event in parse_line(line):
                console.event(event)
    return stream.getvalue()


def completed_step(digest: str, name: str, **changes: object) -> Step:
    values = {"started": 1.0, "completed": 3.5, "cached": False, "error": "", **changes}
    return Step(digest, name, **values)  # type: ignore[arg-type]
