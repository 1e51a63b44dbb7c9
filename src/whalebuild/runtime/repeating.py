"""Something that is done again and again beside a block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 5.0


@contextmanager
def repeated(action: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call ``action`` from a thread every so many seconds, while the block goes on.

    It must not raise. When the block has ended, one call that is under way is waited for, but not
    for long: it may hang as long as what it asks does.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(seconds):
            action()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_PATIENCE)
