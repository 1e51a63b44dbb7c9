"""Rows of docs/compatibility.md: what has to be allowed, Dockerfiles and ignore files."""

from __future__ import annotations

import pytest

from tests.integration.compatibility.marked import cases
from tests.integration.compatibility.rows import GUARDED
from tests.integration.compatibility.runs import Ground
from tests.integration.compatibility.situation import Situation


@pytest.mark.parametrize("situation", cases(GUARDED))
def test_both_tools(ground: Ground, situation: Situation) -> None:
    ground.both(situation).check()
