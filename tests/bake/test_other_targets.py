from __future__ import annotations

from typing import Any

import pytest

from tests.support.bake import WEB, BakeWorld, actions
from tests.support.progress import step
from whalebuild.bake.result import BakeResult
from whalebuild.bakefile.images import Portion
from whalebuild.errors import BuildError, UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.plan.plan import Plan

LINT = {"tags": ["acme/web:latest"], "call": "check"}
FILES = {"tags": ["acme/web:latest"], "output": [{"type": "local", "dest": "out"}]}
# Code alone, on nothing.
PROXY = {
    "tags": ["acme/proxy:latest"],
    "dockerfile-inline": "FROM scratch\nCOPY app.py /\n",
}
LOCAL_CACHE = {"type": "local", "src": "c"}


def world(**others: dict[str, Any]) -> BakeWorld:
    made = BakeWorld()
    made.targets(**WEB, **others)
    return made


def shown(plan: Plan) -> dict[str, tuple[str, list[str]]]:
    return {other.name: (other.why, [str(r) for r in other.references]) for other in plan.others}


def others(result: BakeResult) -> dict[str, tuple[str, ...]]:
    return {other.target: other.tags for other in result.others}


def test_other_targets_are_run_before_the_pairs_as_they_are() -> None:
    one = world(lint={**LINT, "output": [{"type": "registry"}]}, files=FILES)
    result = one.bake()
    assert one.engine.built == [["lint", "files"], ["app-deps"], ["app"]]
    given = one.engine.targets(0)
    file = one.engine.file["target"]
    # The empty result of a call goes nowhere: buildx would push it.
    lint = {**file["lint"], "output": [{"type": "cacheonly"}]}
    assert given == {"lint": lint, "files": file["files"]}
    assert others(result) == {"lint": (), "files": ()}
    assert list(actions(result)) == ["app-deps", "app"]


def test_an_image_without_dependencies_is_pushed_under_its_tags() -> None:
    one = world(proxy=PROXY)
    result = one.bake()
    assert others(result) == {"proxy": ("acme/proxy:latest",)}
    assert result.others[0].digest == one.registry.at("acme/proxy:latest").digest
    assert one.engine.targets(0)["proxy"]["output"] == [{"type": "image", "push": "true"}]


def test_other_targets_alone_are_a_bake() -> None:
    one = world(lint=LINT)
    plan = one.plan("lint")
    assert (plan.images, plan.nothing_to_do) == ((), False)
    result = one.run(plan)
    assert (result.targets, others(result)) == ((), {"lint": ()})
    assert one.registry.tags == {}


def test_where_one_fails_nothing_is_published() -> None:
    one = world(lint=LINT)
    one.engine.bakes = [([], CommandFailedError(""))]
    one.engine.printed = "lint\n\nWARNING: StageNameCasing\n"
    with pytest.raises(BuildError, match='check of "lint": buildx found something wrong') as caught:
        one.bake()
    assert caught.value.log == "lint\n\nWARNING: StageNameCasing"
    assert one.registry.tags == {}


def test_a_step_that_fails_is_shown_with_its_log() -> None:
    one = world(test={**FILES, "target": "test"})
    failed = step("[test 1/1] RUN pytest", "exit code: 1")
    words = 'ERROR: process "/bin/sh -c pytest" did not complete successfully: exit code: 1\n'
    one.engine.bakes = [([failed], CommandFailedError(words))]
    with pytest.raises(BuildError) as caught:
        one.bake()
    assert "RUN pytest" in str(caught.value.log)


def test_published_caches_are_imported_beside_those_of_the_bake_file() -> None:
    test = {"output": [{"type": "cacheonly"}], "cache-from": [LOCAL_CACHE]}
    one = world(test={**test, "target": "test"}, lint=LINT)
    one.bake()
    (mine, cache) = one.plan("test", "app").others[0].target.attributes["cache-from"]
    assert mine == LOCAL_CACHE
    assert cache["ref"].startswith("acme/web@sha256:")
    assert "cache-from" not in one.plan("lint", "app").others[0].target.attributes


def test_a_cache_that_cannot_be_read_costs_no_build() -> None:
    one = world(test={"output": [{"type": "cacheonly"}], "target": "test"})
    one.bake()
    words = f"ERROR: failed to copy: acme/web@sha256:{'0' * 64}: not found\n"
    one.engine.bakes = [([], CommandFailedError(words)), ([], None)]
    one.bake("test", "app")
    first, second = (one.engine.targets(number)["test"] for number in (0, 1))
    assert "cache-from" in first
    assert "cache-from" not in second


@pytest.mark.parametrize("options", [{"load": True}, {"read_only": True}], ids=str)
def test_a_bake_that_publishes_nothing_pushes_nothing(options: dict[str, bool]) -> None:
    one = world(proxy=PROXY)
    result = one.bake(**options)
    assert others(result) == {"proxy": ()}
    (output,) = one.engine.targets(0)["proxy"]["output"]
    assert output["type"] in {"docker", "cacheonly"}


def test_flags_are_for_other_targets_too() -> None:
    one = world(proxy=PROXY, files=FILES)
    one.set(platform=("linux/arm64",), scope="pr-1")
    one.bake(no_cache=True, pull=True)
    given = one.engine.targets(0)
    assert all(target["no-cache"] and target["pull"] for target in given.values())
    assert (given["proxy"]["platforms"], given["proxy"]["tags"]) == (
        ["linux/arm64"],
        ["acme/proxy:pr-1"],
    )
    assert "platforms" not in given["files"]


def test_a_pair_and_another_target_cannot_have_one_tag() -> None:
    one = world(proxy={**PROXY, "tags": ["acme/web:deps2", "acme/web:latest"]})
    with pytest.raises(UsageError, match="acme/web:latest would be published twice") as caught:
        one.plan()
    assert caught.value.cause is not None
    assert '"app" and "proxy"' in caught.value.cause


def test_the_further_outputs_of_a_pair_are_made() -> None:
    output = [{"type": "registry"}, {"type": "local", "dest": "out"}]
    one = BakeWorld()
    one.targets(app={**WEB["app"], "output": output})
    result = one.bake()
    assert one.engine.built == [["app"], ["app-deps"], ["app"]]
    assert one.engine.targets(0)["app"]["output"] == [output[1]]
    assert list(actions(result)) == ["app-deps", "app"]


def test_a_part_has_no_other_targets() -> None:
    one = world(lint=LINT)
    one.set(platform=("linux/amd64",))
    with pytest.raises(UsageError, match=r'"lint" is no pair: call = "check" \(--partial\)'):
        one.plan(portion=Portion((), "x"))
