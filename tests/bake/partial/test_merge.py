"""Partial bakes on several machines, and the merge that publishes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.bake import APP, DEPS, UNKNOWN, actions, app_of, bundle_of
from tests.support.builders import BUILDER, GOOD_FACTS
from tests.support.partial import BOTH, Farm, bake_part, children, merged, single
from tests.support.platforms import AMD64, ARM64
from tests.support.progress import step
from whalebuild.builder.facts import BuilderFacts
from whalebuild.errors import VerificationError

DRIVERS = pytest.mark.parametrize("facts", [BUILDER, GOOD_FACTS], ids=["by digest", "by tag"])


@DRIVERS
def test_two_parts_are_the_indexes_that_one_bake_makes(facts: BuilderFacts) -> None:
    farm = Farm(facts=facts)
    farm.bake()
    # Nothing is published yet.
    staged = [tag for tag in farm.tags if tag.startswith("whalebuild-staging-")]
    assert farm.tags == staged
    assert bool(staged) is (facts is GOOD_FACTS)
    result = farm.merge()
    assert farm.tags == ["deps", "latest"]
    assert farm.said == []
    alone = single()
    ours = farm.worlds[AMD64]
    for tag in (DEPS, APP):
        assert children(ours, tag) == children(alone, tag)
        assert len(bundle_of(ours, tag).attestations) == 2
    assert farm.registry.puts == [DEPS, APP]
    assert actions(result) == {"app-deps": "built", "app": "built"}
    assert [target.platforms for target in result.targets] == [BOTH, BOTH]
    assert [t.digest for t in result.targets] == [farm.registry.at(t).digest for t in (DEPS, APP)]
    assert result.published
    # Who bakes next has nothing to do.
    assert actions(farm.another().bake()) == {"app-deps": "reused", "app": "unchanged"}
    assert farm.registry.puts == []


def test_each_machine_builds_its_own_platform_alone() -> None:
    farm = Farm()
    farm.bake()
    for platform, world in farm.worlds.items():
        name = platform.replace("/", "-")
        assert world.engine.built == [[f"app-deps_{name}"], [f"app_{name}"]]
        assert all(t["platforms"] == [platform] for t in world.engine.targets(1).values())
    # The order of files does not matter.
    farm.merge(farm.documents[AMD64], farm.documents[ARM64])
    one = farm.registry.at(DEPS).digest
    farm.merge(farm.documents[ARM64], farm.documents[AMD64])
    assert farm.registry.at(DEPS).digest == one


def test_one_machine_may_build_several_platforms() -> None:
    farm = Farm(facts=GOOD_FACTS)
    document = bake_part(farm.worlds[AMD64])
    assert document["platforms"] == list(BOTH)
    farm.merge(document)
    assert farm.tags == ["deps", "latest"]
    assert children(farm.worlds[AMD64], DEPS) == children(single(), DEPS)


@DRIVERS
def test_after_a_code_change_a_part_pushes_its_application_alone(facts: BuilderFacts) -> None:
    farm = merged(Farm(facts=facts))
    before = farm.registry.at(DEPS).digest
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake()
    for platform, world in farm.worlds.items():
        assert world.engine.built == [[f"app_{platform.replace('/', '-')}"]]
        deps, app = farm.documents[platform]["images"]
        assert (deps["action"], deps["pushed"]) == ("reuse", [])
        assert deps["source"] == f"{DEPS}@{before}"
        assert len(app["pushed"]) == 1
    assert actions(farm.merge()) == {"app-deps": "reused", "app": "built"}
    assert farm.registry.puts == [APP]
    assert farm.registry.at(DEPS).digest == before
    assert farm.tags == ["deps", "latest"]


def test_a_part_whose_cache_did_not_serve_leaves_a_new_one() -> None:
    farm = merged()
    before = [cache for cache in bundle_of(farm.worlds[AMD64]).caches if cache.role == "app"]
    assert all(cache.inputs for cache in before)
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.each(lambda world: world.engine.salt.update(app="2"))
    image = "[context dependencies] image"
    ran = [step(image), step("[stage-1 1/2] RUN x", inputs=[image])]
    farm.worlds[ARM64].engine.bakes = [(ran, None), ([], None)]
    farm.bake()
    assert [len(farm.worlds[p].engine.built) for p in BOTH] == [1, 2]
    farm.merge()
    caches = [cache for cache in bundle_of(farm.worlds[AMD64]).caches if cache.role == "app"]
    old, new = (next(c for c in caches if c.platforms == (p,)) for p in BOTH)
    assert old in before
    assert new not in before
    assert new.inputs != old.inputs
    assert app_of(farm.worlds[AMD64]).build.missed


def test_parts_with_nothing_to_do_are_parts_too() -> None:
    farm = merged()
    before = dict(farm.registry.tags)
    farm.bake()
    assert all(world.engine.baked == [] for world in farm.worlds.values())
    assert all(not i["pushed"] for d in farm.documents.values() for i in d["images"])
    assert actions(farm.merge()) == {"app-deps": "reused", "app": "unchanged"}
    assert (farm.registry.puts, farm.registry.tags) == ([], before)


def test_an_image_that_is_not_for_a_machines_platform_is_none_of_its_business() -> None:
    farm = Farm()
    for world in farm.worlds.values():
        world.settings = replace(world.settings, platform=())
        world.targets(
            api={"tags": ["acme/api:latest"], "platforms": list(BOTH)},
            job={"tags": ["acme/job:latest"], "platforms": [AMD64], "args": {"A": "1"}},
        )
    farm.bake()
    assert farm.worlds[ARM64].engine.built == [["api-deps_linux-arm64"], ["api_linux-arm64"]]
    result = farm.merge()
    assert {t.target: t.platforms for t in result.targets} == {
        **dict.fromkeys(("api-deps", "api"), BOTH),
        **dict.fromkeys(("job-deps", "job"), (AMD64,)),
    }
    assert set(actions(farm.worlds[ARM64].bake()).values()) == {"reused", "unchanged"}


def test_a_further_tag_is_set_by_the_merge_alone() -> None:
    farm = merged()
    farm.bake(extra_tags=("v1",))
    assert farm.tags == ["deps", "latest"]
    assert actions(farm.merge()) == {"app-deps": "reused", "app": "tagged"}
    assert farm.registry.puts == ["acme/web:v1"]
    assert farm.registry.at("acme/web:v1") == farm.registry.at(APP)


def test_the_published_platform_is_kept_where_only_the_other_is_new() -> None:
    farm = Farm()
    first = farm.another()
    first.set(platform=(AMD64,))
    first.bake()
    before = bundle_of(first)
    farm.bake()
    assert farm.worlds[AMD64].engine.built == [["app_linux-amd64"]]
    farm.merge()
    after = bundle_of(first)
    assert after.images[AMD64] == before.images[AMD64]
    assert list(after.images) == list(BOTH)
    # No cache is lost: those of the kept platform are in the new bundle, too.
    roles = {(cache.role, cache.platforms) for cache in after.caches}
    assert roles == {(role, (p,)) for role in ("app", "deps") for p in BOTH}
    assert actions(farm.another().bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_dependencies_whose_inputs_cannot_be_told_are_merged_with_a_warning() -> None:
    farm = Farm()
    farm.each(lambda world: setattr(world.tree, "text", UNKNOWN))
    farm.bake()
    farm.merge()
    assert len(farm.said) == 1
    assert farm.said[0].startswith("warning: app-deps: whether all parts were made from the same")
    assert list(bundle_of(farm.worlds[AMD64]).images) == list(BOTH)
    before = farm.registry.at(DEPS).digest
    # The same came out once more: it stays.
    farm.bake()
    assert farm.worlds[AMD64].engine.built[0] == ["app-deps_linux-amd64"]
    result = farm.merge()
    assert actions(result)["app-deps"] == "reused"
    assert farm.registry.at(DEPS).digest == before


def test_a_scope_takes_the_defaults_dependencies_over() -> None:
    farm = merged()
    farm.each(lambda world: world.set(scope="x"))
    farm.bake()
    farm.merge()
    assert farm.tags == ["deps", "latest", "x", "x-deps"]
    alone = single()
    alone.set(scope="x")
    alone.bake()
    for tag in ("acme/web:x-deps", "acme/web:x"):
        assert children(farm.worlds[AMD64], tag) == children(alone, tag)


def test_a_second_merge_changes_nothing() -> None:
    farm = merged()
    before = dict(farm.registry.tags)
    farm.merge()
    assert farm.registry.tags == before
    assert farm.said == []


def test_a_bake_that_fails_leaves_no_tag() -> None:
    farm = Farm(facts=GOOD_FACTS)
    world = farm.worlds[ARM64]
    world.engine.drops = (ARM64,)
    with pytest.raises(VerificationError):
        bake_part(world, ARM64)
    assert farm.tags == []


def test_tags_that_stay_are_told() -> None:
    farm = Farm(facts=GOOD_FACTS)
    farm.bake()
    staging = [tag for platform in reversed(BOTH) for tag in farm.documents[platform]["staging"]]
    farm.registry.delete_manifest = lambda _: False  # type: ignore[method-assign]
    result = farm.merge()
    assert result.warnings == tuple(
        f"{tag} is left over: the registry deletes no tags" for tag in staging
    )
    assert len(staging) == 4
    assert len(farm.tags) == 6
