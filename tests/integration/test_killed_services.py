"""The registry and the engine, killed at exact moments of a bake and brought back, or not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.integration.faults import Action, AnswerLost, Fault
from tests.integration.pair_watch import watching
from tests.integration.pairs import DEPS_BYTES, RAN, Pair
from tests.integration.proxy import faulty_registry
from tests.integration.registries import OwnRegistry, own_registry
from tests.integration.sandbox import SHARED_ENGINE, Sandbox
from tests.support.marks import rarely
from wbsandbox.relay import Body

# In an image's manifest, and not in a cache's.
IMAGE = rb"oci\.image\.config"


@dataclass(frozen=True)
class Afterwards(AnswerLost):
    """The registry does it; something happens, and the client has no answer."""

    do: Callable[[], object]

    def answering(self, body: Body, length: int | None) -> Body:
        self.do()
        return super().answering(body, length)


@dataclass
class Killer:
    """Kills a registry, once, and brings it back after a while; after 0 s, when it is settled."""

    registry: OwnRegistry
    seconds: float
    kills: int = 0
    _timer: threading.Timer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> None:
        with self._lock:
            if self.kills:
                return
            self.kills += 1
            self.registry.kill()
        if self.seconds:
            self._timer = threading.Timer(self.seconds, self.registry.start)
            self._timer.start()

    def settle(self) -> None:
        """Have the registry be up."""
        if self._timer:
            self._timer.join()
        else:
            self.registry.restart()


Act = Callable[[], object]
MOMENTS: dict[str, Callable[[Act], Fault]] = {
    "upload": lambda act: Fault("POST", "/blobs/uploads/", Action(act)),
    # Of one that is large enough.
    "blob": lambda act: Fault("PUT", "/blobs/uploads/", Action(act, after=DEPS_BYTES // 3)),
    "manifest": lambda act: Fault("PUT", "/manifests/", Action(act), sends=IMAGE),
    "deps": lambda act: Fault("PUT", "/manifests/deps$", Action(act)),
    "deps, unanswered": lambda act: Fault("PUT", "/manifests/deps$", Afterwards(act), times=1),
    "latest": lambda act: Fault("PUT", "/manifests/latest$", Action(act)),
    "latest, unanswered": lambda act: Fault("PUT", "/manifests/latest$", Afterwards(act), times=1),
}


@pytest.fixture
def own(sandbox: Sandbox, tmp_path: Path) -> Iterator[OwnRegistry]:
    with own_registry(sandbox.env(), tmp_path) as registry:
        yield registry


@contextmanager
def _words(sandbox: Sandbox, driver: str, name: str) -> Iterator[tuple[str, ...]]:
    """The builder's part of the command."""
    nodes = {SHARED_ENGINE: ""} if driver == "remote" else {}
    with sandbox.remote_builder(name, nodes) as builder:
        yield ("--builder", builder) if nodes else ()


@pytest.mark.extended
@pytest.mark.parametrize(
    ("driver", "moment", "down"),
    [
        ("docker", "blob", 3),
        rarely("docker", "deps, unanswered", 3),
        rarely("docker", "latest", 12),
        rarely("remote", "upload", 3),
        # BuildKit's own tries last 7 s, and those of a cache no time at all.
        rarely("remote", "manifest", 12),
        rarely("remote", "deps", 3),
        rarely("remote", "latest", 3),
        rarely("remote", "latest, unanswered", 3),
    ],
)
def test_a_registry_that_is_killed_and_comes_back(
    sandbox: Sandbox, pair: Pair, own: OwnRegistry, driver: str, moment: str, down: float
) -> None:
    here = replace(pair, host=own.address)
    killer = Killer(own, down)
    with _words(sandbox, driver, "killed") as words, faulty_registry(own.address) as proxy:
        there = replace(pair, host=proxy.address)
        here.bake(*words)
        pair.change_requirements("two")
        pair.change_code("two")
        proxy.faults.append(MOMENTS[moment](killer))
        with watching(here) as watch:
            began = time.monotonic()
            done = there.whalebuild("bake", "--format", "json", *words)
            took = time.monotonic() - began
            killer.settle()
    retries = json.loads(done.stdout or "{}").get("retries", ())
    deps, apps = watch.tags_moved()
    print(
        f"{driver}, {moment}, down {down} s: exit {done.returncode}, {took:.1f} s, "
        f"{len(retries)} retries, {watch.looks} looks: {len(deps)} of deps, {len(apps)} of latest"
    )
    print(done.stderr)
    assert killer.kills == 1
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(RAN) == 1, "what was built is not built again"
    assert deps
    assert apps
    assert here.prints() == "two"


@pytest.mark.extended
@pytest.mark.parametrize(
    ("driver", "moment"),
    [
        rarely("docker", "blob"),
        rarely("remote", "manifest"),
        ("docker", "latest"),
        rarely("remote", "latest"),
    ],
)
def test_a_registry_that_is_killed_and_stays_down(
    sandbox: Sandbox, pair: Pair, own: OwnRegistry, driver: str, moment: str
) -> None:
    here = replace(pair, host=own.address)
    killer = Killer(own, 0)
    with _words(sandbox, driver, "killed-for-good") as words, faulty_registry(own.address) as proxy:
        there = replace(pair, host=proxy.address)
        here.bake(*words)
        pair.change_requirements("two")
        pair.change_code("two")
        proxy.faults.append(MOMENTS[moment](killer))
        budget = ("--retry-attempts", "3", "--retry-deadline", "8")
        with watching(here) as watch:
            began = time.monotonic()
            done = there.whalebuild("bake", *words, *budget)
            took = time.monotonic() - began
            killer.settle()
        deps, apps = watch.tags_moved()
        print(f"{driver}, {moment}: exit {done.returncode}, {took:.1f} s, {len(deps)}, {len(apps)}")
        print(done.stderr)
        assert killer.kills == 1
        assert done.returncode == 6, done.stderr
        assert "the registry could not be reached" in done.stderr
        assert "--retry-deadline" in done.stderr
        assert not apps, "the second tag waits for the first"
        assert bool(deps) == (moment == "latest")
        again = there.bake(*words)
    assert RAN not in again.stderr, "what was built comes from the engine's cache"
    assert here.prints() == "two"
