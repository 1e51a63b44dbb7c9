from __future__ import annotations

import pytest

from whalebuild.bakefile.pairs import Image, Pair
from whalebuild.bakefile.scopes import scoped
from whalebuild.bakefile.target import Target
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference
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


def test_every_tag_is_the_scopes_and_the_default_bundle_is_the_seed() -> None:
    tags = ("latest", "v1")
    application = Image(Target("app", {}), tuple(Reference("acme/web", tag) for tag in tags))
    dependencies = Image(Target("deps", {}), (Reference("acme/web", "deps"),))
    (made,) = scoped([Pair(application, dependencies, derived=True)], "x")
    assert made.application is not None
    assert [str(ref) for ref in made.application.references] == ["acme/web:x", "acme/web:x-v1"]
    assert [str(ref) for ref in made.dependencies.references] == ["acme/web:x-deps"]
    assert str(made.seed) == "acme/web:deps"


def test_dependencies_alone_have_a_scope_too() -> None:
    dependencies = Image(Target("deps", {}), (Reference("acme/web", "deps"),))
    (made,) = scoped([Pair(None, dependencies, derived=False)], "x")
    assert (made.application, str(made.dependencies.references[0])) == (None, "acme/web:x-deps")
