from __future__ import annotations

import json
from dataclasses import replace

from tests.support.plans import app_plan, deps_plan, digest, lock, pair_deps, plan, published
from tests.support.platforms import AMD64, ARM64
from tests.support.registry import BUSY, FakeRegistry
from tests.support.retrier import patient
from whalebuild.bake.mounts import LayerMounts
from whalebuild.bakefile.images import BuildOptions, PairImage
from whalebuild.bakefile.target import Target
from whalebuild.oci.manifest import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    Descriptor,
    Manifest,
    digest_of,
    write_index,
)
from whalebuild.oci.reference import Reference
from whalebuild.plan.definition import GeneratedTarget, Output, generate_target
from whalebuild.plan.plan import DepsPlan
from whalebuild.runtime.retrying_registry import RetryingRegistry

HERE, ELSEWHERE = "registry.test/base/python", "python"
LARGE = 40 << 20


class World:
    """Services on one base image, each with a repository of its own."""

    def __init__(self, base: str, *services: str, size: int = LARGE, **more: object) -> None:
        self.registry = FakeRegistry()
        self.manifests: dict[str, Manifest] = {}
        children = [self._image(platform, size) for platform in (AMD64, ARM64)]
        raw = write_index(children, {})
        self.base = Reference(base, digest=self._keep(raw, INDEX_TYPE))
        for layer in (1, 2):
            self.registry.blobs[base, digest(layer)] = b""
        self.plans = [deps_plan(image=service(name, **more), base=self.base) for name in services]
        self.targets = [target(plan.image) for plan in self.plans]

    def mounts(self, *others: DepsPlan) -> LayerMounts:
        registry = RetryingRegistry(self.registry, patient())
        made = replace(plan(self.plans[0], manifests=self.manifests), deps=(*self.plans, *others))
        return LayerMounts(registry, made, AMD64)

    @property
    def mounted(self) -> list[str]:
        asked = (request.split() for request in self.registry.requests)
        return sorted(what.partition("@")[0] for verb, what in asked if verb == "MOUNT")

    def _image(self, platform: str, size: int) -> Descriptor:
        first = 1 if platform == AMD64 else 3
        layers = [
            {"mediaType": "application/x", "digest": digest(n), "size": size // 2}
            for n in (first, first + 1)
        ]
        config = {"mediaType": "application/x", "digest": digest(first + 10), "size": 1}
        raw = json.dumps({"mediaType": MANIFEST_TYPE, "config": config, "layers": layers}).encode()
        return Descriptor(self._keep(raw, MANIFEST_TYPE), len(raw), platform=platform)

    def _keep(self, raw: bytes, media_type: str) -> str:
        self.manifests[digest_of(raw)] = Manifest(raw, media_type, digest_of(raw))
        return digest_of(raw)


def service(name: str, **more: object) -> PairImage:
    image = pair_deps(AMD64, references=(Reference(f"registry.test/acme/{name}", "deps"),), **more)
    return PairImage(
        *(Target(f"{name}-deps", image.target.attributes), image.role, image.references),
        *(image.platforms, image.bundle, f"{name}-deps"),
    )


def target(image: PairImage) -> GeneratedTarget:
    return generate_target(image, (AMD64,), BuildOptions(), Output.DIGEST)


def test_layers_come_from_the_base_images_repository_where_it_is_on_the_registry() -> None:
    world = World(HERE, "web", "worker")
    mounts = world.mounts()
    assert mounts.first(world.targets) == ()
    mounts.give(world.targets)
    assert world.mounted == ["registry.test/acme/web"] * 2 + ["registry.test/acme/worker"] * 2
    mounts.give(world.targets)
    assert len(world.mounted) == 4, "what has them needs them no more"


def test_of_several_services_one_pushes_a_base_from_elsewhere_and_the_others_mount_it() -> None:
    world = World(ELSEWHERE, "web", "worker", "cron")
    mounts = world.mounts()
    first = mounts.first(world.targets)
    assert [each.name for each in first] == ["web-deps"]
    mounts.give(world.targets)
    assert world.mounted == [], "nobody has them"
    for layer in (1, 2):
        world.registry.blobs["registry.test/acme/web", digest(layer)] = b""
    mounts.pushed(first)
    rest = [each for each in world.targets if each not in first]
    assert mounts.first(rest) == ()
    mounts.give(rest)
    assert world.mounted == ["registry.test/acme/cron"] * 2 + ["registry.test/acme/worker"] * 2


def test_one_service_alone_and_a_small_base_wait_for_nobody() -> None:
    alone = World(ELSEWHERE, "web")
    assert alone.mounts().first(alone.targets) == ()
    small = World(ELSEWHERE, "web", "worker", size=1000)
    assert small.mounts().first(small.targets) == ()


def test_a_service_that_was_published_on_the_same_base_has_its_layers() -> None:
    world = World(ELSEWHERE, "web", "worker")
    found = published(
        lock(AMD64, bases={AMD64: {"python": str(world.base.digest)}}),
        reference=Reference("registry.test/acme/old", "deps"),
    )
    old = deps_plan(image=service("old"), base=world.base, source=found)
    for layer in (1, 2):
        world.registry.blobs["registry.test/acme/old", digest(layer)] = b""
    mounts = world.mounts(old)
    assert mounts.first(world.targets) == ()
    mounts.give([*world.targets, target(old.image)])
    assert world.mounted == ["registry.test/acme/web"] * 2 + ["registry.test/acme/worker"] * 2


def test_a_registry_that_mounts_nothing_is_asked_once() -> None:
    world = World(HERE, "web", "worker")
    world.registry.blobs.clear()
    mounts = world.mounts()
    mounts.give(world.targets)
    assert world.mounted == ["registry.test/acme/web"]
    assert mounts.first(world.targets) == ()


def test_a_mount_that_fails_is_not_tried_again_and_fails_nothing() -> None:
    world = World(HERE, "web", "worker")
    world.registry.failures[f"MOUNT registry.test/acme/web@{digest(1)}"] = BUSY
    world.mounts().give(world.targets)
    assert world.mounted == ["registry.test/acme/web"] + ["registry.test/acme/worker"] * 2


def test_layers_that_are_compressed_anew_are_not_mounted() -> None:
    output = [{"type": "image", "compression": "zstd", "force-compression": "true"}]
    world = World(HERE, "web", output=output)
    world.mounts().give(world.targets)
    assert world.mounted == []


def test_what_is_not_pushed_needs_nothing() -> None:
    world = World(HERE, "web")
    mounts = world.mounts()
    mounts.give([each.unpushed() for each in world.targets])
    assert world.mounted == []
    assert mounts.first([each.unpushed() for each in world.targets]) == ()


def test_an_application_on_a_base_of_its_own_gets_its_layers_too() -> None:
    world = World("acme/base")
    app = app_plan(base=world.base)
    registry = RetryingRegistry(world.registry, patient())
    made = plan(deps_plan(), app, manifests=world.manifests)
    LayerMounts(registry, made, AMD64).give([target(app.image)])
    assert world.mounted == ["acme/web"] * 2
