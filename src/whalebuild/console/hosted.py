"""A console of one host among several: what it says begins with the host's name."""

from __future__ import annotations

import threading
from collections.abc import Callable

from whalebuild.console.base import ConsoleBase

# Lets one of them speak at a time: they share the output.
_ONE = threading.Lock()


class HostConsole(ConsoleBase):
    """Says on another console what happens on a host; several may speak from threads.

    Args:
        console: Prints it.
        host: The host's name.
        check: Called before something is said; it raises where the host's run is to end.
    """

    def __init__(
        self,
        console: ConsoleBase,
        host: str,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._console, self._host, self._check = console, host, check
        self.draws = console.draws
        self.shows_logs = console.shows_logs

    @property
    def said_at(self) -> float | None:  # type: ignore[override]
        """When the last note of any of them was printed."""
        return self._console.said_at

    def note(self, text: str) -> None:
        """See ``buildkit.console.Console``."""
        with _ONE:
            self._console.note(f"{self._host}: {text}")

    def wait(self, what: str) -> None:
        """See ``console.base.ConsoleBase``."""
        with _ONE:
            self._console.wait(f"{self._host}: {what}" if what else "")

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        """See ``buildkit.console.Console``."""
        self._check()
        with _ONE:
            self._console.progress(f"{self._host}: {what}", how_far, done)

    def __exit__(self, *_: object) -> None:
        """The other console is closed by whoever made it."""
