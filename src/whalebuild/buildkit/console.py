"""Where progress goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from whalebuild.buildkit.events import Event


class Console(Protocol):
    """Where progress and notes go while work is under way."""

    def begin(self, targets: Sequence[str]) -> None:
        """Learn which targets the coming events are about."""

    def event(self, event: Event) -> None:
        """Show progress."""

    def note(self, text: str) -> None:
        """Say one line."""

    def progress(self, what: str, how_far: str) -> None:
        """Say how far something is; the next one takes its place where that can be shown."""

    def raw(self, line: str) -> None:
        """Take one line of BuildKit's own stream, before it is parsed."""
