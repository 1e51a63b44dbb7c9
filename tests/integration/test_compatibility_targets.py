"""Rows of docs/compatibility.md: which targets are built, their names, and where results go."""

from __future__ import annotations

import pytest

from tests.integration.compatibility.marked import cases
from tests.integration.compatibility.rows import TARGETS
from tests.integration.compatibility.runs import Ground
from tests.integration.compatibility.situation import Situation


@pytest.mark.parametrize("situation", cases(TARGETS))
def test_both_tools(ground: Ground, situation: Situation) -> None:
    ground.both(situation).check()
