"""Questions that are asked side by side, each with a time limit, so that nothing hangs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from whalebuild.errors import EngineError, WhalebuildError
from whalebuild.failures.classify_http import NoAnswer, no_answer
from whalebuild.failures.failure import FailedError, Failure
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True)
class Asked(Generic[T]):
    """A question that was asked.

    Attributes:
        what: Whom, as the subject of a sentence.
        left: Seconds that are left for the answer.
        limit: Seconds that there were.
    """

    what: str
    future: Future[T]
    left: Callable[[], float]
    limit: float

    def answer(self) -> T | WhalebuildError:
        """The answer, or why there is none."""
        try:
            return self.future.result(max(0.0, self.left()))
        except TimeoutError:
            return EngineError(
                f"{self.what} did not answer within {self.limit:.0f} s",
                next_step="see whether it hangs, and run the doctor again",
            )
        except WhalebuildError as failed:
            return failed


@dataclass(frozen=True)
class Questions:
    """Asks questions side by side.

    Attributes:
        submit: Has room for all of them: some wait for others.
        clock: Seconds that only ever grow.
        seconds: How long to wait for an answer, from the question on.
    """

    submit: Submit
    clock: Callable[[], float]
    seconds: float = 30.0

    def ask(self, what: str, action: Callable[[], T], *, parts: int = 1) -> Asked[T]:
        """Ask something.

        Args:
            what: Whom, as the subject of a sentence.
            action: Asks.
            parts: How many questions it asks, one after the other.
        """
        limit = self.seconds * parts
        until = self.clock() + limit
        return Asked(what, self.submit(action), lambda: until - self.clock(), limit)

    def ask_registry(self, what: str, action: Callable[[], T]) -> Asked[T | Failure]:
        """Ask a registry, whose failure is an answer."""
        return self.ask(what, partial(_failing, action))


def _failing(action: Callable[[], T]) -> T | Failure:
    try:
        return action()
    except FailedError as failed:
        return failed.failure


def in_time(answer: T | Failure | WhalebuildError, what: str) -> T | Failure:
    """A registry that did not answer in time has failed as one that cannot be reached."""
    if isinstance(answer, WhalebuildError):
        return no_answer(what, NoAnswer.TIMEOUT)
    return answer
