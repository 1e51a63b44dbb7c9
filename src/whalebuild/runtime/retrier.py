"""Retries with tenacity: by kind of failure, within a budget, each one announced."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from whalebuild.errors import Retry
from whalebuild.failures.failure import FailedError, Failure, FailureKind, Remedy
from whalebuild.failures.retry_policy import Circuit, RetryPolicy

T = TypeVar("T")


@dataclass
class Retrier:
    """Runs steps that touch a registry; remembers every retry for the result. Thread-safe.

    Attributes:
        announce: Takes one line for each retry.
        sleep: Replaced in tests.
    """

    policy: RetryPolicy
    announce: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    retries: list[Retry] = field(default_factory=list)
    _gates: dict[str, _Gate] = field(default_factory=dict)

    def call(self, step: str, action: Callable[[], T], *, registry: str | None = None) -> T:
        """Run the action; run it again after failures that another try may not meet.

        While a registry is down, one of the steps that need it is tried, and the others wait for
        what comes of it.

        Args:
            step: What is done, for the user.
            action: Does it; raises ``FailedError``.
            registry: Whose trouble a failure is; None where it may be of several things.

        Raises:
            FailedError: The last failure: one that will not pass, or with the budget spent.
        """
        gate = self._gates.setdefault(registry, _Gate()) if registry else _Gate(has_answered=True)
        remedied: set[FailureKind] = set()

        def worth_it(failed: BaseException) -> bool:
            kind = failed.failure.kind if isinstance(failed, FailedError) else None
            if kind is None or kind.remedy is Remedy.STOP:
                return False
            once = kind.remedy is Remedy.ONCE
            again = not (once and kind in remedied)
            remedied.add(kind)
            return again

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(worth_it),
            wait=_Wait(self.policy),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.policy.attempts),
                _Deadline(self.policy, gate, {} if registry else self._gates),
            ),
            before_sleep=lambda state: self._note(step, state),
            sleep=self.sleep,
            reraise=True,
        )
        try:
            result: T = retrying(gate.run, action)
        except FailedError as failed:
            gate.leave(failed.failure)
            raise
        except BaseException:
            gate.leave()
            raise
        return result

    def _note(self, step: str, state: tenacity.RetryCallState) -> None:
        failure = _failure(state)
        wait = state.next_action.sleep if state.next_action else 0.0
        self.retries.append(Retry(step, failure.reason, state.attempt_number, round(wait, 3)))
        most = self.policy.attempts - 1 if failure.remedy is Remedy.WAIT else state.attempt_number
        why = failure.reason
        if failure.kind is FailureKind.ENGINE_LOST:
            why = f"the engine went away ({why})"
        self.announce(f"retry {state.attempt_number}/{most} in {wait:.1f} s: {step}: {why}")


class _Gate:
    """One registry's circuit, with the threads that wait for it.

    Attributes:
        has_answered: Whether it has ever answered, be it with a no or with how long to wait.
    """

    def __init__(self, *, has_answered: bool = False) -> None:
        self.has_answered = has_answered
        self._circuit = Circuit()
        self._changed = threading.Condition()

    def run(self, action: Callable[[], T]) -> T:
        """Wait until the circuit allows it, run the action, and note how it ended."""
        me = threading.get_ident()
        with self._changed:
            waited = not self._circuit.allows(me)
            while not self._circuit.allows(me):
                self._changed.wait()
            if waited and self._circuit.gave_up_with:
                raise FailedError(self._circuit.gave_up_with)
        try:
            result = action()
        except FailedError as failed:
            if failed.failure.remedy is Remedy.WAIT:
                with self._changed:
                    self.has_answered = self.has_answered or failed.failure.asked_wait > 0
                    self._circuit.failed(me, failed.failure, time.monotonic())
            elif failed.failure.kind is not FailureKind.UNREACHABLE:
                self._answered()
            raise
        self._answered()
        return result

    def leave(self, failure: Failure | None = None) -> None:
        """Stop: another thread tests the registry, or none if this one gave up with a failure."""
        with self._changed:
            self._circuit.left(threading.get_ident(), failure)
            self._changed.notify_all()

    @property
    def gave_up(self) -> bool:
        """Whether somebody has tried in vain for as long as the budget lasts."""
        return self._circuit.gave_up_with is not None

    @property
    def since(self) -> float | None:
        """When the registry failed first, if it has answered nothing since."""
        return self._circuit.since

    def _answered(self) -> None:
        with self._changed:
            self.has_answered = True
            self._circuit.answered()
            self._changed.notify_all()


class _Wait(wait_base):
    """Full jitter, but no less than the registry asks for (``Retry-After``)."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._jitter = tenacity.wait_random_exponential(
            multiplier=policy.first_wait, max=policy.longest_wait
        )

    def __call__(self, state: tenacity.RetryCallState) -> float:
        failure = _failure(state)
        if failure.kind is FailureKind.CREDENTIAL:  # there is nothing to wait for
            return 0.0
        return max(failure.asked_wait, self._jitter(state))


class _Deadline(stop_base):
    """Stops once the budget has passed since the *first failure* of the step or its registry.

    tenacity's own ``stop_after_delay`` counts from the start, so that a long build would use up
    the budget of its push.
    """

    def __init__(self, policy: RetryPolicy, gate: _Gate, gates: Mapping[str, _Gate]) -> None:
        self._policy = policy
        self._gate = gate
        self._gates = gates
        self._first_failure: float | None = None

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        now = state.outcome_timestamp or 0.0
        if self._first_failure is None:
            self._first_failure = now
        failed = state.outcome is not None and state.outcome.failed
        failure = _failure(state) if failed else None
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


def _failure(state: tenacity.RetryCallState) -> Failure:
    failed = state.outcome.exception() if state.outcome else None
    assert isinstance(failed, FailedError), "nothing else is tried again"  # noqa: S101
    return failed.failure
