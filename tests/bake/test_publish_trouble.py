"""What did not arrive whole is not published, and nothing else with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.bake import APP, DEPS, BakeWorld, app_of, bundle_of, published
from tests.support.builders import BUILDER, GOOD_FACTS
from tests.support.platforms import AMD64, ARM64
from tests.support.registry import BUSY, DENIED
from whalebuild.errors import (
    BuildError,
    ExitCode,
    RefusedError,
    UnreachableError,
    VerificationError,
)
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.manifest import Manifest, parse_index
from whalebuild.oci.reference import Reference


def test_a_cache_that_buildkit_would_not_import_is_left_out_with_a_warning() -> None:
    world = BakeWorld()
    world.engine.config_size = (1 << 20) + 1
    world.bake()
    assert bundle_of(world).caches == ()
    warnings = [note for note in world.console.notes if note.startswith("warning: the cache of ")]
    assert [note.split()[4] for note in warnings] == ["app-deps", "app"]
    assert "BuildKit imports none over 1 MiB" in warnings[0]
    assert app_of(world).record


FAILED = CommandFailedError('ERROR: failed to solve: process "x" did not complete successfully: 1')


def test_nothing_is_put_where_the_application_fails() -> None:
    world = BakeWorld()
    world.engine.bakes = [([], None), ([], FAILED)]
    with pytest.raises(BuildError):
        world.bake()
    assert (world.registry.puts, world.registry.tags) == ([], {})


def _without(world: BakeWorld, verb: str, role: str) -> None:
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


def _lags(world: BakeWorld, requests: int) -> None:
    """Let the registry not find what it was given at first."""
    find = world.registry._find
    left = dict.fromkeys(range(requests))

    def late(reference: Reference) -> Manifest | None:
        fresh = reference.digest and world.engine.baked
        return None if fresh and left and left.popitem() else find(reference)

    world.registry._find = late  # type: ignore[method-assign]


@pytest.mark.parametrize("requests", [1, 2])
def test_what_was_pushed_just_now_is_waited_for(requests: int) -> None:
    world = BakeWorld()
    _lags(world, requests)
    result = world.bake()
    assert [retry.reason for retry in result.retries] == ["not found yet"] * requests
    assert world.registry.puts == [DEPS, APP]


def test_a_cache_that_is_not_found_at_once_is_waited_for() -> None:
    world = BakeWorld()
    digest = "sha256:0"
    run = world.engine._run

    def late(name: str, target: dict[str, object]) -> dict[str, object]:
        nonlocal digest
        metadata = run(name, target)
        digest = metadata["cache.manifest"]["digest"]  # type: ignore[index]
        asked = f"GET acme/web@{digest}"
        world.registry.failures[asked] = ["ERROR: docker.io/acme/web: 503 Service Unavailable"]
        return metadata

    world.engine._run = late  # type: ignore[method-assign,assignment]
    world.bake()
    assert [cache.role for cache in bundle_of(world).caches] == ["app", "deps"]


@pytest.mark.parametrize(
    ("facts", "target"),
    [(BUILDER, "app-deps_linux-arm64"), (GOOD_FACTS, "app-deps")],
    ids=["by digest", "by tag"],
)
def test_a_platform_that_is_missing_is_not_published(facts: object, target: str) -> None:
    world = BakeWorld()
    world.engine.answer_facts = facts
    world.set(platform=(AMD64, ARM64))
    world.engine.drops = (ARM64,)
    with pytest.raises(VerificationError, match=f'"{target}" lacks linux/arm64'):
        world.bake()
    assert world.registry.puts == []


def test_an_index_without_any_image_is_not_published() -> None:
    world = BakeWorld()
    world.engine.drops = (AMD64,)
    with pytest.raises(VerificationError, match=r'"app-deps" has no image'):
        world.bake()
    assert world.registry.puts == []


def test_a_registry_that_is_busy_is_asked_again() -> None:
    world = BakeWorld()
    world.registry.failures[f"PUT {DEPS}"] = [BUSY, BUSY, None]
    result = world.bake()
    assert world.registry.puts == [DEPS, DEPS, DEPS, APP]
    deps = world.registry.tags["acme/web", "deps"]
    assert world.registry.requests[-2:] == [f"GET acme/web@{deps}", f"PUT {APP}"], "read back"
    assert [retry.step for retry in result.retries] == ["publishing acme/web:deps"] * 2


def test_a_tag_that_the_registry_did_not_keep_is_told() -> None:
    world = BakeWorld()
    world.registry.failures[f"PUT {DEPS}"] = [BUSY, None]
    put = world.registry.put_manifest

    def forgetting(reference: Reference, raw: bytes, media_type: str) -> str:
        digest = put(reference, raw, media_type)
        del world.registry.manifests[reference.repository, digest]
        return digest

    world.registry.put_manifest = forgetting  # type: ignore[method-assign]
    with pytest.raises(VerificationError, match="the registry does not have it"):
        world.bake()
    assert ("acme/web", "latest") not in world.registry.tags


@pytest.mark.parametrize(("said", "error"), [(BUSY, UnreachableError), (DENIED, RefusedError)])
def test_where_the_dependencies_cannot_be_put_the_application_is_not(
    said: str, error: type[Exception]
) -> None:
    world = BakeWorld()
    world.registry.failures[f"PUT {DEPS}"] = said
    with pytest.raises(error):
        world.bake()
    assert world.registry.tags == {}


def test_an_image_whose_platform_nobody_knows_is_not_published() -> None:
    world = BakeWorld()
    world.engine.attested = False
    world.engine.answer_boot = world.engine.answer_facts = replace(BUILDER, platform=None)
    world.engine.own = "unknown/unknown"
    with pytest.raises(VerificationError, match="it cannot be told which platform"):
        world.bake()
    assert world.registry.puts == []


def test_an_image_without_index_has_the_platform_of_its_configuration() -> None:
    world = BakeWorld()
    world.engine.attested = False
    world.engine.own = "linux/arm/v7"
    world.bake()
    assert bundle_of(world).images.keys() == app_of(world).images.keys() == {"linux/arm/v7"}
