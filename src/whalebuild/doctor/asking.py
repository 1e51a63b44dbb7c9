"""Questions that are asked side by side, each with a time limit, so that nothing hangs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from whalebuild.errors import EngineError, WhalebuildError
from whalebuild.failures.classify_http import NoAnswer, no_answer
from whalebuild.failures.failure import FailedError, Failure
from whalebuild.runtime.threads import Submit

T = TypeVar("T")


@dataclass(frozen=True)
class Asked(Generic[T]):
    """A question that was asked.

    Attributes:
        what: Whom, as the subject of a sentence.
        seconds: How long to wait for the answer.
    """

    what: str
    future: Future[T]
    seconds: float

    def answer(self) -> T | WhalebuildError:
        """The answer, or why there is none."""
        try:
            return self.future.result(self.seconds)
        except TimeoutError:
            return EngineError(
                f"{self.what} did not answer within {self.seconds:.0f} s",
                next_step="see whether it hangs, and run the doctor again",
            )
        except WhalebuildError as failed:
            return failed


@dataclass(frozen=True)
class Questions:
    """Asks questions side by side.

    Attributes:
        submit: Has room for all of them: some wait for others.
    """

    submit: Submit
    seconds: float = 20.0

    def ask(self, what: str, action: Callable[[], T]) -> Asked[T]:
        """Ask something."""
        return Asked(what, self.submit(action), self.seconds)

    def ask_registry(self, what: str, action: Callable[[], T]) -> Asked[T | Failure]:
        """Ask a registry, whose failure is an answer."""
        return Asked(what, self.submit(partial(_failing, action)), self.seconds)


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
