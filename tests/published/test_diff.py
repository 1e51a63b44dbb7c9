from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest

from tests.support.builders import GOOD_FACTS
from tests.support.platforms import AMD64, ARM64
from tests.support.published_pair import (
    BASE,
    CODE,
    PACKAGES,
    REPOSITORY,
    Layer,
    MemoryRegistry,
    image_manifest,
)
from tests.support.retrier import patiently
from whalebuild.builder.facts import BuilderFacts
from whalebuild.bundle.index import write_bundle
from whalebuild.errors import EngineError, RefusedError, UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.manifest import Descriptor, digest_of
from whalebuild.oci.reference import Reference
from whalebuild.published.diff import DiffReader
from whalebuild.published.download import DiffRequest, HostSide, ImageDiff, KnownBy
from whalebuild.published.host_images import HostImage, RunningImage
from whalebuild.published.lookup import ManifestLookup

NEWER = ("newer code", 910)
LATEST = Reference(REPOSITORY, "latest")


@dataclass
class FakeHost:
    """An engine; one that is down fails every question."""

    has: list[HostImage] = field(default_factory=list)
    runs: list[RunningImage] = field(default_factory=list)
    about: BuilderFacts = GOOD_FACTS
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def facts(self) -> BuilderFacts:
        return self._answer("facts", self.about)

    def images(self) -> tuple[HostImage, ...]:
        return self._answer("images", tuple(self.has))

    def running(self) -> tuple[RunningImage, ...]:
        return self._answer("running", tuple(self.runs))

    def _answer(self, question: str, answer: object) -> object:
        self.asked.append(question)
        if self.down:
            raise CommandFailedError("Cannot connect to the Docker daemon")
        return answer


@dataclass
class World:
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    host: FakeHost = field(default_factory=FakeHost)

    def publish(self, tag: str, *layers: Layer, platforms: tuple[str, ...] = (AMD64,)) -> str:
        """An index with images of these layers; return its digest."""
        images = {platform: self._image(platform, *layers) for platform in platforms}
        return self.registry.push(write_bundle(images, (), (), {"of": tag}), tag).digest

    def _image(self, platform: str, *layers: Layer) -> Descriptor:
        system, architecture = platform.split("/")
        config = json.dumps(
            {
                "os": system,
                "architecture": architecture,
                "rootfs": {"diff_ids": [diff_id(layer) for layer in layers]},
                "history": [{"created_by": f"COPY {layer[0]} /"} for layer in layers],
            }
        ).encode()
        document = json.loads(image_manifest("it", layers))
        document["config"] |= {"digest": digest_of(config), "size": len(config)}
        self.registry.blobs[digest_of(config)] = config
        pushed = self.registry.push(json.dumps(document).encode())
        return Descriptor(pushed.digest, pushed.size, platform=platform)

    def pull(self, tag: str, digest: str, *layers: Layer, repository: str = REPOSITORY) -> None:
        """Have the host's engine have an image, its name taken from an older one."""
        name = Reference(repository, tag)
        for number, image in enumerate(self.host.has):
            if name in image.tags:
                self.host.has[number] = replace(image, tags=(), digests=())
        digests = (Reference(repository, digest=digest),)
        ids = tuple(diff_id(layer) for layer in layers)
        self.host.has.append(HostImage(digest, (name,), digests, AMD64, ids))

    def diff(self, each: DiffRequest | None = None, platform: str | None = None) -> ImageDiff:
        self.registry.asked.clear()
        differ = DiffReader(ManifestLookup(patiently(self.registry)), self.host, platform)  # type: ignore[arg-type]
        [found] = differ.diff([each or DiffRequest(LATEST, LATEST)])
        return found


def diff_id(layer: Layer) -> str:
    return f"sha256:unpacked {layer[0]}".replace(" again", "")


@pytest.fixture
def world() -> World:
    return World()


def known(diff: ImageDiff) -> list[KnownBy | None]:
    return [layer.known_by for layer in diff.layers]


def test_a_host_with_nothing(world: World) -> None:
    world.publish("latest", BASE, PACKAGES, CODE)
    diff = world.diff()
    assert diff.download == diff.total > BASE[1]
    assert diff.origin.images == ()
    assert [layer.instruction for layer in diff.layers] == [
        "COPY base /",
        "COPY packages /",
        "COPY code /",
    ]
    assert "running" not in world.host.asked


def test_a_code_change_is_told_by_the_blobs_of_the_old_manifest(world: World) -> None:
    old = world.publish("latest", BASE, PACKAGES, CODE)
    world.pull("latest", old, BASE, PACKAGES, CODE)
    world.publish("latest", BASE, PACKAGES, NEWER)
    diff = world.diff()
    assert known(diff) == [KnownBy.DIGEST, KnownBy.DIGEST, None]
    assert diff.exact
    assert diff.download == NEWER[1] + sum(part.size for part in diff.parts)
    assert diff.origin.images == ((LATEST, old),)
    assert len(world.registry.asked) == 4, "two manifests and two indexes"


def test_what_is_there_already_takes_no_more_requests(world: World) -> None:
    digest = world.publish("latest", BASE, CODE)
    world.pull("latest", digest, BASE, CODE)
    assert world.diff().download == 0
    assert len(world.registry.asked) == 2


def test_the_same_content_in_another_blob_is_downloaded(world: World) -> None:
    old = world.publish("latest", BASE, PACKAGES)
    world.pull("latest", old, BASE, PACKAGES)
    world.publish("latest", BASE, ("packages again", 2_000_001))
    diff = world.diff()
    assert known(diff) == [KnownBy.DIGEST, None]
    assert diff.exact


def test_what_the_registry_has_no_manifest_of_is_known_by_content(world: World) -> None:
    world.pull("latest", digest_of(b"never pushed"), BASE, PACKAGES)
    world.publish("latest", BASE, PACKAGES, CODE)
    diff = world.diff()
    assert known(diff) == [KnownBy.DIFF_ID, KnownBy.DIFF_ID, None]
    assert not diff.exact
    # Another image tells of one of them for sure.
    world.pull("v1", world.publish("v1", BASE), BASE)
    assert known(world.diff()) == [KnownBy.DIGEST, KnownBy.DIFF_ID, None]


def test_other_images_share_layers(world: World) -> None:
    world.pull("deps", world.publish("deps", BASE, PACKAGES), BASE, PACKAGES)
    world.pull("x", digest_of(b"x"), ("unrelated", 1), repository="elsewhere.test/x")
    world.publish("latest", BASE, PACKAGES, CODE)
    diff = world.diff()
    assert known(diff) == [KnownBy.DIGEST, KnownBy.DIGEST, None]
    assert not any("elsewhere" in asked for asked in world.registry.asked)


def test_another_registry_is_not_asked(world: World) -> None:
    world.pull("x", digest_of(b"x"), BASE, repository="elsewhere.test/x")
    world.publish("latest", BASE, CODE)
    assert known(world.diff()) == [KnownBy.DIFF_ID, None]
    assert not any("elsewhere" in asked for asked in world.registry.asked)


def test_no_more_than_a_few_manifests_are_read(world: World) -> None:
    for number in range(20):
        world.pull(f"lost{number}", digest_of(str(number).encode()), BASE)
    world.publish("latest", BASE, CODE)
    assert not world.diff().exact
    assert len(world.registry.asked) == 2 + 8


def test_what_runs_is_another_than_what_is_there(world: World) -> None:
    """A container goes on running an image that has lost its name."""
    old = world.publish("latest", BASE, PACKAGES, CODE)
    world.pull("latest", old, BASE, PACKAGES, CODE)
    world.host.runs = [RunningImage(old, LATEST)]
    new = world.publish("latest", BASE, PACKAGES, NEWER)
    world.pull("latest", new, BASE, PACKAGES, NEWER)
    assert world.diff().download == 0
    diff = world.diff(DiffRequest(LATEST, LATEST, HostSide.RUNNING))
    assert known(diff) == [KnownBy.DIGEST, KnownBy.DIGEST, None]
    assert diff.origin.images == ((None, old),)
    world.host.runs = []
    assert len(world.diff(DiffRequest(LATEST, LATEST, HostSide.RUNNING)).new) == 3


def test_a_graph_driver_needs_the_layers_below(world: World) -> None:
    world.host.about = replace(world.host.about, containerd_store=False)
    old = world.publish("latest", BASE, PACKAGES, CODE)
    world.pull("latest", old, BASE, PACKAGES, CODE)
    world.publish("latest", BASE, ("other", 3), CODE)
    assert known(world.diff()) == [KnownBy.DIGEST, None, None]


def test_two_references_for_one_platform_need_no_engine(world: World) -> None:
    world.host.down = True
    world.publish("v1", BASE, PACKAGES)
    world.publish("v2", BASE, PACKAGES, CODE)
    v1, v2 = LATEST.tagged("v1"), LATEST.tagged("v2")
    each = DiffRequest(LATEST, v2, HostSide.REGISTRY, v1)
    assert len(world.diff(each).new) == 1
    assert world.host.asked == []

    world.publish("v2", BASE, platforms=(AMD64, ARM64))
    with pytest.raises(EngineError) as caught:
        world.diff(each)
    assert "DOCKER_HOST" in (caught.value.next_step or "")
    assert world.diff(each, AMD64).to.platform == AMD64
    with pytest.raises(UsageError) as lacks:
        world.diff(each, ARM64)
    assert lacks.value.what == f"{v1} has no image for {ARM64}"


def test_an_engine_that_is_down_is_an_error(world: World) -> None:
    world.publish("latest", BASE)
    world.host.down = True
    with pytest.raises(EngineError) as caught:
        world.diff()
    assert caught.value.what == "the Docker engine is not running"


def test_the_hosts_platform_is_taken_or_one_that_it_runs_too(world: World) -> None:
    world.publish("latest", BASE, platforms=(ARM64, AMD64))
    assert world.diff().to.platform == AMD64
    world.publish("latest", BASE, platforms=(ARM64, "linux/386"))
    assert world.diff().to.platform == "linux/386"
    with pytest.raises(UsageError) as caught:
        world.diff(platform=AMD64)
    assert caught.value.what == f"{LATEST} has no image for linux/amd64"
    assert caught.value.cause == "it has linux/386, linux/arm64"
    world.host.about = replace(world.host.about, platform=None)
    with pytest.raises(EngineError) as unknown:
        world.diff()
    assert "--platform" in (unknown.value.next_step or "")


def test_an_image_without_an_index(world: World) -> None:
    world.publish("v1", BASE, CODE)
    [child] = json.loads(world.registry.held[f"{REPOSITORY}:v1"])["manifests"]
    world.registry.held[str(LATEST)] = world.registry.held[f"{REPOSITORY}@{child['digest']}"]
    diff = world.diff()
    assert (diff.index, diff.to.platform) == (None, AMD64)
    with pytest.raises(UsageError):
        world.diff(platform=ARM64)
    world.pull("latest", child["digest"], BASE, CODE)
    assert world.diff().download == 0


def test_what_is_not_published_is_an_error(world: World) -> None:
    with pytest.raises(UsageError) as caught:
        world.diff()
    assert caught.value.what == f"{LATEST} is not published"


def test_a_manifest_that_is_lost_is_an_error(world: World) -> None:
    world.publish("latest", BASE)
    for held in list(world.registry.held):
        if "@" in held:
            del world.registry.held[held]
    with pytest.raises(RefusedError):
        world.diff()


def test_a_refusal_is_the_registrys_error(world: World) -> None:
    world.registry.refusing = True
    with pytest.raises(RefusedError):
        world.diff()
