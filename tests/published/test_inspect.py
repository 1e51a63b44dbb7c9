from __future__ import annotations

import json

import pytest

from tests.support.engine import FakeEngine, definition
from tests.support.platforms import AMD64, ARM64
from tests.support.published_pair import (
    BASE,
    CODE,
    LOCK,
    PACKAGES,
    REPOSITORY,
    PublishedPair,
    image_manifest,
)
from tests.support.source_tree import FakeTree
from whalebuild.bakefile.pair_names import names_of_image
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.index import write_bundle
from whalebuild.cli.image_argument import names_in_bake_file
from whalebuild.errors import RefusedError, UsageError
from whalebuild.oci.manifest import digest_of
from whalebuild.oci.reference import Reference
from whalebuild.published.view import NoRecord, SharedLayers
from whalebuild.settings import Settings


@pytest.fixture
def world() -> PublishedPair:
    return PublishedPair()


def test_a_pair_side_by_side(world: PublishedPair) -> None:
    view = world.inspect()
    assert view.deps
    assert view.app
    assert view.lock == LOCK
    assert view.built_on_it is True
    assert view.deps.attestations == 1
    assert view.deps.bytes == 2 * BASE[1] + PACKAGES[1] + 2 * 100, (
        "what platforms share counts once"
    )
    [cache] = view.caches
    assert (cache.cache, cache.extra) == (world.cache, 77 + 1500)
    index, manifest = view.app.size, view.app.images[AMD64].size
    assert view.shared[AMD64] == SharedLayers(
        2, BASE[1] + PACKAGES[1], 1, index + manifest + 100 + 900
    )
    assert view.shared.keys() == {AMD64, ARM64}


def test_each_manifest_is_asked_for_once(world: PublishedPair) -> None:
    world.inspect()
    asked = world.registry.asked
    assert len(asked) == len(set(asked)) == 2 + 4 + 1


def test_built_on_other_dependencies(world: PublishedPair) -> None:
    world.publish(**{AMD64: world.deps[AMD64].digest, ARM64: digest_of(b"older")})
    view = world.inspect()
    assert view.built_on == {AMD64: True, ARM64: False}
    assert view.built_on_it is False
    assert ":latest was not built on this :deps (linux/arm64): " in world.text()
    assert world.inspect(platforms=[AMD64]).built_on_it is True


def test_what_the_record_leaves_out_is_not_known(world: PublishedPair) -> None:
    world.publish(**{AMD64: world.deps[AMD64].digest})
    assert world.inspect().built_on_it is None
    assert ":latest does not say which :deps it was built on" in world.text()


def test_nothing_at_all_is_an_error(world: PublishedPair) -> None:
    with pytest.raises(UsageError) as caught:
        world.inspect("registry.test/other:v1")
    assert caught.value.what == (
        "nothing is published under registry.test/other:v1-deps, registry.test/other:deps, "
        "registry.test/other:v1"
    )
    assert caught.value.next_step
    there = names_of_image(Reference(REPOSITORY))
    assert len(world.inspect_all([names_of_image(Reference("registry.test/other")), there])) == 2


def test_a_platform_that_nobody_published_is_an_error(world: PublishedPair) -> None:
    with pytest.raises(UsageError) as caught:
        world.inspect(platforms=["linux/s390x"])
    assert caught.value.cause == "there is linux/amd64, linux/arm64"


def test_one_platform(world: PublishedPair) -> None:
    view = world.inspect(platforms=[ARM64])
    assert view.platforms == (ARM64,)
    assert view.shared.keys() == {ARM64}
    assert not view.caches, "the cache is of the other platform"


def test_a_refusal_is_the_registrys_error(world: PublishedPair) -> None:
    world.registry.refusing = True
    with pytest.raises(RefusedError):
        world.inspect()


def test_images_of_other_tools(world: PublishedPair) -> None:
    """One without an index has its platform in its configuration."""
    for tag, layers in (("deps", [BASE]), ("latest", [BASE, CODE])):
        raw = image_manifest(tag, layers)
        world.registry.push(raw, tag)
        config = json.loads(raw)["config"]["digest"]
        world.registry.blobs[config] = b'{"os":"linux","architecture":"arm64","variant":"v8"}'
    view = world.inspect()
    assert view.platforms == (ARM64,)
    assert view.lock == NoLock("it is no image index")
    assert view.record == NoRecord("it is no image index")
    assert view.app
    assert view.shared[ARM64] == SharedLayers(1, BASE[1], 1, view.app.size + 100 + CODE[1])
    text = world.text()
    assert "one image, no index" in text
    assert "lock of :deps: none, it is no image index" in text


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({}, "whalebuild did not publish it, or not on published dependencies"),
        ({"dev.whalebuild.scheme": "9"}, "it is of another version of whalebuild (scheme 9)"),
        ({"dev.whalebuild.scheme": "1"}, "its annotations are damaged"),
    ],
    ids=["none", "other scheme", "damaged"],
)
def test_annotations_that_say_nothing(
    world: PublishedPair, annotations: dict[str, str], reason: str
) -> None:
    world.registry.push(write_bundle(world.apps, (), (), annotations), "latest")
    world.registry.push(write_bundle(world.deps, (), (), annotations), "deps")
    view = world.inspect()
    assert view.record == NoRecord(reason)
    assert isinstance(view.lock, NoLock)
    assert view.built_on_it is None
    assert f"was built on: {reason}" in world.text()


def test_what_is_no_manifest_has_no_images(world: PublishedPair) -> None:
    world.registry.push(b"[]", "deps")
    world.registry.push(b"null", "latest")
    assert world.inspect().platforms == ()
    assert "0 images" in world.text()


def test_another_tag_has_dependencies_of_its_own(world: PublishedPair) -> None:
    world.publish("v1", "deps")
    assert world.inspect(f"{REPOSITORY}:v1").deps_reference.tag == "deps"
    world.publish("v1", "v1-deps")
    assert world.inspect(f"{REPOSITORY}:v1").deps_reference.tag == "v1-deps"
    assert ":v1 was built on this :v1-deps" in world.text(f"{REPOSITORY}:v1-deps")


def test_the_pairs_of_a_bake_file() -> None:
    targets = {
        "a": {"tags": ["r.test/a:v2", "r.test/a"]},
        "b": {"context": "b", "tags": ["r.test/b"]},
        "deps": {"context": "c", "tags": ["r.test/c:deps"]},
    }
    engine = FakeEngine(file=definition(targets))
    found = names_in_bake_file(engine, FakeTree(), Settings(), BakeRequest())  # type: ignore[arg-type]
    assert [[str(r) for r in names.references] for names in found] == [
        ["r.test/a:deps", "r.test/a:v2"],
        ["r.test/b:deps", "r.test/b:latest"],
        ["r.test/c:deps"],
    ]
