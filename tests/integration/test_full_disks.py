"""A disk that is full, the builder's or the registry's: what is said, what becomes of the tags."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.integration.faults import Action, Fault
from tests.integration.pair_watch import watching
from tests.integration.pairs import CODE, RAN, Pair
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.registries import OwnRegistry, own_registry, small_disk
from tests.integration.sandbox import SHARED_ENGINE, Sandbox
from tests.support.marks import extended, rarely
from wbsandbox.relay import Body

MEGA = 1 << 20
FREE = "docker buildx prune"
CACHE = "dev.whalebuild.cache"

# The builder's


@pytest.fixture
def narrow(sandbox: Sandbox) -> Iterator[str]:
    """An engine that has some 250 MB beside the tiny base."""
    with sandbox.fresh_engine("narrow", "--disk", "300M") as engine:
        yield engine


_BASE = "FROM {base} AS base\n"
_DEPS = "FROM base AS dependencies\nCOPY requirements.txt /requirements.txt\n"
_APP = f"FROM dependencies AS final\n{CODE}"
_LARGE = "RUN head -c {}M /dev/urandom > /large\n"
_FITS = _BASE + _DEPS + _APP


@dataclass(frozen=True)
class Filling:
    """A Dockerfile that fills the disk, and what comes of it."""

    dockerfile: str
    code: int
    says: str
    reason: str


FILLINGS = {
    "a step": Filling(
        _BASE + _DEPS + _LARGE.format(400) + _APP, 4, "error: the build failed", "No space left"
    ),
    "the context": Filling(
        f"{_BASE}{_DEPS}COPY big /big\n{_APP}",
        3,
        "error: the builder's disk is full",
        "no space left on device",
    ),
    # The layer fits once, and not a second time as an archive.
    "the export": Filling(
        _BASE + _DEPS + _LARGE.format(170) + _APP,
        3,
        "error: the builder's disk is full",
        "no space left on device",
    ),
}


@pytest.mark.extended
@pytest.mark.parametrize("what", ["the context", *map(extended, ("a step", "the export"))])
def test_a_builder_without_space(sandbox: Sandbox, pair: Pair, narrow: str, what: str) -> None:
    here, filling = replace(pair, engine=narrow), FILLINGS[what]
    pair.write(_FITS)
    here.bake()
    if what == "the context":
        (pair.folder / "big").write_bytes(os.urandom(MEGA) * 180)
    pair.write(filling.dockerfile)
    with watching(here) as watch:
        done = here.whalebuild("bake")
    print(done.stderr)
    assert done.returncode == filling.code
    assert filling.says in done.stderr
    assert filling.reason in done.stderr
    assert FREE in done.stderr
    assert "retry" not in done.stderr, "it would end the same way"
    assert watch.tags_moved() == ([], [])
    # It may find no space itself for what it notes; what failed is not kept in any case.
    sandbox.run(*FREE.split(), "-af", cwd=pair.folder, engine=narrow)
    pair.write(_FITS)
    pair.change_requirements("less")
    _bake_once_freed(here)


def _bake_once_freed(pair: Pair) -> None:
    """Bake as soon as it works: BuildKit frees what failed builds wrote a moment later."""
    until = time.monotonic() + 60
    while (done := pair.whalebuild("bake")).returncode:
        assert time.monotonic() < until, done.stderr
        time.sleep(0.5)


@pytest.mark.extended
def test_a_builder_without_space_for_the_cache(pair: Pair, narrow: str) -> None:
    """The stage that installs is in no image: only the cache has to have it as an archive."""
    here = replace(pair, engine=narrow)
    pair.write(_FITS)
    here.bake()
    installer = f"FROM base AS installer\n{_LARGE.format(170)}RUN echo done > /installed\n"
    pair.write(f"{_BASE}{installer}{_DEPS}COPY --from=installer /installed /\n{_APP}")
    pair.change_code("two")
    with watching(here):
        done = here.whalebuild("bake")
    assert "retry" not in done.stderr
    if done.returncode:
        # The disk may still be too full for the bake without the cache.
        assert done.returncode == 3
        assert "error: the builder's disk is full" in done.stderr
        here.check_whole()
        return
    assert here.prints() == "two"
    # BuildKit says an error, or leaves the layer out without a word, and is content.
    children = here.manifest("deps")["manifests"]
    marks = {child["digest"]: child.get("annotations", {}) for child in children}
    caches = [digest for digest, mark in marks.items() if mark.get(CACHE) == "deps"]
    sizes = [layer["size"] for cache in caches for layer in here.manifest(cache)["layers"]]
    print(f"layers in the cache: {sizes}\n{done.stderr}")
    assert sizes or "warning: the cache could not be exported" in done.stderr
    assert max(sizes, default=0) < 100 * MEGA, "the disk was large enough"


# The registry's


@dataclass
class Disk:
    """The registry's disk, to be filled up and freed."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes, the first time that it is called."""
        if not self._filler.exists():
            disk = os.statvfs(self.folder)
            with suppress(OSError):  # it is full
                self._filler.write_bytes(bytes(disk.f_bavail * disk.f_bsize - leave))

    def free(self) -> None:
        """Take the filler away."""
        self._filler.unlink(missing_ok=True)


@dataclass
class Full:
    """A registry on a small disk, and the proxy before it."""

    disk: Disk
    own: OwnRegistry
    proxy: Proxy


@pytest.fixture
def full(sandbox: Sandbox, tmp_path: Path) -> Iterator[Full]:
    disk = Disk(tmp_path / "disk")
    with (
        small_disk(disk.folder, 24 * MEGA),
        own_registry(sandbox.env(), tmp_path, storage=disk.folder / "storage") as own,
        faulty_registry(own.address) as proxy,
    ):
        yield Full(disk, own, proxy)


Act = Callable[..., object]
# When the disk is full from: the fault for an act.
MOMENTS: dict[str, Callable[[Act], Fault]] = {
    # There is some space at first; the layer does not fit.
    "blob": lambda act: Fault("POST", "/blobs/uploads/", Action(lambda: act(MEGA))),
    "manifest": lambda act: Fault("PUT", "/manifests/sha256:", Action(act)),
    "deps": lambda act: Fault("PUT", "/manifests/deps$", Action(act)),
    "latest": lambda act: Fault("PUT", "/manifests/latest$", Action(act)),
}


@pytest.mark.parametrize(
    ("driver", "moment"),
    [
        extended("docker", "blob"),
        rarely("docker", "latest"),
        rarely("remote", "manifest"),
        rarely("remote", "deps"),
    ],
)
def test_a_registry_without_space(
    sandbox: Sandbox, pair: Pair, full: Full, driver: str, moment: str
) -> None:
    nodes = {SHARED_ENGINE: ""} if driver == "remote" else {}
    here = replace(pair, host=full.proxy.address)
    with sandbox.remote_builder("to-full", nodes) as builder:
        words = ("--builder", builder) if nodes else ()
        here.bake(*words)
        pair.change_requirements("two")
        pair.change_code("two")
        full.proxy.faults.append(MOMENTS[moment](full.disk.fill))
        with watching(here, full.own.address) as watch:
            began = time.monotonic()
            done = here.whalebuild("bake", *words)
            took = time.monotonic() - began
        deps, apps = watch.tags_moved()
        tries = done.stderr.count("whalebuild: retry")
        print(f"{driver}, {moment}: exit {done.returncode}, {took:.1f} s, {tries} retries")
        print(f"{watch.looks} looks: {len(deps)} of deps, {len(apps)} of latest\n{done.stderr}")
        assert done.returncode == 5
        assert "error: the registry's disk is full" in done.stderr
        assert "collect garbage" in done.stderr
        # A layer that does not fit leaves the registry some space, until it is sent again.
        assert tries <= (2 if moment == "blob" else 1), "the registry is asked before each"
        assert bool(deps) == (moment == "latest")
        assert not apps
        full.proxy.faults.clear()
        full.disk.free()
        if moment == "manifest":
            # docker-registry 2.8 has kept an empty file for this digest: it answers 500 from then
            # on, and thinks that it has it when it is sent again. Only another image helps.
            pair.change_requirements("three")
        again = here.bake(*words)
    assert (RAN in again.stderr) == (moment == "manifest"), "the rest comes from the engine's cache"
    assert here.prints() == "two"


@dataclass(frozen=True)
class FullMeanwhile(Action):
    """Something is done first, and something else when there is an answer."""

    undo: Callable[[], object] = lambda: None

    def answering(self, body: Body, length: int | None) -> Body:
        self.undo()
        return body


@pytest.mark.extended
def test_a_registry_without_space_for_a_cache(sandbox: Sandbox, pair: Pair, full: Full) -> None:
    here = replace(pair, host=full.proxy.address)
    here.bake()
    pair.change_requirements("two")
    pair.change_code("two")
    effect = FullMeanwhile(full.disk.fill, undo=full.disk.free)
    full.proxy.faults.append(Fault("PUT", "/manifests/", effect, sends=rb"buildkit\.cacheconfig"))
    with watching(here, full.own.address):
        done = here.whalebuild("bake", "--retry-attempts", "2")
    print(done.stderr)
    assert done.returncode == 0
    assert "warning: the cache could not be exported" in done.stderr
    assert here.prints() == "two"
