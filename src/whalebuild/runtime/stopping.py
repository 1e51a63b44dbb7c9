"""Ends what runs in another thread: a signal reaches the main one alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from whalebuild.errors import InterruptedRunError


class Stopping:
    """Has a thread end as a signal would; see ``deploy.course.Interrupts``.

    Attributes:
        drop_output: See there.
    """

    def __init__(self) -> None:
        self._why: InterruptedRunError | None = None
        self._held = 0
        self._raised = False
        self.drop_output: Callable[[], None] = lambda: None

    def ask(self, why: InterruptedRunError) -> None:
        """Have the thread end."""
        self._why = why

    def check(self) -> None:
        """Called by the thread in between; it raises once.

        Raises:
            InterruptedRunError: It was asked to end, and puts nothing back yet.
        """
        why = self._why
        if why is not None and not self._held and not self._raised:
            self._raised = True
            raise InterruptedRunError(why.what, cause=why.cause, next_step=why.next_step)

    @contextmanager
    def held(self) -> Iterator[None]:
        """See ``deploy.course.Interrupts``."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    @property
    def came(self) -> bool:
        """See ``deploy.course.Interrupts``."""
        return self._why is not None
