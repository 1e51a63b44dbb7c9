"""Marks that tests share."""

from __future__ import annotations

from typing import Any

import pytest


def rarely(*values: Any) -> Any:
    """A case of a parametrised test that takes its time: `make soak` runs it, `make test` does not.

    One case at least of each such test is in both.
    """
    return pytest.param(*values, marks=pytest.mark.soak)
