"""From a plan to the tags: what is built, on what, and what is put where, in which order."""

from __future__ import annotations

from tests.support.bake import (
    APP,
    DEPS,
    UNKNOWN,
    BakeWorld,
    actions,
    app_of,
    bundle_of,
    published,
    refs,
)
from tests.support.platforms import AMD64
from whalebuild.plan.definition import NO_DIGEST


def test_a_first_bake_builds_both_and_publishes_the_dependencies_first() -> None:
    world = BakeWorld()
    result = world.bake()
    assert actions(result) == {"app-deps": "built", "app": "built"}
    assert world.engine.built == [["app-deps"], ["app"]]
    assert world.registry.puts == [DEPS, APP]
    assert [target.digest for target in result.targets] == [
        world.registry.at(DEPS).digest,
        world.registry.at(APP).digest,
    ]
    assert [target.platforms for target in result.targets] == [(AMD64,), (AMD64,)]
    assert result.published


def test_all_that_was_pushed_is_read_before_anything_is_put() -> None:
    world = BakeWorld()
    world.bake()
    first = world.registry.requests.index(f"PUT {DEPS}")
    read = {r.rpartition("@")[2] for r in world.registry.requests[:first]}
    pushed = {
        *(image.digest for image in bundle_of(world).images.values()),
        *(cache.digest for cache in bundle_of(world).caches),
        *(image.digest for image in app_of(world).images.values()),
    }
    assert len(pushed) == 4
    assert pushed <= read


def test_an_application_stands_on_the_image_that_was_just_pushed() -> None:
    world = BakeWorld()
    world.bake()
    (image,) = bundle_of(world).images.values()
    target = world.engine.targets(1)["app"]
    assert target["contexts"]["dependencies"] == f"docker-image://acme/web@{image.digest}"
    record = app_of(world).record
    assert record
    assert record.deps == {AMD64: image.digest}


def test_a_rebuild_exports_both_caches_by_digest_into_the_bundle() -> None:
    world = BakeWorld()
    world.bake()
    for bake, name in enumerate(("app-deps", "app")):
        assert refs(world, bake, name, "cache-to") == [f"acme/web@{NO_DIGEST}"]
    kept = [(cache.role, cache.target, cache.platforms) for cache in bundle_of(world).caches]
    assert kept == [("app", "app", (AMD64,)), ("deps", "", (AMD64,))]
    assert {tag for _, tag in world.registry.tags} == {"deps", "latest"}


def test_a_bake_without_any_change_builds_and_puts_nothing() -> None:
    world = published()
    before = world.registry.at(DEPS), world.registry.at(APP)
    result = world.bake()
    assert (world.engine.built, world.registry.requests) == ([], [])
    assert actions(result) == {"app-deps": "reused", "app": "unchanged"}
    assert tuple(target.digest for target in result.targets) == tuple(m.digest for m in before)
    assert [target.platforms for target in result.targets] == [(AMD64,), (AMD64,)]


def test_a_code_change_builds_the_application_alone_on_the_published_image() -> None:
    world = published()
    (image,) = bundle_of(world).images.values()
    (cache,) = bundle_of(world).cache("app", [AMD64], "app")
    world.tree.write(**{"app.py": "2\n"})
    assert actions(world.bake()) == {"app-deps": "reused", "app": "built"}
    assert world.engine.built == [["app"]]
    target = world.engine.targets(0)["app"]
    assert target["contexts"] == {"dependencies": f"docker-image://acme/web@{image.digest}"}
    assert refs(world, 0, "app", "cache-from") == [f"acme/web@{cache.digest}"]
    assert "cache-to" not in target
    assert world.registry.puts == [APP]


def test_a_change_of_the_dependencies_rebuilds_both_with_the_old_caches() -> None:
    world = published()
    (deps,) = bundle_of(world).cache("deps", [AMD64])
    (app_cache,) = bundle_of(world).cache("app", [AMD64], "app")
    world.tree.write(**{"requirements.txt": "x==2\n"})
    world.engine.salt["app-deps"] = "x==2"
    assert actions(world.bake()) == {"app-deps": "built", "app": "built"}
    assert refs(world, 0, "app-deps", "cache-from") == [f"acme/web@{deps.digest}"]
    assert refs(world, 1, "app", "cache-from") == [f"acme/web@{app_cache.digest}"]
    assert world.registry.puts == [DEPS, APP]
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_bases_are_pinned_as_the_last_bake_had_them_until_they_are_asked_for() -> None:
    world = BakeWorld()
    one = world.base()
    world.bake()
    pin = {"debian": f"docker-image://debian@{one}"}
    assert world.engine.targets(0)["app-deps"]["contexts"] == pin
    two = world.base(content=b"two")
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}
    assert actions(world.bake(pull=True)) == {"app-deps": "built", "app": "built"}
    pin = {"debian": f"docker-image://debian@{two}"}
    assert world.engine.targets(0)["app-deps"]["contexts"] == pin


def test_a_further_tag_is_put_and_nothing_is_built() -> None:
    world = published()
    result = world.bake(extra_tags=("v1", "v2"))
    assert (world.engine.built, actions(result)["app"]) == ([], "tagged")
    assert world.registry.puts == ["acme/web:v1", "acme/web:v2"]
    assert world.registry.at("acme/web:v1") == world.registry.at(APP)
    assert actions(world.bake(extra_tags=("v1",)))["app"] == "unchanged"


def test_a_tag_in_another_repository_needs_a_push() -> None:
    world = published()
    world.bake(extra_tags=("other.io/web:v1",))
    (output,) = world.engine.targets(0)["app"]["output"]
    assert output["name"] == "acme/web,other.io/web"
    assert world.registry.puts == [APP, "other.io/web:v1"]
    assert world.registry.at("other.io/web:v1").digest == world.registry.at(APP).digest


def test_force_builds_the_application_on_reused_dependencies() -> None:
    world = published()
    images = bundle_of(world).images
    assert actions(world.bake(force=True)) == {"app-deps": "reused", "app": "built"}
    assert world.registry.puts == [DEPS, APP], "the application's cache is exported again"
    assert bundle_of(world).images == images


def test_a_missing_application_cache_is_exported_and_added_to_the_bundle() -> None:
    world = BakeWorld()
    world.engine.config_size = 2 << 20
    world.bake()
    assert bundle_of(world).caches == ()
    lock = bundle_of(world).annotations
    world.engine.config_size = 500
    assert actions(world.bake(force=True)) == {"app-deps": "reused", "app": "built"}
    assert refs(world, 0, "app", "cache-to") == [f"acme/web@{NO_DIGEST}"]
    assert world.registry.puts == [DEPS, APP]
    assert [cache.role for cache in bundle_of(world).caches] == ["app"]
    assert bundle_of(world).annotations == lock


def test_inputs_that_cannot_be_told_are_asked_of_buildkit_every_time() -> None:
    world = BakeWorld()
    world.tree.text = UNKNOWN
    world.bake()
    before = world.registry.at(DEPS)
    assert actions(world.bake()) == {"app-deps": "reused", "app": "built"}
    assert world.engine.built == [["app-deps"], ["app"]]
    assert world.registry.puts == [APP]
    assert world.registry.at(DEPS) == before
    (image,) = bundle_of(world).images.values()
    pin = f"docker-image://acme/web@{image.digest}"
    assert world.engine.targets(1)["app"]["contexts"]["dependencies"] == pin
    world.engine.salt["app-deps"] = "y is another"
    assert actions(world.bake()) == {"app-deps": "built", "app": "built"}
    assert world.registry.puts == [DEPS, APP]
