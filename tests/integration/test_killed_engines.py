"""The engine, killed in the midst of a build or a push, and brought back, or not."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from tests.integration.faults import Action, Fault
from tests.integration.pair_watch import Watch, watching
from tests.integration.pairs import CODE, DEPS_BYTES, Pair
from tests.integration.proxy import faulty_registry
from tests.integration.sandbox import Sandbox
from tests.support.marks import rarely

BOTH = ("dockerd", "containerd")
_STEPS = (
    "FROM {base} AS base\nFROM base AS dependencies\nCOPY requirements.txt /requirements.txt\n"
    f"RUN head -c {DEPS_BYTES} /dev/urandom > /packages && echo step one\n"
    "RUN echo step two && sleep SECONDS && cp /requirements.txt /installed && echo step done\n"
    "FROM dependencies AS final\n"
)
ONE, TWO, DONE = "| step one", "| step two", "| step done"


@dataclass
class Killer:
    """Kills daemons of an engine, once, and brings the engine back after so many seconds, or not.

    Call it from a thread that may wait until they are dead.
    """

    sandbox: Sandbox
    engine: str
    daemons: tuple[str, ...]
    back_after: float | None
    kills: int = 0
    _timer: threading.Timer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> None:
        with self._lock:
            if self.kills:
                return
            self.kills += 1
            self.sandbox.kill(self.engine, *self.daemons)
        if self.back_after is not None:
            self._timer = threading.Timer(self.back_after, self.sandbox.up, [self.engine])
            self._timer.start()

    def settle(self) -> None:
        """Have the engine be up."""
        if self._timer:
            self._timer.join()
        self.sandbox.up(self.engine)


@dataclass(frozen=True)
class Ended:
    """A bake that is over."""

    code: int
    stderr: str
    seconds: float


def _bake(
    pair: Pair,
    *words: str,
    at: str = "",
    act: Callable[[], None] | None = None,
    timeout: float = 240,
) -> Ended:
    """Run a bake; do something when it says something for the first time."""
    began = time.monotonic()
    said: list[str] = []
    with subprocess.Popen(
        ["whalebuild", "bake", "--progress", "plain", *words],
        cwd=pair.folder,
        env={**pair.sandbox.env(pair.engine), "WHALEBUILD_IMAGE": pair.image},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(timeout, process.kill)
        watchdog.start()
        assert process.stderr
        for line in process.stderr:
            said.append(line)
            if act and at in line:
                act()
                act = None
        code = process.wait()
        watchdog.cancel()
    return Ended(code, "".join(said), time.monotonic() - began)


@pytest.fixture(scope="module")
def mortal(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("mortal") as engine:
        yield engine


@contextmanager
def _words(sandbox: Sandbox, driver: str, engine: str) -> Iterator[tuple[str, ...]]:
    nodes = {engine: ""} if driver == "remote" else {}
    with sandbox.remote_builder("dying", nodes, client=engine) as builder:
        yield ("--builder", builder) if nodes else ()


def _project(pair: Pair, engine: str, text: str, seconds: float) -> Pair:
    pair.write(_STEPS.replace("SECONDS", str(seconds)) + CODE)
    pair.change_requirements(text)
    pair.change_code(text)
    return replace(pair, engine=engine)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("driver", "daemons", "back_after"),
    [
        ("docker", BOTH, 3),
        rarely("docker", ("dockerd",), 3),
        rarely("remote", BOTH, 3),
        # The step runs on without it, to its end, and what it made is found later.
        rarely("docker", ("containerd",), 12),
    ],
)
def test_killed_during_a_step(
    sandbox: Sandbox,
    pair: Pair,
    mortal: str,
    driver: str,
    daemons: tuple[str, ...],
    back_after: float,
) -> None:
    killer = Killer(sandbox, mortal, daemons, back_after)
    with _words(sandbox, driver, mortal) as words:
        here = _project(pair, mortal, "one", 0)
        assert _bake(here, *words).code == 0
        _project(pair, mortal, "two", 6)
        with watching(here) as watch:
            done = _bake(here, *words, at=TWO, act=killer)
            killer.settle()
    _show(f"{driver}, {daemons} killed during a step", done, watch)
    assert done.code == 0, done.stderr
    assert "the engine went away" in done.stderr
    assert done.stderr.count(ONE) == 1, "a step that was done is not done again"
    assert done.stderr.count(TWO) == (1 if daemons == ("containerd",) else 2)
    assert here.prints() == "two"


@pytest.mark.extended
@pytest.mark.parametrize(
    ("driver", "daemons"),
    [rarely("docker", BOTH), rarely("docker", ("dockerd",)), ("remote", BOTH)],
)
def test_killed_during_a_push(
    sandbox: Sandbox, pair: Pair, mortal: str, driver: str, daemons: tuple[str, ...]
) -> None:
    killer = Killer(sandbox, mortal, daemons, 3)
    with _words(sandbox, driver, mortal) as words, faulty_registry(sandbox.registry) as proxy:
        there = replace(_project(pair, mortal, "one", 0), host=proxy.address)
        assert _bake(there, *words).code == 0
        _project(pair, mortal, "two", 0)
        proxy.faults.append(Fault("PUT", "/blobs/uploads/", Action(killer, after=DEPS_BYTES // 3)))
        with watching(there, sandbox.registry) as watch:
            done = _bake(there, *words)
            killer.settle()
        _show(f"{driver}, {daemons} killed during a push", done, watch)
        assert killer.kills == 1
        assert done.code == 0, done.stderr
        assert "the engine went away" in done.stderr
        assert done.stderr.count(ONE) == 1, "a push that is tried again builds nothing again"
        assert there.prints() == "two"


@pytest.mark.extended
@pytest.mark.parametrize("driver", ["docker", rarely("remote")])
def test_killed_for_good(sandbox: Sandbox, pair: Pair, mortal: str, driver: str) -> None:
    killer = Killer(sandbox, mortal, BOTH, None)
    with _words(sandbox, driver, mortal) as words:
        here = _project(pair, mortal, "one", 0)
        assert _bake(here, *words).code == 0
        _project(pair, mortal, "two", 60)
        with watching(here) as watch:
            done = _bake(here, *words, "--retry-attempts", "2", at=TWO, act=killer)
            down = _bake(here, *words)
            killer.settle()
    _show(f"{driver}, killed for good", done, watch)
    assert done.code == 3, done.stderr
    assert "error: the Docker engine went away" in done.stderr
    assert "journalctl" in done.stderr
    assert "retry 1/1" in done.stderr
    assert watch.tags_moved() == ([], [])
    _show(f"{driver}, down before the bake", down, watch)
    assert down.code == 3, down.stderr
    assert "retry" not in down.stderr, "nothing has been begun that is worth waiting for"
    said = {"docker": "error: the Docker engine", "remote": "does not answer"}
    assert said[driver] in down.stderr


def _show(what: str, ended: Ended, watch: Watch) -> None:
    deps, apps = watch.tags_moved()
    print(
        f"{what}: exit {ended.code}, {ended.seconds:.1f} s, {ended.stderr.count('retry ')} retries,"
        f" {watch.looks} looks: {len(deps)} of deps, {len(apps)} of latest\n{ended.stderr}"
    )
