"""Says what is waited for, where that takes more than a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from whalebuild.cli.running_time import seconds_running

if TYPE_CHECKING:
    from whalebuild.console.base import ConsoleBase

# Progress modes in which nothing is printed for people.
FOR_PROGRAMS = ("quiet", "rawjson", "none")


# After so many seconds without a word; what has passed before counts up to so many of them.
_LONG, _BEFORE = 0.9, 0.4


@contextmanager
def said(console: ConsoleBase, mode: str, what: str) -> Iterator[None]:
    """Show what is being done, where the output is for people: at once, or in words if it is long.

    Args:
        console: Takes the line.
        mode: The progress mode.
        what: What is being done.
    """
    from whalebuild.runtime.waiting import said_if_slow

    if mode in FOR_PROGRAMS:
        yield
        return
    if console.draws:
        console.wait(what)
        try:
            yield
        finally:
            console.wait("")
        return
    last = console.said_at
    silent = seconds_running() if last is None else time.monotonic() - last
    with said_if_slow(lambda: console.note(what), _LONG - min(silent, _BEFORE)):
        yield
