"""The protocol of what shows progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from whalebuild.buildkit.events import Event


class Console(Protocol):
    """Shows progress and notes while a command works."""

    @property
    def shows_logs(self) -> bool:
        """Whether all output of steps is shown as it comes: a message need not repeat it."""

    def begin(self, targets: Sequence[str]) -> None:
        """A build of these targets begins; the events that follow belong to it."""

    def event(self, event: Event) -> None:
        """Show an event of the build."""

    def note(self, text: str) -> None:
        """Show one line."""

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        """Show how far something is; on a terminal the next call replaces the line.

        Args:
            what: What it is.
            how_far: How far.
            done: Bytes that were moved so far, for a rate.
        """

    def raw(self, line: str) -> None:
        """Take one line of BuildKit's progress stream, unparsed."""
