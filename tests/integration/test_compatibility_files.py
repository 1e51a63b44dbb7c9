"""Rows of docs/compatibility.md: what bake files, flags and variables say."""

from __future__ import annotations

import pytest

from tests.integration.compatibility.marked import cases
from tests.integration.compatibility.rows_files import GROUPS
from tests.integration.compatibility.runs import Ground
from tests.integration.compatibility.situation import Situation


@pytest.mark.parametrize("situation", cases(GROUPS))
def test_both_tools(ground: Ground, situation: Situation) -> None:
    ground.both(situation).check()
