"""Look-ups side by side, in threads that an error or an interrupt does not wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Submit:
    """``submit(action) -> Future``: runs actions in daemon threads, a few at a time.

    A ``ThreadPoolExecutor`` would not do: the interpreter waits for its threads when it ends, and
    one of them may be in a wait between tries.
    """

    def __init__(self, at_once: int = 8) -> None:
        self._free = threading.Semaphore(at_once)

    def __call__(self, action: Callable[[], T]) -> Future[T]:
        """Run the action in a thread."""
        future: Future[T] = Future()

        def run() -> None:
            with self._free:
                try:
                    future.set_result(action())
                except BaseException as failed:  # noqa: BLE001 - whoever asks for the result gets it
                    future.set_exception(failed)

        threading.Thread(target=run, daemon=True).start()
        return future
