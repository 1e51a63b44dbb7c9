"""How fast bytes move."""

from __future__ import annotations

import time
from collections.abc import Callable

from whalebuild.text import human_bytes

# Sooner, a rate says little: what was buffered counts as sent.
_SOONEST = 0.5


def rate(count: int, seconds: float) -> str:
    """``1.2 MB/s``; empty before it says something."""
    return f"{human_bytes(round(count / seconds))}/s" if seconds >= _SOONEST and count > 0 else ""


class Pace:
    """The rate of one transfer after the other.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._what = ""
        self._first = 0
        self._begun = 0.0

    def words(self, what: str, how_far: str, done: int | None) -> str:
        """``how_far`` with the rate since the first time that this transfer was told of.

        Args:
            what: Which transfer it is.
            how_far: How far it is.
            done: Bytes so far; None where it is about something else.
        """
        if done is None:
            return how_far
        if what != self._what or done < self._first:
            self._what, self._first, self._begun = what, done, self._clock()
        speed = rate(done - self._first, self._clock() - self._begun)
        return f"{how_far}, {speed}" if speed else how_far
