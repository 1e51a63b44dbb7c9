from __future__ import annotations

import json

import pytest

from tests.support.platforms import AMD64, ARM64
from tests.support.published_pair import LOCK, PACKAGES, REPOSITORY, PublishedPair, image_manifest
from whalebuild.bakefile.pair_names import PairNames
from whalebuild.bundle.index import Cache, write_bundle
from whalebuild.cli.output.inspect import inspection_json, inspection_text
from whalebuild.oci.manifest import digest_of
from whalebuild.oci.reference import Reference


@pytest.fixture
def world() -> PublishedPair:
    return PublishedPair()


def test_the_text(world: PublishedPair) -> None:
    text = world.text()
    for line in (
        "registry.test/web",
        "holds        2 images, 1 attested",
        "linux/amd64  sha256:",
        "2 layers, 52 MB",
        ":latest was built on this :deps",
        "linux/amd64  shares 2 of 3 layers (52 MB); a host that has :deps downloads 2.",
        "bases   debian:12 at sha256:",
        "files   requirements.txt",
        "others  Dockerfile: stage dependencies",
        "app (web)  linux/amd64  sha256:",
        "1.5 KB  2, 2.0 MB  1.6 KB",
    ):
        assert line in text
    assert max(map(len, text.splitlines())) < 100


def test_the_json_form(world: PublishedPair) -> None:
    shown = json.loads(json.dumps(inspection_json([world.inspect()])))
    assert shown["schema"] == "whalebuild.inspect/1"
    [pair] = shown["pairs"]
    deps, app = pair["dependencies"], pair["application"]
    assert deps["reference"] == "registry.test/web:deps"
    assert deps["lock"]["key"] == LOCK.key
    assert deps["lock"]["files"][AMD64] == {"requirements.txt": "34:644"}
    assert deps["caches"][0]["config"]["bytes"] == 1500
    assert app["record"]["deps"] == {p: image.digest for p, image in world.deps.items()}
    assert app["images"][ARM64]["digest"] == world.apps[ARM64].digest
    assert pair["shared"][ARM64]["new_layers"] == 1
    assert pair["built_on_dependencies"] is True


@pytest.mark.parametrize("tag", ["deps", "latest"])
def test_a_missing_tag_is_said(world: PublishedPair, tag: str) -> None:
    del world.registry.held[f"{REPOSITORY}:{tag}"]
    view = world.inspect()
    assert view.built_on_it is None
    assert not view.shared
    assert "missing" in world.text()
    shown = inspection_json([view])["pairs"][0]
    sides = {"deps": shown["dependencies"], "latest": shown["application"]}
    assert {name: side["published"] for name, side in sides.items()} == {
        "deps": tag != "deps",
        "latest": tag != "latest",
    }


def test_what_the_registry_has_lost_is_said(world: PublishedPair) -> None:
    for digest in (world.deps[AMD64].digest, world.cache.digest):
        del world.registry.held[f"{REPOSITORY}@{digest}"]
    world.registry.held[f"{REPOSITORY}@{world.apps[ARM64].digest}"] = b"{"
    text = world.text()
    assert text.count("cannot be read") == 5
    assert ":latest was built on this :deps" in text


def test_a_platform_that_the_dependencies_lack(world: PublishedPair) -> None:
    del world.deps[ARM64]
    world.publish(**{AMD64: world.deps[AMD64].digest, ARM64: digest_of(b"older")})
    assert "linux/arm64  :deps has no such image" in world.text()


def test_a_cache_that_is_not_imported(world: PublishedPair) -> None:
    cached = world.registry.push(image_manifest("large", [PACKAGES], (1 << 20) + 1))
    world.cache = Cache("deps", (AMD64,), cached.digest, cached.size)
    world.publish()
    assert "1.0 MB: BuildKit imports none over 1 MiB" in world.text()


def test_dependencies_alone(world: PublishedPair) -> None:
    [view] = world.inspect_all([PairNames((Reference(REPOSITORY, "deps"),), None)])
    assert inspection_json([view])["pairs"][0]["application"] is None
    assert ":latest" not in inspection_text([view])


def test_an_index_digest_can_be_given(world: PublishedPair) -> None:
    digest = digest_of(world.registry.held[f"{REPOSITORY}:latest"])
    world.registry.push(write_bundle({}, (), (), {}), "latest")
    assert f"@{digest[:19]} was built on this :deps" in world.text(f"{REPOSITORY}@{digest}")
