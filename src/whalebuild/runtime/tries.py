"""When a step is tried again, and when it is given up: tenacity's part of ``retrier``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import tenacity
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from whalebuild.failures.failure import FailedError, Failure, FailureKind
from whalebuild.failures.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from whalebuild.runtime.retrier import Gate

T = TypeVar("T")
Attempt = Callable[[Callable[[], T]], T]


def further_tries(
    first: FailedError,
    policy: RetryPolicy,
    worth_it: Callable[[BaseException], bool],
    gate: Gate,
    gates: Mapping[str, Gate],
    *,
    note: Callable[[tenacity.RetryCallState], None],
    sleep: Callable[[float], None],
) -> Callable[[Attempt[T], Callable[[], T]], T]:
    """What runs an action again that has failed once, and raises what it fails of in the end.

    Args:
        first: What it failed of; it counts as the first try.
        policy: How often and how long.
        worth_it: Whether another try may end otherwise.
        gate: The registry that it is about.
        gates: Those that docker may have been unable to reach, by name.
        note: Called before each wait.
        sleep: Waits.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(worth_it),
        wait=_Wait(policy),
        stop=tenacity.stop_any(
            tenacity.stop_after_attempt(policy.attempts), _Deadline(policy, gate, gates)
        ),
        before_sleep=note,
        sleep=sleep,
        reraise=True,
    )
    failed = [first]

    def attempt(run: Attempt[T], action: Callable[[], T]) -> T:
        if failed:
            raise failed.pop()
        return run(action)

    return lambda run, action: retrying(attempt, run, action)


class _Wait(wait_base):
    """Full jitter, but no less than the registry asks for (``Retry-After``)."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._jitter = tenacity.wait_random_exponential(
            multiplier=policy.first_wait, max=policy.longest_wait
        )

    def __call__(self, state: tenacity.RetryCallState) -> float:
        failure = failure_of(state)
        if failure.kind is FailureKind.CREDENTIAL:  # there is nothing to wait for
            return 0.0
        return max(failure.asked_wait, self._jitter(state))


class _Deadline(stop_base):
    """Stops once the budget has passed since the *first failure* of the step or its registry.

    tenacity's own ``stop_after_delay`` counts from the start, so that a long build would use up
    the budget of its push.
    """

    def __init__(self, policy: RetryPolicy, gate: Gate, gates: Mapping[str, Gate]) -> None:
        self._policy = policy
        self._gate = gate
        self._gates = gates
        self._first_failure: float | None = None

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        now = state.outcome_timestamp or 0.0
        if self._first_failure is None:
            self._first_failure = now
        failed = state.outcome is not None and state.outcome.failed
        failure = failure_of(state) if failed else None
        # What docker could not reach may be a registry that requests of our own did not reach.
        gate = self._gates.get(failure.registry or "", self._gate) if failure else self._gate
        seconds = (
            self._policy.deadline
            if gate.has_answered
            else self._policy.deadline_before_first_answer
        )
        ends = min(self._first_failure, gate.since or now) + seconds
        # A registry that asks for a longer wait than there is time will not answer before.
        asked = failure.asked_wait if failure else 0.0
        return gate.gave_up or now >= ends or now + asked > ends


def failure_of(state: tenacity.RetryCallState) -> Failure:
    """What the last try failed of."""
    failed = state.outcome.exception() if state.outcome else None
    assert isinstance(failed, FailedError), "nothing else is tried again"  # noqa: S101
    return failed.failure
