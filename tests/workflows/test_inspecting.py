from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes import FakeEngine, FakeTree, definition
from whalebuild.cli.render_inspect import inspection_text
from whalebuild.core.bundle import Cache, compose
from whalebuild.core.errors import RefusedError, UsageError
from whalebuild.core.failures import Failure, Kind, RequestFailedError
from whalebuild.core.inspection import NoRecord, PairView, Shared
from whalebuild.core.inspection_json import inspection_json
from whalebuild.core.lock import Lock
from whalebuild.core.lock_annotations import NoLock, to_annotations
from whalebuild.core.manifests import (
    ATTESTATION,
    MANIFEST_TYPE,
    REFERENCE_DIGEST,
    REFERENCE_TYPE,
    Descriptor,
    Manifest,
    digest_of,
)
from whalebuild.core.pair_names import PairNames, names_of_image
from whalebuild.core.published import AppRecord
from whalebuild.core.references import Reference, parse_reference
from whalebuild.core.request import BakeRequest
from whalebuild.core.retry import RetryPolicy
from whalebuild.core.settings import Settings
from whalebuild.workflows.inspecting import Inspector, names_in_bake_file
from whalebuild.workflows.retrying import Retrier

REPOSITORY = "registry.test/web"
AMD64, ARM64 = "linux/amd64", "linux/arm64"
BASE, PACKAGES, CODE = ("base", 50_000_000), ("packages", 2_000_000), ("code", 900)
Layer = tuple[str, int]


@dataclass
class MemoryRegistry:
    """Manifests by the reference that they are asked for with, and blobs by digest."""

    held: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refusing: bool = False

    def manifest(self, reference: Reference) -> Manifest | None:
        self.asked.append(str(reference))
        if self.refusing:
            raise RequestFailedError(Failure(Kind.REFUSED, "denied", "denied: no"))
        raw = self.held.get(str(reference))
        return Manifest(raw, "", digest_of(raw)) if raw is not None else None

    def blob(self, repository: str, digest: str, limit_bytes: int) -> bytes:
        assert (repository, limit_bytes) == (REPOSITORY, 4 << 20)
        return self.blobs[digest]

    def push(self, raw: bytes, tag: str | None = None) -> Descriptor:
        digest = digest_of(raw)
        self.held[f"{REPOSITORY}@{digest}"] = raw
        if tag:
            self.held[f"{REPOSITORY}:{tag}"] = raw
        return Descriptor(digest, len(raw))

    def image(self, platform: str, *layers: Layer, config: int = 100) -> Descriptor:
        child = self.push(image_manifest(f"{platform} {layers}", layers, config))
        return Descriptor(child.digest, child.size, platform=platform)

    # What ports.Registry has beside it is not for inspect.
    head = put_manifest = delete_manifest = None


def image_manifest(name: str, layers: Sequence[Layer], config: int = 100) -> bytes:
    def blob(name: str, size: int) -> dict[str, Any]:
        return {"mediaType": "x", "digest": digest_of(name.encode()), "size": size}

    document = {
        "mediaType": MANIFEST_TYPE,
        "config": blob(f"config of {name}", config),
        "layers": [blob(*layer) for layer in layers],
    }
    return json.dumps(document).encode()


LOCK = Lock(
    {AMD64: "a", ARM64: "b"},
    facts={p: {"Dockerfile: stage dependencies": "12"} for p in (AMD64, ARM64)},
    files={p: {"requirements.txt": "34:644"} for p in (AMD64, ARM64)},
    bases={p: {"debian:12": digest_of(b"debian")} for p in (AMD64, ARM64)},
)


@dataclass
class World:
    """A registry in which a pair for two platforms is published."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        registry = self.registry
        self.deps = {p: registry.image(p, (f"{p} base", BASE[1]), PACKAGES) for p in (AMD64, ARM64)}
        self.apps = {
            p: registry.image(p, (f"{p} base", BASE[1]), PACKAGES, CODE) for p in (AMD64, ARM64)
        }
        cached = registry.push(image_manifest("cache", [PACKAGES, ("extra", 77)], 1500))
        self.cache = Cache("app", (AMD64,), cached.digest, cached.size, "web")
        self.publish()

    def publish(self, tag: str = "latest", deps_tag: str = "deps", **on: str) -> None:
        attests = {REFERENCE_TYPE: ATTESTATION, REFERENCE_DIGEST: self.deps[AMD64].digest}
        attestation = Descriptor(digest_of(b"attestation"), 5, annotations=attests)
        bundle = compose(self.deps, [attestation], [self.cache], to_annotations(LOCK))
        self.registry.push(bundle, deps_tag)
        record = AppRecord("k", on or {p: image.digest for p, image in self.deps.items()})
        self.registry.push(compose(self.apps, (), (), record.as_annotations()), tag)

    def inspect(self, image: str = REPOSITORY, platforms: Sequence[str] = ()) -> PairView:
        [view] = self.inspect_all(
            [names_of_image(parse_reference(image, where="IMAGE"))], platforms
        )
        return view

    def inspect_all(
        self, names: Sequence[PairNames], platforms: Sequence[str] = ()
    ) -> tuple[PairView, ...]:
        retrier = Retrier(RetryPolicy(2, 1.0), lambda _: None, sleep=lambda _: None)
        return Inspector(self.registry, retrier).inspect(names, platforms)  # type: ignore[arg-type]

    def text(self, image: str = REPOSITORY) -> str:
        return inspection_text([self.inspect(image)])


@pytest.fixture
def world() -> World:
    return World()


def test_a_pair_side_by_side(world: World) -> None:
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
    assert view.shared[AMD64] == Shared(2, BASE[1] + PACKAGES[1], 1, index + manifest + 100 + 900)
    assert view.shared.keys() == {AMD64, ARM64}


def test_each_manifest_is_asked_for_once(world: World) -> None:
    world.inspect()
    asked = world.registry.asked
    assert len(asked) == len(set(asked)) == 2 + 4 + 1


def test_the_text(world: World) -> None:
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


def test_the_json_form(world: World) -> None:
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


def test_built_on_other_dependencies(world: World) -> None:
    world.publish(**{AMD64: world.deps[AMD64].digest, ARM64: digest_of(b"older")})
    view = world.inspect()
    assert view.built_on == {AMD64: True, ARM64: False}
    assert view.built_on_it is False
    assert ":latest was not built on this :deps (linux/arm64): " in world.text()
    assert world.inspect(platforms=[AMD64]).built_on_it is True


def test_what_the_record_leaves_out_is_not_known(world: World) -> None:
    world.publish(**{AMD64: world.deps[AMD64].digest})
    assert world.inspect().built_on_it is None
    assert ":latest does not say which :deps it was built on" in world.text()


@pytest.mark.parametrize("tag", ["deps", "latest"])
def test_a_missing_tag_is_said(world: World, tag: str) -> None:
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


def test_nothing_at_all_is_an_error(world: World) -> None:
    with pytest.raises(UsageError) as caught:
        world.inspect("registry.test/other:v1")
    assert caught.value.what == (
        "nothing is published under registry.test/other:v1-deps, registry.test/other:deps, "
        "registry.test/other:v1"
    )
    assert caught.value.next_step
    there = names_of_image(Reference(REPOSITORY))
    assert len(world.inspect_all([names_of_image(Reference("registry.test/other")), there])) == 2


def test_a_platform_that_nobody_published_is_an_error(world: World) -> None:
    with pytest.raises(UsageError) as caught:
        world.inspect(platforms=["linux/s390x"])
    assert caught.value.cause == "there is linux/amd64, linux/arm64"


def test_one_platform(world: World) -> None:
    view = world.inspect(platforms=[ARM64])
    assert view.platforms == (ARM64,)
    assert view.shared.keys() == {ARM64}
    assert not view.caches, "the cache is of the other platform"


def test_a_refusal_is_the_registrys_error(world: World) -> None:
    world.registry.refusing = True
    with pytest.raises(RefusedError):
        world.inspect()


def test_images_of_other_tools(world: World) -> None:
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
    assert view.shared[ARM64] == Shared(1, BASE[1], 1, view.app.size + 100 + CODE[1])
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
    world: World, annotations: dict[str, str], reason: str
) -> None:
    world.registry.push(compose(world.apps, (), (), annotations), "latest")
    world.registry.push(compose(world.deps, (), (), annotations), "deps")
    view = world.inspect()
    assert view.record == NoRecord(reason)
    assert isinstance(view.lock, NoLock)
    assert view.built_on_it is None
    assert f"was built on: {reason}" in world.text()


def test_what_the_registry_has_lost_is_said(world: World) -> None:
    for digest in (world.deps[AMD64].digest, world.cache.digest):
        del world.registry.held[f"{REPOSITORY}@{digest}"]
    world.registry.held[f"{REPOSITORY}@{world.apps[ARM64].digest}"] = b"{"
    text = world.text()
    assert text.count("cannot be read") == 5
    assert ":latest was built on this :deps" in text


def test_what_is_no_manifest_has_no_images(world: World) -> None:
    world.registry.push(b"[]", "deps")
    world.registry.push(b"null", "latest")
    assert world.inspect().platforms == ()
    assert "0 images" in world.text()


def test_a_platform_that_the_dependencies_lack(world: World) -> None:
    del world.deps[ARM64]
    world.publish(**{AMD64: world.deps[AMD64].digest, ARM64: digest_of(b"older")})
    assert "linux/arm64  :deps has no such image" in world.text()


def test_a_cache_that_is_not_imported(world: World) -> None:
    cached = world.registry.push(image_manifest("large", [PACKAGES], (1 << 20) + 1))
    world.cache = Cache("deps", (AMD64,), cached.digest, cached.size)
    world.publish()
    assert "1.0 MB: BuildKit imports none over 1 MiB" in world.text()


def test_another_tag_has_dependencies_of_its_own(world: World) -> None:
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


def test_dependencies_alone(world: World) -> None:
    [view] = world.inspect_all([PairNames((Reference(REPOSITORY, "deps"),), None)])
    assert inspection_json([view])["pairs"][0]["application"] is None
    assert ":latest" not in inspection_text([view])


def test_an_index_digest_can_be_given(world: World) -> None:
    digest = digest_of(world.registry.held[f"{REPOSITORY}:latest"])
    world.registry.push(compose({}, (), (), {}), "latest")
    assert f"@{digest[:19]} was built on this :deps" in world.text(f"{REPOSITORY}@{digest}")
