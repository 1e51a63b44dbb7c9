"""Says what is going on where it takes long: nothing is to be silent for more than a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def said_if_slow(say: Callable[[], None], seconds: float = 0.9) -> Iterator[None]:
    """Call ``say`` once, from a thread, if the block takes longer than so many seconds.

    That nobody reads it any more is for the block to meet, or not.
    """

    def try_to_say() -> None:
        with suppress(OSError):
            say()

    timer = threading.Timer(seconds, try_to_say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
