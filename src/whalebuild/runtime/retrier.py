"""Retries: by kind of failure, within a budget, each one announced.

tenacity says when; it is imported at the first failure, as most runs have none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from whalebuild.errors import Retry
from whalebuild.failures.failure import FailedError, Failure, FailureKind, Remedy
from whalebuild.failures.retry_policy import Circuit, RetryPolicy
from whalebuild.values import dataclass

if TYPE_CHECKING:
    from tenacity import RetryCallState

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
    _gates: dict[str, Gate] = field(default_factory=dict)

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
        gate = self._gates.setdefault(registry, Gate()) if registry else Gate(has_answered=True)
        remedied: set[FailureKind] = set()

        def worth_it(failed: BaseException) -> bool:
            kind = failed.failure.kind if isinstance(failed, FailedError) else None
            if kind is None or kind.remedy is Remedy.STOP:
                return False
            once = kind.remedy is Remedy.ONCE
            again = not (once and kind in remedied)
            remedied.add(kind)
            return again

        try:
            try:
                return gate.run(action)
            except FailedError as failed:
                from whalebuild.runtime.tries import further_tries  # noqa: PLC0415 - see above

                further = further_tries(
                    *(failed, self.policy, worth_it, gate, {} if registry else self._gates),
                    note=lambda state: self._note(step, state),
                    sleep=self.sleep,
                )
                result: T = further(gate.run, action)
        except FailedError as failed:
            gate.leave(failed.failure)
            raise
        except BaseException:
            gate.leave()
            raise
        return result

    def _note(self, step: str, state: RetryCallState) -> None:
        from whalebuild.runtime.tries import failure_of  # noqa: PLC0415 - see above

        failure = failure_of(state)
        wait = state.next_action.sleep if state.next_action else 0.0
        self.retries.append(Retry(step, failure.reason, state.attempt_number, round(wait, 3)))
        most = self.policy.attempts - 1 if failure.remedy is Remedy.WAIT else state.attempt_number
        why = failure.reason
        if failure.kind is FailureKind.ENGINE_LOST:
            why = f"the engine went away ({why})"
        self.announce(f"retry {state.attempt_number}/{most} in {wait:.1f} s: {step}: {why}")


class Gate:
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
