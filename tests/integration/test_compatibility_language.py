"""Rows of docs/compatibility.md: compose files, the language of bake files, and overrides."""

from __future__ import annotations

import pytest

from tests.integration.compatibility.marked import cases
from tests.integration.compatibility.rows import LANGUAGE
from tests.integration.compatibility.runs import Ground
from tests.integration.compatibility.situation import Situation


@pytest.mark.parametrize("situation", cases(LANGUAGE))
def test_both_tools(ground: Ground, situation: Situation) -> None:
    ground.both(situation).check()
