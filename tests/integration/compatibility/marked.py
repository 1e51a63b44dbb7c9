"""The situations as cases of a parametrised test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.integration.compatibility.situation import Group


def cases(groups: Iterable[Group]) -> list[Any]:
    """One case a row; all but the quick ones are for ``make test-all``."""
    return [
        pytest.param(each, marks=() if each.quick else pytest.mark.extended, id=each.id)
        for group in groups
        for each in group.situations
    ]
