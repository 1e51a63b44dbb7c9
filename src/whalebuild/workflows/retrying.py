"""Retries with tenacity: by kind of failure, within a budget, each one announced."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from whalebuild.core.failures import Kind, failure_of
from whalebuild.core.retry import Retry, RetryPolicy

T = TypeVar("T")


@dataclass
class Retrier:
    """Runs steps that touch the registry; remembers every retry for the result.

    Attributes:
        announce: Takes one line for each retry.
        sleep: Replaced in tests.
    """

    policy: RetryPolicy
    announce: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    retries: list[Retry] = field(default_factory=list)

    def call(self, step: str, action: Callable[[], T]) -> T:
        """Run the action, again after transient failures.

        Raises:
            CommandFailedError: The last failure: of another kind, or with the budget spent.
            RequestFailedError: Likewise, of a request to the registry.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_transient),
            wait=_Wait(self.policy),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.policy.attempts), _Deadline(self.policy.deadline)
            ),
            before_sleep=lambda state: self._note(step, state),
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(action)

    def _note(self, step: str, state: tenacity.RetryCallState) -> None:
        failed = state.outcome.exception() if state.outcome else None
        failure = failure_of(failed) if failed else None
        reason = failure.reason if failure else "unknown failure"
        wait = state.next_action.sleep if state.next_action else 0.0
        self.retries.append(Retry(step, reason, state.attempt_number, round(wait, 3)))
        self.announce(
            f"retry {state.attempt_number}/{self.policy.attempts - 1} in {wait:.1f} s: "
            f"{step}: {reason}"
        )


class _Wait(wait_base):
    """Full jitter, but no less than the registry asks for (``Retry-After``)."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._jitter = tenacity.wait_random_exponential(
            multiplier=policy.first_wait, max=policy.longest_wait
        )
        self._longest = policy.deadline

    def __call__(self, state: tenacity.RetryCallState) -> float:
        failed = state.outcome.exception() if state.outcome else None
        failure = failure_of(failed) if failed else None
        asked = min(failure.asked_wait, self._longest) if failure else 0.0
        return max(asked, self._jitter(state))


class _Deadline(stop_base):
    """Stops once the budget has passed since the *first failure*.

    tenacity's own ``stop_after_delay`` counts from the start, so that a long build would use up
    the budget of its push.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._first_failure: float | None = None

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        now = state.outcome_timestamp or 0.0
        if self._first_failure is None:
            self._first_failure = now
        return now - self._first_failure >= self._seconds


def _is_transient(failed: BaseException) -> bool:
    failure = failure_of(failed)
    return failure is not None and failure.kind is Kind.TRANSIENT
