"""docs/buildx.md is what the tests' list says, and what the list names exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.buildx_table.page import PAGE, TABLES, page
from tests.integration.buildx_table.row import Answered, OwnTest, Row, Tried
from tests.integration.compatibility.rows import GROUPS
from whalebuild.cli.words import FLAGS

ROWS = [row for table in TABLES for row in table.rows]
TITLES = {each.title for group in GROUPS for each in group.situations}


def test_the_page_is_written_anew_when_the_list_changes() -> None:
    assert PAGE.read_text() == page()


def test_every_row_is_there_once() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_holds_a_row_exists(row: Row) -> None:
    match row.held:
        case Tried(title):
            assert title in TITLES
        case OwnTest(file, name):
            assert f"def {name}(" in (Path(__file__).parents[1] / file).read_text()
        case Answered(said):
            assert said in FLAGS[row.name]
