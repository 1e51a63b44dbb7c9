from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.errors import outcome
from whalebuild.errors import UsageError
from whalebuild.oci.platform import KNOWN, parse_platform, parse_platforms, resolve, runnable


@pytest.mark.parametrize(
    ("given_values", "expected"),
    [
        ((), ()),
        (("linux/amd64",), ("linux/amd64",)),
        (("linux/arm64,linux/amd64",), ("linux/arm64", "linux/amd64")),
        (("linux/amd64, linux/arm64 ,",), ("linux/amd64", "linux/arm64")),
        (("linux/amd64", "linux/amd64"), ("linux/amd64",)),
        (("Linux/AMD64",), ("linux/amd64",)),
        (("linux/x86_64", "linux/aarch64"), ("linux/amd64", "linux/arm64")),
        (("linux/armv7l", "linux/i686"), ("linux/arm/v7", "linux/386")),
        (("linux/arm64/v8", "linux/arm64"), ("linux/arm64",)),
        (("linux/arm/v7",), ("linux/arm/v7",)),
        (("local",), ("local",)),
    ],
)
def test_platforms_are_split_normalised_and_kept_in_order(
    given_values: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert parse_platforms(given_values, where="--platform") == expected


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("linux/amd46", 'did you mean "linux/amd64"?'),
        ("arm64", 'did you mean "linux/arm64"?'),
        ("x86_64", 'did you mean "linux/amd64"?'),
        ("plan9/mips", None),
    ],
)
def test_a_wrong_platform_is_named_with_its_place_and_a_guess(word: str, cause: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse_platforms([word], where="--platform")
    assert caught.value.what == f'"{word}" is not a platform (--platform)'
    assert caught.value.cause == cause


# https://github.com/containerd/platforms/blob/main/database.go normalises it to linux/amd64.
def test_the_first_variant_of_amd64_is_plain_amd64() -> None:
    assert parse_platforms(["linux/amd64/v1"], where="x") == ("linux/amd64",)


@given(st.lists(st.sampled_from([*sorted(KNOWN), "local", "LINUX/aarch64", "linux/arm64/v8"])))
def test_normalising_twice_changes_nothing(values: list[str]) -> None:
    once = parse_platforms(values, where="x")
    assert parse_platforms(once, where="x") == once


@given(st.lists(st.text() | st.text(alphabet="linuxarmd64/,v8 ", max_size=14)))
def test_any_texts_are_platforms_or_a_usage_error(values: list[str]) -> None:
    made = outcome(lambda: parse_platforms(values, where="x"))
    if isinstance(made, UsageError):
        assert "is not a platform (x)" in made.what
    else:
        assert set(made) <= {*KNOWN, "local"}


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        ((), ()),
        (("local",), ("linux/arm64",)),
        (("linux/amd64", "local"), ("linux/amd64", "linux/arm64")),
        (("local", "linux/arm64"), ("linux/arm64",)),
    ],
)
def test_local_is_the_builders_own(platforms: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert resolve(platforms, "linux/arm64") == expected


@pytest.mark.parametrize(
    ("own", "runs"),
    [
        ("linux/amd64", "linux/amd64 linux/386"),
        ("linux/amd64/v3", "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386"),
        ("linux/arm64", "linux/arm64 linux/arm/v8 linux/arm/v7 linux/arm/v6 linux/arm/v5"),
        ("linux/arm/v7", "linux/arm/v7 linux/arm/v6 linux/arm/v5"),
        ("linux/s390x", "linux/s390x"),
    ],
)
def test_what_an_engine_takes_of_several(own: str, runs: str) -> None:
    assert runnable(own) == tuple(runs.split())


def test_one_platform() -> None:
    assert parse_platform("linux/aarch64", where="--platform") == "linux/arm64"
    assert parse_platform("local", where="--platform") is None
    with pytest.raises(UsageError):
        parse_platform("linux/amd64,linux/arm64", where="--platform")
