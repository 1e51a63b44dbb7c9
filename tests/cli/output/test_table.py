"""Tables on terminals of all widths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.cli.output.table import columns, fit, shortened

DIGEST = "sha256:0123456789ab"
NAME = "registry.example.com/organisation/division/shop/web:latest"
ROWS = [
    ("TARGET", "IMAGE", "ACTION", "DIGEST", "TIME"),
    ("web", NAME, "built", DIGEST, "1 min 12 s"),
    ("", "registry.example.com/organisation/division/shop/web:v1", "", "", ""),
    ("jobs", "registry.example.com/organisation/jobs:latest", "reused", DIGEST, "0.6 s"),
]


def test_without_a_terminal_a_row_is_a_line_with_all_of_it() -> None:
    lines = columns(ROWS, head=True)
    assert len(lines) == len(ROWS)
    assert NAME in lines[1]


def test_long_names_lose_their_middle_and_digests_and_times_nothing() -> None:
    lines = columns(ROWS, 80, head=True)
    assert len(lines) == len(ROWS)
    assert lines[1].endswith(f"{DIGEST}  1 min 12 s")
    assert "web:latest" in lines[1]
    assert "web:v1" in lines[2]


def test_where_that_is_not_enough_a_row_is_a_block_with_whole_names() -> None:
    assert columns(ROWS, 70, head=True) == [
        "target: web",
        f"image:  {NAME}",
        "        registry.example.com/organisation/division/shop/web:v1",
        "action: built",
        f"digest: {DIGEST}",
        "time:   1 min 12 s",
        "",
        "target: jobs",
        "image:  registry.example.com/organisation/jobs:latest",
        "action: reused",
        f"digest: {DIGEST}",
        "time:   0.6 s",
    ]


def test_a_table_without_a_head_wraps_its_last_column() -> None:
    rows = [("  one", "short"), ("  another", "word " * 12 + "end")]
    assert columns(rows, 60) == [
        "  one      short",
        "  another  word word word word word word word word word word",
        "           word word end",
    ]


@pytest.mark.parametrize(
    ("room", "expected"),
    [(9, "abcdefghi"), (8, "abc…fghi"), (5, "ab…hi")],
)
def test_the_end_of_a_name_says_more(room: int, expected: str) -> None:
    assert shortened("abcdefghi", room) == expected


CELLS = st.text("abc/:.-", max_size=60) | st.sampled_from([DIGEST, "1 min 12 s", "12 MB", ""])
TABLES = st.integers(2, 7).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=5)
)


@given(TABLES, st.integers(80, 160))
def test_nothing_is_wider_than_the_terminal_and_no_digest_or_time_is_cut(
    rows: list[list[str]], width: int
) -> None:
    head = [f"H{number}" for number in range(len(rows[0]))]
    lines = columns([head, *rows], width, head=True)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for cell in {cell for row in rows for cell in row} & {DIGEST, "1 min 12 s", "12 MB"}:
        assert cell in text


def test_text_goes_on_under_what_follows_its_label() -> None:
    text = "error: it failed\n  cause: " + "word " * 14 + "end\n  platforms  " + "name, " * 12
    assert fit(text, 60).splitlines() == [
        "error: it failed",
        "  cause: word word word word word word word word word word",
        "         word word word word end",
        "  platforms  name, name, name, name, name, name, name, name,",
        "             name, name, name, name,",
    ]
    assert fit(text, None) == text


def test_a_word_that_is_longer_than_the_terminal_stays_whole() -> None:
    assert fit("  image: " + "x" * 100, 80).split() == ["image:", "x" * 100]
