"""The error of an action as a value, beside what other actions return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whalebuild.errors import WhalebuildError


def outcome(action: Callable[[], Any]) -> Any:
    """What the action returns, or the expected error that it raises; no other error passes."""
    try:
        return action()
    except WhalebuildError as error:
        return error
