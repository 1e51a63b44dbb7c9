"""Rows of docs/compatibility.md: what is said of images, platforms, flags and variables."""

from __future__ import annotations

import pytest

from tests.integration.compatibility.marked import cases
from tests.integration.compatibility.rows import FLAGS
from tests.integration.compatibility.runs import Ground
from tests.integration.compatibility.situation import Situation


@pytest.mark.parametrize("situation", cases(FLAGS))
def test_both_tools(ground: Ground, situation: Situation) -> None:
    ground.both(situation).check()
