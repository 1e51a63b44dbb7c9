"""Ends what runs in another thread: a signal reaches the main one alone."""

from __future__ import annotations

from whalebuild.errors import InterruptedRunError


class Stopping:
    """Has a thread end as a signal would: what it calls in between raises, once."""

    def __init__(self) -> None:
        self._why: InterruptedRunError | None = None

    def ask(self, why: InterruptedRunError) -> None:
        """Have the thread end."""
        self._why = why

    def check(self) -> None:
        """Called by the thread.

        Raises:
            InterruptedRunError: It was asked to end. What it does then to go back is let be.
        """
        if self._why is not None:
            why, self._why = self._why, None
            raise InterruptedRunError(why.what, cause=why.cause, next_step=why.next_step)
