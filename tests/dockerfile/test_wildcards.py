"""Wildcards match what their regular expression does, and no pattern takes long."""

from __future__ import annotations

import re
import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.dockerfile.wildcards import (
    ANYTHING,
    NOT_SLASH,
    SLASH,
    STAR,
    Folders,
    Many,
    One,
    Piece,
    Wildcards,
)

_LETTERS = "ab/\n"
_ONES = [One("a"), One("b"), SLASH, One(NOT_SLASH), One("[^a]"), One("[ab]"), One("(?!)")]
_PIECES: list[Piece] = [*_ONES, STAR, ANYTHING, Many("[^a]"), Folders()]
#: Patterns for which a matcher that goes back needs minutes or years.
_LONG = {
    "ignored": ["**/a*/" * 14 + "b", "**/" * 20 + "b", "**/*a" * 12, "*a" * 30 + "b", "a**/" * 9],
    "copied": ["*a" * 30 + "b", "*[^b]" * 30 + "c", "*/" * 30 + "b"],
}


def plain(pieces: list[Piece]) -> str:
    """The regular expression as patternmatcher and ``path.Match`` would write it."""
    ways = {Folders: lambda _: "(?:.*/)?", Many: lambda piece: f"(?:{piece.text})*"}
    return "".join(ways.get(type(each), lambda piece: piece.text)(each) for each in pieces)


@given(
    st.lists(st.sampled_from(_PIECES), max_size=7),
    st.lists(st.text(_LETTERS, max_size=9), min_size=1, max_size=12),
)
def test_they_match_what_their_expression_does(pieces: list[Piece], paths: list[str]) -> None:
    wildcards, oracle = Wildcards(pieces), re.compile(plain(pieces))
    for path in paths:
        assert wildcards.fullmatch(path) == bool(oracle.fullmatch(path)), (plain(pieces), path)


@given(
    st.lists(st.sampled_from([Many("[^a]"), Folders(), One("a"), ANYTHING, One("[^a]")])),
    st.text(_LETTERS, max_size=60),
)
def test_the_steps_are_bounded_by_pattern_times_path(pieces: list[Piece], path: str) -> None:
    asked = 0
    takes = One.takes

    def counted(one: One, char: str) -> bool:
        nonlocal asked
        asked += 1
        return takes(one, char)

    with pytest.MonkeyPatch.context() as patch:
        wildcards = Wildcards(pieces)
        patch.setattr(One, "takes", counted)
        wildcards.fullmatch(path)
    assert asked <= len(pieces) * len(path)


@pytest.mark.parametrize(("kind", "pattern"), [(k, p) for k, all_ in _LONG.items() for p in all_])
def test_hostile_patterns_come_to_an_end(kind: str, pattern: str) -> None:
    """In 20 seconds of the processor, start of Python included; they take milliseconds."""
    matched = {
        "ignored": "PatternMatcher([pattern]).match(path)",
        "copied": "matches(pattern, path)",
    }
    program = (
        "from whalebuild.dockerfile.gopath import matches\n"
        "from whalebuild.dockerfile.ignorefile import PatternMatcher\n"
        f"pattern = {pattern!r}\n"
        "for path in ('a' * 250, 'a/' * 120, 'aa/' * 80 + 'c'):\n"
        f"    {matched[kind]}\n"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20)),
    )
