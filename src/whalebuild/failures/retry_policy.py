"""How long to keep trying, as values; ``runtime.retrier`` does the waiting."""

from __future__ import annotations

from collections.abc import Hashable

from whalebuild.failures.failure import Failure
from whalebuild.values import dataclass

# So many failures in a row, of whichever steps, and a registry counts as down.
_FAILURES_IN_A_ROW = 3


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter within a budget.

    Attributes:
        attempts: Tries of one step at the most, the first one included.
        deadline: Seconds from the first failure after which no further try is begun: of a step,
            and of a registry that has answered nothing since.
        first_wait: Upper bound of the first wait in seconds; it doubles with each try.
        longest_wait: Upper bound of any wait in seconds.
    """

    attempts: int
    deadline: float
    first_wait: float = 0.5
    longest_wait: float = 20.0

    @property
    def deadline_before_first_answer(self) -> float:
        """The deadline of a registry that has never answered: its name may be wrong."""
        return self.deadline / 10


@dataclass
class Circuit:
    """A circuit breaker for one registry: whether it answers, and who tests that while it does not.

    Open, it lets one of many callers through at a time, so that a registry that is down is not
    asked by all of them. Not thread-safe by itself.

    Attributes:
        failures: In a row.
        since: When the first of them was.
        tester: Who is let through while it is open.
        gave_up_with: What the tester gave up with: the others need not try.
    """

    failures: int = 0
    since: float | None = None
    is_open: bool = False
    tester: Hashable = None
    gave_up_with: Failure | None = None

    def allows(self, caller: Hashable) -> bool:
        """Whether the caller may make requests; an open circuit makes the first one its tester."""
        if not self.is_open or self.gave_up_with:
            return True
        if self.tester is None:
            self.tester = caller
        return self.tester == caller

    def answered(self) -> None:
        """Note that the registry has answered; a refusal is an answer."""
        self.failures, self.since = 0, None
        self.is_open, self.tester, self.gave_up_with = False, None, None

    def failed(self, caller: Hashable, failure: Failure, now: float) -> None:
        """Note a failure after which another try may succeed."""
        self.failures += 1
        self.since = now if self.since is None else self.since
        if self.failures >= _FAILURES_IN_A_ROW or failure.asked_wait > 0:
            self.is_open = True
            self.tester = caller if self.tester is None else self.tester

    def left(self, caller: Hashable, failure: Failure | None = None) -> None:
        """Note that a caller stops: with a failure it gave up, without one it was interrupted."""
        if self.tester == caller:
            self.tester = None
            self.gave_up_with = failure
