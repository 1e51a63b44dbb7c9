"""What the random bake files have in them, and what counts as a difference."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.integration import random_bakes, random_recipes
from tests.integration.bake_effects import Effects
from tests.integration.bake_files import BakeFile, Raw, Template, as_compose, as_hcl, as_json
from tests.integration.bake_rules import Rules
from tests.integration.random_bakes import example

SEEDS = 200
TABLES = (
    *(random_bakes.ODD_TEXTS, random_bakes.OUTPUTS, random_bakes.CALLS, random_bakes.TAGS),
    *(random_bakes.PLATFORMS, random_bakes.SECRETS, random_bakes.CONTEXTS, random_bakes.NETWORKS),
    *(random_bakes.OVERRIDES, random_bakes.FLAGS, random_bakes.ALLOWANCES, random_bakes.SWITCHES),
    *(random_bakes.CHANGES, random_recipes.RECIPES),
)
OTHERS = {
    *("hcl", "json", "compose", "two files", "a file by name", "--var", "variables", "functions"),
    *("matrix", "matrix in one repository but for the tag", "a template", "docker/metadata-action"),
    *("inherits from a target", "group", "group: default", "group in a group", "context: target"),
    *("context: target for a stage", "args", "labels", "annotations", "dockerfile-inline"),
    *("attestations: none", "attestations: more", "cache-to: inline", "cache-to: local"),
    *("request: default", "request: several", "request: default among others", "request: twice"),
    *("request: unknown", "secret: missing", "a stage", "another stage", "allow: everything"),
    "the dependencies' stage",
}


def test_every_construct_is_in_some_example() -> None:
    found = Counter(each for seed in range(SEEDS) for each in example(seed).constructs)
    wanted = OTHERS | {name for table in TABLES for name in table}
    wanted |= {place.construct for place in random_recipes.PLACES}
    wanted |= {f"named {name}" for name in random_bakes.NAMES}
    assert wanted == set(found)
    assert min(found.values()) > 1, found.most_common()[-9:]


def test_a_seed_is_an_example() -> None:
    assert example(7) == example(7)
    assert len({json.dumps([*example(seed).files.values()]) for seed in range(50)}) == 50


BAKE = BakeFile(
    {"IMAGE": None, "WHO": "me"},
    {"default": ["app"]},
    {
        "app": {
            "tags": [Template("${IMAGE}/app")],
            "args": {"A": 'a ${b} %{c} "d"\n', "B": Raw("upper(WHO)")},
            "no-cache": True,
            "secret": ["type=file,id=token,src=token.txt"],
        }
    },
)


def test_text_is_itself_in_hcl() -> None:
    assert as_hcl(BAKE).splitlines() == [
        *('variable "IMAGE" {', "}", "", 'variable "WHO" {', '  default = "me"', "}", ""),
        *('group "default" {', '  targets = ["app"]', "}", "", 'target "app" {'),
        '  tags = ["${IMAGE}/app"]',
        r'  args = { "A" = "a $${b} %%{c} \"d\"\n", "B" = upper(WHO) }',
        "  no-cache = true",
        '  secret = ["type=file,id=token,src=token.txt"]',
        "}",
    ]


def test_text_is_itself_in_json() -> None:
    written = json.loads(as_json(BAKE))
    assert written["variable"] == {"IMAGE": {}, "WHO": {"default": "me"}}
    target = written["target"]["app"]
    assert target["tags"] == ["${IMAGE}/app"]
    assert target["args"] == {"A": 'a $${b} %%{c} "d"\n', "B": "${upper(WHO)}"}


def test_text_is_itself_in_compose() -> None:
    target: dict[str, Any] = {
        "tags": [Template("${IMAGE}/app"), Template("${IMAGE}/app:1")],
        "args": {"A": "a ${b}"},
        "output": ["type=registry"],
        "secret": ["type=env,id=token,env=TOKEN"],
    }
    assert json.loads(as_compose(BakeFile(targets={"app": target}))) == {
        "services": {
            "app": {
                "image": "${IMAGE}/app",
                "build": {
                    "context": ".",
                    "args": {"A": "a $${b}"},
                    "secrets": ["token"],
                    "x-bake": {
                        "output": ["type=registry"],
                        "tags": ["${IMAGE}/app", "${IMAGE}/app:1"],
                    },
                },
            }
        },
        "secrets": {"token": {"environment": "TOKEN"}},
    }


APP = {"tags": ["registry/x/app:1"]}
IMAGE = {"kind": "index", "annotations": {}, "platforms": {}}


def found(
    targets: dict[str, Any], oracle: Effects, ours: Effects, *, load: bool = False
) -> list[str]:
    """Differences, without what is told of each."""
    rules = Rules(targets, load=load)
    told = rules.differences(oracle, ours, lambda: targets)
    return [each.partition(":")[0] for each in told]


def effects(
    files: dict[str, Any] | None = None,
    pushed: dict[str, Any] | None = None,
    loaded: dict[str, Any] | None = None,
) -> Effects:
    return Effects(files or {}, pushed or {}, loaded or {})


@pytest.mark.parametrize(
    ("target", "oracle", "ours"),
    [
        ({}, effects(loaded={"app:1": IMAGE}), effects(pushed={"app:1": IMAGE, "app:deps": 1})),
        (
            {"output": [{"type": "registry"}]},
            effects(pushed={"app:1": IMAGE}, loaded={"app:1": IMAGE}),
            effects(pushed={"app:1": {**IMAGE, "kind": "pair"}}),
        ),
        (
            {"output": [{"type": "docker"}]},
            effects(loaded={"app:1": IMAGE}),
            effects(loaded={"app:1": IMAGE}),
        ),
        (
            {"output": [{"type": "local", "dest": "out"}], "call": "check"},
            effects({"project/out": 1, "project/out/x": 2}),
            effects(),
        ),
        (
            {"output": [{"type": "registry"}], "call": "check"},
            effects(pushed={"app:1": 1}, loaded={"app:1": 1}),
            effects(),
        ),
    ],
    ids=["no output", "pushed", "loaded", "a call's files", "a call's image"],
)
def test_what_whalebuild_does_otherwise_by_rule(
    target: dict[str, Any], oracle: Effects, ours: Effects
) -> None:
    assert found({"app": {**APP, **target}}, oracle, ours) == []


@pytest.mark.parametrize(
    ("target", "oracle", "ours", "told"),
    [
        ({}, effects(loaded={"app:1": IMAGE}), effects(loaded={"app:1": IMAGE}), "/pushed/app"),
        (
            {},
            effects(loaded={"app:1": IMAGE}),
            effects(pushed={"app:1": {**IMAGE, "platforms": {"linux/amd64": 1}}}),
            "/pushed/app",
        ),
        (
            {"output": [{"type": "docker"}]},
            effects(loaded={"app:1": IMAGE}),
            effects(pushed={"app:1": IMAGE}),
            "/loaded/app",
        ),
        (
            {"output": [{"type": "local", "dest": "out"}]},
            effects({"project/out/x": 1}),
            effects({"project/out/x": 2}),
            "/files/project/out/x",
        ),
        ({"call": "check"}, effects(), effects(pushed={"app:1": IMAGE}), "/pushed/app"),
        (
            {},
            effects(loaded={"app:1": IMAGE}),
            effects(pushed={"app:1": IMAGE, "x:1": 1}),
            "/pushed/x",
        ),
    ],
    ids=["not pushed", "other content", "pushed", "other file", "a call is pushed", "another tag"],
)
def test_what_is_a_difference(
    target: dict[str, Any], oracle: Effects, ours: Effects, told: str
) -> None:
    assert found({"app": {**APP, **target}}, oracle, ours)[0] == told


def test_tags_of_a_dependencies_target_may_be_pushed_beside_the_application() -> None:
    targets = {"app": APP, "base": {"target": "dependencies", "tags": ["registry/x/base:2"]}}
    oracle, ours = {"app:1": IMAGE}, {"app:1": IMAGE, "base:2": IMAGE}
    rules = Rules({"app": APP}, load=False)
    told = rules.differences(effects(loaded=oracle), effects(pushed=ours), lambda: targets)
    assert list(told) == []


def test_load_is_for_one_platform_and_pushes_nothing() -> None:
    both = {**IMAGE, "platforms": {"linux/amd64": 1, "linux/arm64": 2}}
    one = {**IMAGE, "platforms": {"linux/amd64": 1}}
    oracle, ours = effects(loaded={"app:1": both}), effects(loaded={"app:1": one})
    assert found({"app": APP}, oracle, ours, load=True) == []
    pushed = effects(pushed={"app:1": one}, loaded={"app:1": one})
    assert found({"app": APP}, oracle, pushed, load=True) == ["/pushed/app"]


def test_two_targets_in_one_place_are_a_matter_of_chance() -> None:
    other = {**APP, "args": {"A": "1"}, "output": [{"type": "docker"}]}
    targets = {"app": {**APP, "output": [{"type": "docker"}]}, "other": other}
    ours = effects(loaded={"app:1": IMAGE})
    assert found(targets, effects(loaded={"app:1": {"kind": "other"}}), ours) == []
    assert found(targets, effects(), ours) == ["/loaded/app"]


def test_different_images_under_one_tag_are_to_be_refused() -> None:
    other = {**APP, "args": {"A": "1"}}
    assert Rules({"app": APP, "other": other}, load=False).refused()
    assert not Rules({"app": APP, "other": dict(APP)}, load=False).refused()
    loaded = {**other, "output": [{"type": "docker"}]}
    assert not Rules({"app": APP, "other": loaded}, load=False).refused()
