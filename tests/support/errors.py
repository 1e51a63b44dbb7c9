"""Errors as values, to compare them with results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whalebuild.errors import WhalebuildError


def outcome(action: Callable[[], Any]) -> Any:
    """The result of an action, or the ``WhalebuildError`` that it raises."""
    try:
        return action()
    except WhalebuildError as error:
        return error
