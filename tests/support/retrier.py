"""A retrier, and a registry that is read through one, whose pauses take no time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry


def patient(attempts: int = 3, announce: Callable[[str], None] = lambda _: None) -> Retrier:
    """A retrier that never sleeps."""
    return Retrier(RetryPolicy(attempts, 180.0), announce, lambda _: None)


def patiently(registry: Any, attempts: int = 3) -> RetryingRegistry:
    """A registry that is read again without a sleep."""
    return RetryingRegistry(registry, patient(attempts))
