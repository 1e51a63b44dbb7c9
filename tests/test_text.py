"""Suggestions, sizes and durations in messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.text import did_you_mean, human_bytes, human_seconds, short_digest


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("imag", 'did you mean "image"?'),
        ("deps_stage", 'did you mean "deps-stage"?'),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_closest_known_word_is_suggested(word: str, expected: str | None) -> None:
    assert did_you_mean(word, ["deps-stage", "image", "file"]) == expected


def test_nothing_is_suggested_where_nothing_is_known() -> None:
    assert did_you_mean("image", []) is None


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (8_700, "8.7 KB"),
        (91_400_000, "91 MB"),
        (999_999, "1.0 MB"),
        (1_500_000_000, "1.50 GB"),
    ],
)
def test_bytes_are_said_in_decimal_units(count: int, expected: str) -> None:
    assert human_bytes(count) == expected


@given(st.integers(min_value=0, max_value=999_000_000_000))
def test_a_number_of_bytes_has_at_most_three_digits_before_the_point(count: int) -> None:
    number, unit = human_bytes(count).split()
    assert float(number) < 1000
    assert unit in {"B", "KB", "MB", "GB"}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0 s"),
        (0.64, "0.6 s"),
        (59.9, "59.9 s"),
        (59.97, "1 min 0 s"),
        (60, "1 min 0 s"),
        (72.4, "1 min 12 s"),
        (119.7, "2 min 0 s"),
    ],
)
def test_seconds_are_said_in_minutes_from_a_minute_on(seconds: float, expected: str) -> None:
    assert human_seconds(seconds) == expected


def test_short_digests() -> None:
    assert short_digest(f"sha256:{'0123456789abcdef' * 4}") == "sha256:0123456789ab"
    assert short_digest(None) == ""
