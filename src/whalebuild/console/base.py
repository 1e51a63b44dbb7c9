"""What every console does: it takes notes, and shows nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self, TextIO

from whalebuild.buildkit.events import Event


class ConsoleBase:
    """Prints notes and no progress (``--progress quiet``). A context manager."""

    shows_logs = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

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
        print(f"whalebuild: {text}", file=self._stream, flush=True)

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        """See ``buildkit.console.Console``."""
