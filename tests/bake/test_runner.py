from __future__ import annotations

import pytest

from whalebuild.bake.runner import apart, waves_of
from whalebuild.bakefile.images import PairImage, Role
from whalebuild.bakefile.target import Target
from whalebuild.oci.reference import Reference


def image(
    name: str, repository: str, role: str = "app", *others: str, bundle: str | None = None
) -> PairImage:
    references = tuple(Reference(each, name) for each in (repository, *others))
    home = Reference(bundle or repository, "deps")
    return PairImage(Target(name, {}), Role(role), references, (), home, "deps")


@pytest.mark.parametrize(
    ("images", "waves"),
    [
        ([], []),
        ([image("app", "web"), image("deps", "web", "deps")], [["deps"], ["app"]]),
        ([image("a", "x"), image("b", "y")], [["a", "b"]]),
        ([image("a", "x"), image("b", "x"), image("c", "y")], [["a", "c"], ["b"]]),
        ([image("a", "x", "app", "z"), image("b", "y", "app", "z")], [["a"], ["b"]]),
        ([image("a", "x"), image("b", "y", bundle="x")], [["a"], ["b"]]),
        (
            [
                image("a", "x"),
                image("a-deps", "x", "deps"),
                image("b", "y"),
                image("b-deps", "y", "deps"),
            ],
            [["a-deps", "b-deps"], ["a", "b"]],
        ),
    ],
    ids=[
        "nothing",
        "a pair",
        "two repositories",
        "one repository",
        "a mirror",
        "a shared bundle",
        "a monorepo",
    ],
)
def test_dependencies_go_first_and_a_repository_gets_one_push_at_a_time(
    images: list[PairImage], waves: list[list[str]]
) -> None:
    assert [[each.name for each in wave] for wave in waves_of(images)] == waves


def test_images_with_a_repository_in_common_are_in_one_group() -> None:
    alone, together = image("a", "x"), image("b", "y")
    joint = image("c", "z", "app", "y")
    assert apart([alone, together, joint]) == (("a",), ("b", "c"))
    assert apart([]) == ()
    bridge = image("d", "x", "app", "y")
    assert [set(group) for group in apart([alone, together, bridge])] == [{"a", "b", "d"}]
