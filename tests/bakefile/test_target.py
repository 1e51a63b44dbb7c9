from __future__ import annotations

import pytest

from whalebuild.bakefile.target import Target, parse_print
from whalebuild.errors import EngineError


def printed(groups: dict[str, list[str]], *targets: str) -> dict[str, object]:
    """The shape of ``docker buildx bake --print`` (buildx 0.29)."""
    return {
        "group": {name: {"targets": members} for name, members in groups.items()},
        "target": {name: {"context": "."} for name in targets},
    }


@pytest.mark.parametrize(
    ("output", "requested"),
    [
        (printed({"default": ["app"]}, "app"), ("app",)),
        (printed({"default": ["all"], "all": ["b", "a"]}, "a", "b"), ("b", "a")),
        (
            printed({"default": ["x", "y"], "x": ["y", "a"], "y": ["b", "a"]}, "a", "b"),
            ("b", "a"),
        ),
        (printed({"default": ["app"], "app": ["app"]}, "app"), ("app",)),
        (printed({"default": ["default"]}, "default"), ("default",)),
        (printed({"default": ["app"]}, "app", "linked"), ("app",)),
        ({"target": {"default": {}}}, ("default",)),
        ({"group": {"default": {"targets": None}}, "target": {}}, ()),
    ],
    ids=[
        "one target",
        "a group",
        "nested groups name a target twice",
        "a target named like its group",
        "a target named default",
        "a linked target was not asked for",
        "no groups",
        "a compose file whose services build nothing",
    ],
)
def test_the_requested_targets_are_read_through_groups(
    output: object, requested: tuple[str, ...]
) -> None:
    assert parse_print(output).requested == requested


def test_attributes_are_kept_as_they_were_printed() -> None:
    attributes = {"context": "svc", "x-future": {"deep": [1]}}
    assert parse_print({"target": {"app": attributes}}).targets["app"].attributes == attributes


@pytest.mark.parametrize(
    "output",
    [
        None,
        [],
        "text",
        {},
        {"group": {}},
        {"target": []},
        {"target": None},
        {"target": {"app": None}},
        {"target": {"app": "x"}},
        {"target": {"app": {}}, "group": ["default"]},
        {"target": {"app": {}}, "group": {"default": ["app"]}},
        {"target": {"app": {}}, "group": {"default": {"targets": 5}}},
    ],
    ids=repr,
)
def test_anything_else_is_an_engine_error(output: object) -> None:
    with pytest.raises(EngineError, match="buildx printed no targets"):
        parse_print(output)


def test_what_is_left_out_has_buildx_defaults() -> None:
    target = Target("app", {})
    assert (target.context, target.dockerfile, target.stage) == (".", "Dockerfile", None)
    assert (target.tags, target.platforms, dict(target.args), target.linked) == ((), (), {}, ())


def test_links_are_the_contexts_that_are_targets() -> None:
    contexts = {"dependencies": "target:deps", "base": "docker-image://debian", "src": "./src"}
    assert Target("app", {"contexts": contexts}).linked == ("deps",)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"context": ".", "dockerfile": "Dockerfile", "target": "x", "tags": ["a"]}, True),
        ({"context": "svc"}, False),
        ({"dockerfile": "Dockerfile.b"}, False),
        ({"dockerfile-inline": "FROM x"}, False),
    ],
)
def test_targets_share_a_dockerfile_by_path_and_context(other: dict[str, str], same: bool) -> None:
    assert Target("a", {}).same_dockerfile(Target("b", other)) is same


def test_changed_attributes_leave_the_original_alone() -> None:
    target = Target("app", {"tags": ["a"], "cache-from": ["x"]})
    changed = target.with_attributes(tags=None, cache_from=["y"], no_cache=True)
    assert changed.attributes == {"cache-from": ["y"], "no-cache": True}
    assert target.attributes == {"tags": ["a"], "cache-from": ["x"]}
