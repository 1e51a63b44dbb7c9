"""What every console does: it takes notes, and shows nothing else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self, TextIO

from whalebuild.buildkit.events import Event


class ConsoleBase:
    """Prints notes and no progress (``--progress quiet``). A context manager."""

    shows_logs = False
    #: Whether it draws what is waited for; others say it, where that takes long.
    draws = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: When the last note was printed, in seconds of the monotonic clock.
        self.said_at: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def begin(self, targets: Sequence[str]) -> None:
        """See ``buildkit.console.Console``."""

    def event(self, event: Event) -> None:
        """See ``buildkit.console.Console``."""

    def raw(self, line: str) -> None:
        """See ``buildkit.console.Console``."""

    def note(self, text: str) -> None:
        """See ``buildkit.console.Console``."""
        self.said_at = time.monotonic()
        print(f"whalebuild: {text}", file=self._stream, flush=True)

    def wait(self, what: str) -> None:
        """Draw what is waited for until the next call; nothing is drawn for an empty text."""

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        """See ``buildkit.console.Console``."""
