"""Platforms, drivers, scopes, and dependencies that are shared: what is published of each."""

from __future__ import annotations

import pytest

from tests.support.bake import (
    APP,
    DEPS,
    UNKNOWN,
    WEB,
    BakeWorld,
    actions,
    app_of,
    bundle_of,
    published,
    refs,
)
from tests.support.builders import BUILDER, GOOD_FACTS
from tests.support.platforms import AMD64, ARM64


@pytest.mark.parametrize("attested", [True, False], ids=["attestations", "none"])
def test_several_platforms_are_a_target_each_and_one_index(attested: bool) -> None:
    world = BakeWorld()
    world.engine.attested = attested
    world.set(platform=(AMD64, ARM64))
    result = world.bake()
    targets = [
        f"{name}_linux-{arch}" for name in ("app-deps", "app") for arch in ("amd64", "arm64")
    ]
    assert world.engine.built == [targets[:2], targets[2:]]
    assert [target["platforms"] for target in world.engine.targets(1).values()] == [
        [AMD64],
        [ARM64],
    ]
    images = bundle_of(world).images
    assert list(images) == [AMD64, ARM64]
    assert len(bundle_of(world).attestations) == (2 if attested else 0)
    pins = [target["contexts"]["dependencies"] for target in world.engine.targets(1).values()]
    assert pins == [f"docker-image://acme/web@{images[p].digest}" for p in (AMD64, ARM64)]
    assert {(c.role, c.platforms) for c in bundle_of(world).caches} == {
        (role, (platform,)) for role in ("app", "deps") for platform in (AMD64, ARM64)
    }
    assert app_of(world).platforms == (AMD64, ARM64)
    assert [target.platforms for target in result.targets] == [(AMD64, ARM64)] * 2
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_a_further_platform_is_built_and_the_other_is_kept() -> None:
    world = published()
    before = bundle_of(world).images[AMD64]
    world.set(platform=(AMD64, ARM64))
    world.bake()
    assert world.engine.built == [
        ["app-deps_linux-arm64"],
        ["app_linux-amd64", "app_linux-arm64"],
    ]
    assert bundle_of(world).images[AMD64] == before
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_the_docker_driver_pushes_by_tag_and_the_bundle_takes_its_place() -> None:
    world = BakeWorld()
    world.engine.answer_facts = GOOD_FACTS
    world.bake()
    assert [t["tags"] for n in (0, 1) for t in world.engine.targets(n).values()] == [[DEPS], [APP]]
    # Once before the application is built, which may fail, and once with the application's cache.
    assert world.registry.puts == [DEPS, DEPS, APP]
    assert len(bundle_of(world).caches) == 2
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_the_docker_driver_has_moved_the_tag_and_it_is_put_back() -> None:
    world = BakeWorld()
    world.engine.answer_facts = GOOD_FACTS
    world.tree.text = UNKNOWN
    world.bake()
    before = world.registry.at(DEPS)
    assert actions(world.bake()) == {"app-deps": "reused", "app": "built"}
    assert world.registry.at(DEPS) == before


@pytest.mark.parametrize("option", ["load", "read_only"])
def test_without_publishing_stale_dependencies_are_built_on_the_pinned_base(option: str) -> None:
    world = BakeWorld()
    one = world.base()
    world.bake()
    world.base(content=b"two")
    world.tree.write(**{"requirements.txt": "x==2\n"})
    world.bake(**{option: True})
    pin = {"debian": f"docker-image://debian@{one}"}
    assert world.engine.targets(0)["app"]["contexts"] == pin


def test_load_and_read_only_put_nothing() -> None:
    for options in ({"load": True}, {"read_only": True}):
        world = BakeWorld()
        result = world.bake(**options)
        assert (world.engine.built, actions(result)) == ([["app"]], {"app": "built"})
        assert (world.registry.puts, world.registry.tags, result.published) == ([], {}, False)


@pytest.mark.parametrize("facts", [BUILDER, GOOD_FACTS], ids=["by digest", "by tag"])
def test_dependencies_alone_are_published_with_their_cache(facts: object) -> None:
    world = BakeWorld()
    world.engine.answer_facts = facts
    world.targets(deps={"target": "dependencies", "tags": [DEPS]}, **WEB)
    assert actions(world.bake("deps")) == {"deps": "built"}
    assert world.registry.puts == [DEPS]
    assert [cache.role for cache in bundle_of(world).caches] == ["deps"]
    assert actions(world.bake()) == {"deps": "reused", "app": "built"}
    assert [cache.role for cache in bundle_of(world).caches] == ["app", "deps"]


@pytest.mark.parametrize("facts", [BUILDER, GOOD_FACTS], ids=["by digest", "by tag"])
def test_local_is_the_builders_own_platform(facts: object) -> None:
    world = BakeWorld()
    world.engine.answer_facts = facts
    world.set(platform=("local", AMD64))
    world.bake()
    assert world.engine.built == [["app-deps"], ["app"]]
    assert world.engine.targets(1)["app"]["platforms"] == [AMD64]
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_dependencies_shared_over_two_repositories_have_their_caches_in_the_first() -> None:
    """An index can be put only where its children are, and caches are exported to one place."""
    world = BakeWorld()
    tags = {name: {"tags": [f"acme/{name}:latest"]} for name in ("api", "job")}
    world.targets(deps={"target": "dependencies"}, **tags)
    world.bake("api", "job")
    assert world.registry.puts == [
        *("acme/api:deps", "acme/job:deps", "acme/api:latest", "acme/job:latest")
    ]
    caches = bundle_of(world, "acme/api:deps").caches
    assert [(c.role, c.target) for c in caches] == [("app", "api"), ("app", "job"), ("deps", "")]
    assert bundle_of(world, "acme/job:deps").caches == ()
    assert bundle_of(world, "acme/job:deps").images == bundle_of(world, "acme/api:deps").images
    assert set(actions(world.bake("api", "job")).values()) == {"reused", "unchanged"}
    assert world.registry.puts == []
    world.tree.write(**{"app.py": "2\n"})
    world.bake("api", "job")
    cache = next(each for each in caches if each.target == "job")
    assert refs(world, 1, "job", "cache-from") == [f"acme/api@{cache.digest}"]


def test_two_tags_of_dependencies_are_set_once() -> None:
    world = BakeWorld()
    tags = [DEPS, "acme/web:deps-stable"]
    world.targets(deps={"target": "dependencies", "tags": tags}, **WEB)
    world.bake()
    assert world.registry.puts == [*tags, APP]
    assert actions(world.bake()) == {"deps": "reused", "app": "unchanged"}
    assert world.registry.puts == []


def test_another_scope_takes_over_what_fits_and_then_has_its_own() -> None:
    world = published()
    (cache,) = bundle_of(world).cache("app", [AMD64], "app")
    world.set(scope="pr-1")
    assert actions(world.bake()) == {"app-deps": "reused", "app": "built"}
    assert world.engine.built == [["app"]]
    assert refs(world, 0, "app", "cache-from") == [f"acme/web@{cache.digest}"]
    assert world.registry.puts == ["acme/web:pr-1-deps", "acme/web:pr-1"]
    assert world.registry.at("acme/web:pr-1-deps") == world.registry.at(DEPS)
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}
    assert world.registry.puts == []
    before = world.registry.at(DEPS), world.registry.at(APP)
    world.tree.write(**{"requirements.txt": "x==2\n"})
    assert actions(world.bake()) == {"app-deps": "built", "app": "built"}
    assert (world.registry.at(DEPS), world.registry.at(APP)) == before


def test_two_applications_share_a_bundle_and_each_has_its_cache() -> None:
    world = BakeWorld()
    tags = {name: {"tags": [f"acme/web:{name}"]} for name in ("api", "job")}
    world.targets(deps={"target": "dependencies", "tags": [DEPS]}, **tags)
    world.bake("api", "job")
    assert world.registry.puts == [DEPS, "acme/web:api", "acme/web:job"]
    assert world.engine.built == [["deps"], ["api"], ["job"]]
    caches = bundle_of(world).caches
    assert [(c.role, c.target) for c in caches] == [("app", "api"), ("app", "job"), ("deps", "")]
