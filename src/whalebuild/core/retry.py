"""How long to keep trying, as values; ``workflows.retrying`` does the waiting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter within a budget.

    Attributes:
        attempts: Tries at the most, the first one included.
        deadline: Seconds from the first failure after which no further try is begun.
        first_wait: Upper bound of the first wait in seconds; it doubles with each try.
        longest_wait: Upper bound of any wait in seconds.
    """

    attempts: int
    deadline: float
    first_wait: float = 0.5
    longest_wait: float = 20.0


@dataclass(frozen=True)
class Retry:
    """One retry that was made: what failed, why, the try it followed and the wait in seconds."""

    step: str
    reason: str
    attempt: int
    waited: float
