from __future__ import annotations

import pytest

from whalebuild.errors import UsageError
from whalebuild.tags import scope_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("main", "main"),
        ("feature/x", "feature-x"),
        ("renovate/all, minor!", "renovate-all-minor"),
        ("v1.2_3", "v1.2_3"),
        ("--x--", "x"),
        ("a" * 200, "a" * 100),
    ],
)
def test_a_branch_becomes_what_a_tag_may_have(text: str, name: str) -> None:
    assert scope_name(text, where="--scope") == name


@pytest.mark.parametrize("text", ["", "///", "deps", "latest", "x-deps", "feature/deps"])
def test_a_scope_must_have_tags_of_its_own(text: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be a scope \(--scope\)"):
        scope_name(text, where="--scope")
