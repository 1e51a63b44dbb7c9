"""From a plan to the tags: what is built, on what, and what is put where, in which order."""

from __future__ import annotations

import pytest

from tests.fake_registry import BUSY, DENIED
from tests.fakes import AMD64, ARM64, BUILDER, GOOD_FACTS
from tests.workflows.world import WEB, World, actions
from whalebuild.core.bundle import Bundle, read_bundle
from whalebuild.core.errors import (
    BuildError,
    ExitCode,
    RefusedError,
    UnreachableError,
    VerificationError,
)
from whalebuild.core.failures import CommandFailedError
from whalebuild.core.manifests import parse_index
from whalebuild.core.published import PublishedApp, read_app
from whalebuild.core.references import parse_reference
from whalebuild.core.tasks import NO_DIGEST

DEPS, APP = "acme/web:deps", "acme/web:latest"
UNKNOWN = "FROM debian AS dependencies\nADD https://x/y /\nFROM dependencies\n"


def bundle(world: World, text: str = DEPS) -> Bundle:
    found = world.registry.at(text)
    index = parse_index(found.raw)
    assert index
    return read_bundle(index, found.digest)


def app(world: World, text: str = APP) -> PublishedApp:
    return read_app(parse_reference(text, where="a test"), world.registry.at(text))


def published() -> World:
    """A world in which everything is published once."""
    world = World()
    world.bake()
    return world


def refs(world: World, bake: int, name: str, key: str) -> list[str]:
    return [entry["ref"] for entry in world.engine.targets(bake)[name].get(key, ())]


def test_a_first_bake_builds_both_and_publishes_the_dependencies_first() -> None:
    world = World()
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
    world = World()
    world.bake()
    first = world.registry.requests.index(f"PUT {DEPS}")
    read = {r.rpartition("@")[2] for r in world.registry.requests[:first]}
    pushed = {
        *(image.digest for image in bundle(world).images.values()),
        *(cache.digest for cache in bundle(world).caches),
        *(image.digest for image in app(world).images.values()),
    }
    assert len(pushed) == 4
    assert pushed <= read


def test_an_application_stands_on_the_image_that_was_just_pushed() -> None:
    world = World()
    world.bake()
    (image,) = bundle(world).images.values()
    target = world.engine.targets(1)["app"]
    assert target["contexts"]["dependencies"] == f"docker-image://acme/web@{image.digest}"
    record = app(world).record
    assert record
    assert record.deps == {AMD64: image.digest}


def test_a_rebuild_exports_both_caches_by_digest_into_the_bundle() -> None:
    world = World()
    world.bake()
    for bake, name in enumerate(("app-deps", "app")):
        assert refs(world, bake, name, "cache-to") == [f"acme/web@{NO_DIGEST}"]
    kept = [(cache.role, cache.target, cache.platforms) for cache in bundle(world).caches]
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
    (image,) = bundle(world).images.values()
    (cache,) = bundle(world).cache("app", [AMD64], "app")
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
    (deps,) = bundle(world).cache("deps", [AMD64])
    (app_cache,) = bundle(world).cache("app", [AMD64], "app")
    world.tree.write(**{"requirements.txt": "x==2\n"})
    world.engine.salt["app-deps"] = "x==2"
    assert actions(world.bake()) == {"app-deps": "built", "app": "built"}
    assert refs(world, 0, "app-deps", "cache-from") == [f"acme/web@{deps.digest}"]
    assert refs(world, 1, "app", "cache-from") == [f"acme/web@{app_cache.digest}"]
    assert world.registry.puts == [DEPS, APP]
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_bases_are_pinned_as_the_last_bake_had_them_until_they_are_asked_for() -> None:
    world = World()
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
    assert actions(world.bake(force=True)) == {"app-deps": "reused", "app": "built"}
    assert world.registry.puts == [APP]


def test_a_missing_application_cache_is_exported_and_added_to_the_bundle() -> None:
    world = World()
    world.engine.config_size = 2 << 20
    world.bake()
    assert bundle(world).caches == ()
    lock = bundle(world).annotations
    world.engine.config_size = 500
    assert actions(world.bake(force=True)) == {"app-deps": "reused", "app": "built"}
    assert refs(world, 0, "app", "cache-to") == [f"acme/web@{NO_DIGEST}"]
    assert world.registry.puts == [DEPS, APP]
    assert [cache.role for cache in bundle(world).caches] == ["app"]
    assert bundle(world).annotations == lock


def test_a_cache_that_buildkit_would_not_import_is_left_out_with_a_warning() -> None:
    world = World()
    world.engine.config_size = (1 << 20) + 1
    world.bake()
    assert bundle(world).caches == ()
    warnings = [note for note in world.console.notes if note.startswith("warning: the cache of ")]
    assert [note.split()[4] for note in warnings] == ["app-deps", "app"]
    assert "BuildKit imports none over 1 MiB" in warnings[0]
    assert app(world).record


@pytest.mark.parametrize("attested", [True, False], ids=["attestations", "none"])
def test_several_platforms_are_a_task_each_and_one_index(attested: bool) -> None:
    world = World()
    world.engine.attested = attested
    world.set(platform=(AMD64, ARM64))
    result = world.bake()
    tasks = [f"{name}_linux-{arch}" for name in ("app-deps", "app") for arch in ("amd64", "arm64")]
    assert world.engine.built == [tasks[:2], tasks[2:]]
    assert [target["platforms"] for target in world.engine.targets(1).values()] == [
        [AMD64],
        [ARM64],
    ]
    images = bundle(world).images
    assert list(images) == [AMD64, ARM64]
    assert len(bundle(world).attestations) == (2 if attested else 0)
    pins = [target["contexts"]["dependencies"] for target in world.engine.targets(1).values()]
    assert pins == [f"docker-image://acme/web@{images[p].digest}" for p in (AMD64, ARM64)]
    assert {(c.role, c.platforms) for c in bundle(world).caches} == {
        (role, (platform,)) for role in ("app", "deps") for platform in (AMD64, ARM64)
    }
    assert app(world).platforms == (AMD64, ARM64)
    assert [target.platforms for target in result.targets] == [(AMD64, ARM64)] * 2
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_a_further_platform_is_built_and_the_other_is_kept() -> None:
    world = published()
    before = bundle(world).images[AMD64]
    world.set(platform=(AMD64, ARM64))
    world.bake()
    assert world.engine.built == [
        ["app-deps_linux-arm64"],
        ["app_linux-amd64", "app_linux-arm64"],
    ]
    assert bundle(world).images[AMD64] == before
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_inputs_that_cannot_be_told_are_asked_of_buildkit_every_time() -> None:
    world = World()
    world.tree.text = UNKNOWN
    world.bake()
    before = world.registry.at(DEPS)
    assert actions(world.bake()) == {"app-deps": "reused", "app": "built"}
    assert world.engine.built == [["app-deps"], ["app"]]
    assert world.registry.puts == [APP]
    assert world.registry.at(DEPS) == before
    (image,) = bundle(world).images.values()
    pin = f"docker-image://acme/web@{image.digest}"
    assert world.engine.targets(1)["app"]["contexts"]["dependencies"] == pin
    world.engine.salt["app-deps"] = "y is another"
    assert actions(world.bake()) == {"app-deps": "built", "app": "built"}
    assert world.registry.puts == [DEPS, APP]


def test_the_docker_driver_pushes_by_tag_and_the_bundle_takes_its_place() -> None:
    world = World()
    world.engine.answer_facts = GOOD_FACTS
    world.bake()
    assert [t["tags"] for n in (0, 1) for t in world.engine.targets(n).values()] == [[DEPS], [APP]]
    assert world.registry.puts == [DEPS, APP]
    assert len(bundle(world).caches) == 2
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_the_docker_driver_has_moved_the_tag_and_it_is_put_back() -> None:
    world = World()
    world.engine.answer_facts = GOOD_FACTS
    world.tree.text = UNKNOWN
    world.bake()
    before = world.registry.at(DEPS)
    assert actions(world.bake()) == {"app-deps": "reused", "app": "built"}
    assert world.registry.at(DEPS) == before


@pytest.mark.parametrize("option", ["load", "read_only"])
def test_without_publishing_stale_dependencies_are_built_on_the_pinned_base(option: str) -> None:
    world = World()
    one = world.base()
    world.bake()
    world.base(content=b"two")
    world.tree.write(**{"requirements.txt": "x==2\n"})
    world.bake(**{option: True})
    pin = {"debian": f"docker-image://debian@{one}"}
    assert world.engine.targets(0)["app"]["contexts"] == pin


def test_load_and_read_only_put_nothing() -> None:
    for options in ({"load": True}, {"read_only": True}):
        world = World()
        result = world.bake(**options)
        assert (world.engine.built, actions(result)) == ([["app"]], {"app": "built"})
        assert (world.registry.puts, world.registry.tags, result.published) == ([], {}, False)


@pytest.mark.parametrize("facts", [BUILDER, GOOD_FACTS], ids=["by digest", "by tag"])
def test_dependencies_alone_are_published_with_their_cache(facts: object) -> None:
    world = World()
    world.engine.answer_facts = facts
    world.targets(deps={"target": "dependencies", "tags": [DEPS]}, **WEB)
    assert actions(world.bake("deps")) == {"deps": "built"}
    assert world.registry.puts == [DEPS]
    assert [cache.role for cache in bundle(world).caches] == ["deps"]
    assert actions(world.bake()) == {"deps": "reused", "app": "built"}
    assert [cache.role for cache in bundle(world).caches] == ["app", "deps"]


FAILED = CommandFailedError('ERROR: failed to solve: process "x" did not complete successfully: 1')


def test_nothing_is_put_where_the_application_fails() -> None:
    world = World()
    world.engine.bakes = [([], None), ([], FAILED)]
    with pytest.raises(BuildError):
        world.bake()
    assert (world.registry.puts, world.registry.tags) == ([], {})


def _without(world: World, verb: str, role: str) -> None:
    """Let the registry lose something right after the push."""
    run = world.engine._run

    def losing(name: str, target: dict[str, object]) -> dict[str, object]:
        metadata = run(name, target)
        if name.startswith(role):
            digest = str(metadata["containerimage.digest"])
            if verb == "image":
                index = parse_index(world.registry.manifests["acme/web", digest].raw)
                assert index
                digest = index.manifests[0].digest
            if verb == "digest":
                del metadata["containerimage.digest"]
            else:
                del world.registry.manifests["acme/web", digest]
        return metadata

    world.engine._run = losing  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("role", ["app-deps", "app"])
@pytest.mark.parametrize("what", ["index", "image", "digest"])
def test_what_did_not_arrive_is_not_published(role: str, what: str) -> None:
    world = published()
    before = dict(world.registry.tags)
    world.tree.write(**{"requirements.txt": "x==2\n"})
    _without(world, what, role)
    with pytest.raises(VerificationError) as caught:
        world.bake()
    assert caught.value.exit_code is ExitCode.UNVERIFIED
    assert (world.registry.puts, world.registry.tags) == ([], before)


@pytest.mark.parametrize(
    ("facts", "task"),
    [(BUILDER, "app-deps_linux-arm64"), (GOOD_FACTS, "app-deps")],
    ids=["by digest", "by tag"],
)
def test_a_platform_that_is_missing_is_not_published(facts: object, task: str) -> None:
    world = World()
    world.engine.answer_facts = facts
    world.set(platform=(AMD64, ARM64))
    world.engine.drops = (ARM64,)
    with pytest.raises(VerificationError, match=f'"{task}" lacks linux/arm64'):
        world.bake()
    assert world.registry.puts == []


def test_an_index_without_any_image_is_not_published() -> None:
    world = World()
    world.engine.drops = (AMD64,)
    with pytest.raises(VerificationError, match=r'"app-deps" has no image'):
        world.bake()
    assert world.registry.puts == []


@pytest.mark.parametrize("facts", [BUILDER, GOOD_FACTS], ids=["by digest", "by tag"])
def test_local_is_the_builders_own_platform(facts: object) -> None:
    world = World()
    world.engine.answer_facts = facts
    world.set(platform=("local", AMD64))
    world.bake()
    assert world.engine.built == [["app-deps"], ["app"]]
    assert world.engine.targets(1)["app"]["platforms"] == [AMD64]
    assert actions(world.bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_a_registry_that_is_busy_is_asked_again() -> None:
    world = World()
    world.registry.failures[f"PUT {DEPS}"] = [BUSY, BUSY, None]
    result = world.bake()
    assert world.registry.puts == [DEPS, DEPS, DEPS, APP]
    assert [retry.step for retry in result.retries] == ["publishing acme/web:deps"] * 2


@pytest.mark.parametrize(("said", "error"), [(BUSY, UnreachableError), (DENIED, RefusedError)])
def test_where_the_dependencies_cannot_be_put_the_application_is_not(
    said: str, error: type[Exception]
) -> None:
    world = World()
    world.registry.failures[f"PUT {DEPS}"] = said
    with pytest.raises(error):
        world.bake()
    assert world.registry.tags == {}


def test_dependencies_shared_over_two_repositories_have_their_caches_in_the_first() -> None:
    """An index can be put only where its children are, and caches are exported to one place."""
    world = World()
    tags = {name: {"tags": [f"acme/{name}:latest"]} for name in ("api", "job")}
    world.targets(deps={"target": "dependencies"}, **tags)
    world.bake("api", "job")
    assert world.registry.puts == [
        *("acme/api:deps", "acme/job:deps", "acme/api:latest", "acme/job:latest")
    ]
    caches = bundle(world, "acme/api:deps").caches
    assert [(c.role, c.target) for c in caches] == [("app", "api"), ("app", "job"), ("deps", "")]
    assert bundle(world, "acme/job:deps").caches == ()
    assert bundle(world, "acme/job:deps").images == bundle(world, "acme/api:deps").images
    assert set(actions(world.bake("api", "job")).values()) == {"reused", "unchanged"}
    assert world.registry.puts == []
    world.tree.write(**{"app.py": "2\n"})
    world.bake("api", "job")
    cache = next(each for each in caches if each.target == "job")
    assert refs(world, 1, "job", "cache-from") == [f"acme/api@{cache.digest}"]


def test_two_tags_of_dependencies_are_set_once() -> None:
    world = World()
    tags = [DEPS, "acme/web:deps-stable"]
    world.targets(deps={"target": "dependencies", "tags": tags}, **WEB)
    world.bake()
    assert world.registry.puts == [*tags, APP]
    assert actions(world.bake()) == {"deps": "reused", "app": "unchanged"}
    assert world.registry.puts == []


def test_another_scope_takes_over_what_fits_and_then_has_its_own() -> None:
    world = published()
    (cache,) = bundle(world).cache("app", [AMD64], "app")
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
    world = World()
    tags = {name: {"tags": [f"acme/web:{name}"]} for name in ("api", "job")}
    world.targets(deps={"target": "dependencies", "tags": [DEPS]}, **tags)
    world.bake("api", "job")
    assert world.registry.puts == [DEPS, "acme/web:api", "acme/web:job"]
    assert world.engine.built == [["deps"], ["api"], ["job"]]
    caches = bundle(world).caches
    assert [(c.role, c.target) for c in caches] == [("app", "api"), ("app", "job"), ("deps", "")]
