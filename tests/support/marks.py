"""Marks that tests share: which cases of a parametrised test are run when.

A promise has a case at least in ``make test``; what takes minutes is in ``make test-all`` alone.
"""

from __future__ import annotations

from typing import Any

import pytest


def extended(*values: Any) -> Any:
    """A case that `make test-all` runs, and `make test` does not."""
    return pytest.param(*values, marks=pytest.mark.extended)


def rarely(*values: Any) -> Any:
    """A case that takes its time: `make soak` alone runs it."""
    return pytest.param(*values, marks=pytest.mark.soak)
