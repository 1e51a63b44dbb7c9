from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest

from tests.support.bake import APP, BakeWorld
from tests.support.platforms import AMD64, ARM64
from tests.support.published_pair import BASE, CODE, PACKAGES, REPOSITORY, MemoryRegistry
from whalebuild.bundle.index import write_bundle
from whalebuild.bundle.published import PublishedApp, read_app
from whalebuild.oci.manifest import INDEX_TYPE, Descriptor, Manifest, digest_of
from whalebuild.oci.reference import Reference
from whalebuild.published.download import NextPull
from whalebuild.published.next_pull import estimate_next_pull


@dataclass
class Versions:
    """A version with other code than the one before it."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        platforms = (AMD64, ARM64)
        self.old = {p: self.registry.image(p, BASE, PACKAGES, CODE) for p in platforms}
        self.new = {p: self.registry.image(p, BASE, PACKAGES, ("newer", 910)) for p in platforms}

    @property
    def before(self) -> PublishedApp:
        raw = write_bundle(self.old, (), (), {})
        found = Manifest(raw, INDEX_TYPE, digest_of(raw))
        return read_app(Reference(REPOSITORY, "latest"), found)

    def estimate(self, seconds: float = 5.0, known: tuple[Descriptor, ...] = ()) -> object:
        index = Descriptor("sha256:index", 700)
        return estimate_next_pull(
            self.registry,  # type: ignore[arg-type]
            self.before,
            self.new,
            index,
            time.monotonic,
            seconds,
            manifests={
                each.digest: found
                for each in known
                if (found := self.registry.manifest(Reference(REPOSITORY, digest=each.digest)))
            },
        )


def test_what_a_host_with_the_version_before_downloads() -> None:
    versions = Versions()
    others = 700 + 100
    assert versions.estimate() == {
        platform: NextPull(
            others + image.size + 910, others + image.size + BASE[1] + PACKAGES[1] + 910
        )
        for platform, image in versions.new.items()
    }
    assert len(versions.registry.asked) == 4


def test_what_was_pushed_need_not_be_read() -> None:
    versions = Versions()
    expected = versions.estimate()
    known = tuple(versions.new.values())
    versions.registry.asked.clear()
    assert versions.estimate(known=known) == expected
    assert len(versions.registry.asked) == 2 + len(known), "the versions before, and here"


def test_a_platform_that_is_new_is_not_told() -> None:
    versions = Versions()
    del versions.old[ARM64]
    pulls = versions.estimate()
    assert isinstance(pulls, dict)
    assert list(pulls) == [AMD64]
    del versions.old[AMD64]
    assert versions.estimate() is None


def test_what_cannot_be_read_is_not_told() -> None:
    versions = Versions()
    del versions.registry.held[f"{REPOSITORY}@{versions.old[ARM64].digest}"]
    assert versions.estimate() is None
    versions.registry.refusing = True
    assert versions.estimate() is None


def test_nobody_waits_long_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = Versions()
    ever = threading.Event()
    monkeypatch.setattr(versions.registry, "manifest", lambda _: ever.wait(20))
    assert versions.estimate(seconds=0.01) is None
    ever.set()


def test_a_bake_tells_it_of_what_it_has_built_in_the_place_of_another() -> None:
    world = BakeWorld()
    first = world.bake()
    assert [target.next_pull for target in first.targets] == [None, None]
    unchanged = world.bake()
    assert [target.next_pull for target in unchanged.targets] == [None, None]

    again = world.bake(force=True)
    deps, app = again.targets
    assert deps.next_pull is None
    assert app.next_pull
    pull = app.next_pull[AMD64]
    assert pull.download_bytes <= pull.total_bytes
    last_put = len(world.registry.requests) - world.registry.requests[::-1].index(f"PUT {APP}")
    after = world.registry.requests[last_put:]
    assert not after, "it is the same image, whose manifest was read back before"
