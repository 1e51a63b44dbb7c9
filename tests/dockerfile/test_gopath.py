"""Paths and wildcards as Go's ``path`` package takes them."""

from __future__ import annotations

import pytest

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.gopath import PatternError


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/./b//c/", "a/b/c"),
        ("../x", "x"),
        ("/abs", "abs"),
        ("a/../..", "."),
        ("", "."),
        ("//a", "a"),
    ],
)
def test_paths_cannot_leave_the_context(path: str, expected: str) -> None:
    assert gopath.rooted(path) == expected


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a*/b", "a/c/b", False),
        ("a*b*c*d*e*/f", "axbxcxdxe/f", True),
        ("a[^a]b", "a/b", True),
        ("a?b", "a/b", False),
        ("[\\]a]", "]", True),
        ("[x\\-]", "-", True),
        ("[z-a]", "m", False),
        ("[^z-a]", "m", True),
        ("[]a]", "]", None),
        ("[-x]", "x", None),
        ("[a-b-c]", "a", None),
        ("a/b[", "x", None),
        ("\\", "a", None),
    ],
)
def test_wildcards_are_those_of_path_match(pattern: str, path: str, expected: bool | None) -> None:
    try:
        found: bool | None = gopath.matches(pattern, path)
    except PatternError:
        found = None
    assert found is expected


def test_escaped_wildcards_are_none() -> None:
    assert gopath.split_wildcards(r"a/b\*/c*/d") == (r"a/b\*", "c*/d")
    assert gopath.split_wildcards("*") == ("", "*")
    assert gopath.split_wildcards("a/b") == ("a/b", "")
    assert not gopath.has_wildcards(r"a\[b\?")
