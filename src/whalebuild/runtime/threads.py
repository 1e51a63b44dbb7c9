"""Look-ups side by side, in threads that an error or an interrupt does not wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")


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


def side_by_side(
    submit: Submit, groups: Iterable[Sequence[S]], action: Callable[[S], T]
) -> dict[S, T]:
    """Do the same with many things: one after the other in each group, the groups side by side.

    All of them end before the first error is raised.
    """
    every = list(groups)
    if len(every) < 2:  # noqa: PLR2004 - there is nothing beside it
        return {each: action(each) for group in every for each in group}

    def run(group: Sequence[S]) -> dict[S, T]:
        return {each: action(each) for each in group}

    futures = [submit(partial(run, group)) for group in every]
    wait(futures)
    return {each: done for future in futures for each, done in future.result().items()}


def one_at_a_time(action: Callable[P, T]) -> Callable[P, T]:
    """The same action, which one thread does while others that are about to do it wait."""
    lock = threading.Lock()

    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return action(*args, **kwargs)

    return alone
