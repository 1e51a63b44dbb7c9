"""Several bakes of one pair at the same time: whoever wins, each tag is one writer's, whole."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from tests.integration.pairs import AS_IT_IS, CODE, ON_DEPS, Pair
from tests.integration.sandbox import Sandbox
from tests.integration.watching import Watch, watching
from tests.support.marks import rarely

# What a round's writers change: all of them their dependencies, all only their code, or each one
# what chance has it.
ROUNDS = ("dependencies", "code", "mixed")
# Both lines come of the same image, so they tell whether it is of one writer.
_SHOW = ("sh", "-c", "sh /app.sh; cat /opt/venv/installed")


@dataclass
class Writer:
    """One of several who bake the same pair, with a project folder of its own."""

    pair: Pair
    code: str = "none yet"
    requirements: str = "none yet"

    def change(self, mark: str, requirements: str) -> None:
        """Have code of its own, and these dependencies."""
        self.code, self.requirements = mark, requirements
        self.pair.change_code(mark)
        self.pair.change_requirements(requirements)

    @property
    def shows(self) -> list[str]:
        """What its application shows."""
        return [self.code, self.pair.repository, self.requirements]

    def begin(self) -> subprocess.Popen[str]:
        """Begin a bake."""
        pair = self.pair
        return subprocess.Popen(
            ["whalebuild", "bake", "--format", "json", *pair.words],
            cwd=pair.folder,
            env={**pair.sandbox.env(pair.engine), "WHALEBUILD_IMAGE": pair.image},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _bake_at_once(writers: Sequence[Writer], where: str) -> list[dict[str, str]]:
    """Let all bake at the same time; the digests that each of them says it published, by role."""
    processes = [writer.begin() for writer in writers]
    ends = [process.communicate(timeout=300) for process in processes]
    for process, (_, stderr) in zip(processes, ends, strict=True):
        assert process.returncode == 0, f"{where}\n{stderr}"
    results = [json.loads(stdout)["targets"] for stdout, _ in ends]
    return [{t["role"]: t["digest"] for t in targets} for targets in results]


def _check(writers: Sequence[Writer], where: str) -> None:
    """Have both tags be whole, and each of them one writer's."""
    pair = writers[0].pair
    pair.check_whole()
    assert pair.tags() == ["deps", "latest"], where
    shown = pair.prints("latest", *_SHOW).splitlines()
    assert shown in [writer.shows for writer in writers], f"{where}: {shown}"
    installed = pair.prints("deps", "cat", "/opt/venv/installed").splitlines()
    owners = [writer for writer in writers if writer.shows[1:] == installed]
    assert owners, f"{where}: {installed}"
    # The lock is that writer's as well: it finds its own dependencies there.
    planned = {t["role"]: t for t in owners[0].pair.plan("--format", "json").values()}
    assert planned["deps"]["action"] == "reuse", f"{where}: {planned['deps']['reasons']}"


def _check_seen(watch: Watch, said: Sequence[dict[str, str]], where: str) -> None:
    """Have nothing been under a tag but what a bake says that it published there."""
    for tag, role in (("deps", "deps"), ("latest", "app")):
        later = watch.seen[tag][1:]
        assert set(later) <= {digests[role] for digests in said}, where


def _crowd(writers: Sequence[Writer], rounds: int) -> None:
    seed = int(os.environ.get("WHALEBUILD_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}: repeat with WHALEBUILD_TEST_SEED={seed}")
    chance = random.Random(seed)
    pair = writers[0].pair
    writers[0].change("before", "before")
    pair.bake()
    shared, times, watches = "before", [], []
    for number in range(rounds):
        kind = ROUNDS[number % len(ROUNDS)]
        where = f"seed {seed}, round {number} ({kind})"
        for place, writer in enumerate(writers):
            own = kind == "dependencies" or (kind == "mixed" and chance.random() < 0.5)
            mark = f"round-{number}-writer-{place}"
            writer.change(mark, mark if own else shared)
        began = time.monotonic()
        with watching(pair.sandbox.registry, pair.repository, "deps", "latest") as watch:
            said = _bake_at_once(writers, where)
        times.append(time.monotonic() - began)
        watches.append(watch)
        _check(writers, where)
        if pair.words:  # the docker driver's own push has a digest that is replaced soon after
            _check_seen(watch, said, where)
        shared = pair.prints("deps", "cat", "/opt/venv/installed").splitlines()[-1]
        print(f"{where}: {times[-1]:.1f} s", flush=True)
    seen = sum(len(digests) for watch in watches for digests in watch.seen.values())
    print(
        f"{len(writers)} writers, {rounds} rounds: median {statistics.median(times):.1f} s, "
        f"worst {max(times):.1f} s; {sum(w.looks for w in watches)} looks at both tags, "
        f"{seen} digests seen, all whole; {sum(w.unanswered for w in watches)} answers of 500"
    )


@pytest.fixture
def place(request: pytest.FixtureRequest, sandbox: Sandbox, pair: Pair) -> Iterator[list[Pair]]:
    """Where writers bake: one engine, two of them, or BuildKits that push by digest."""
    with ExitStack() as stack:
        if request.param == "one engine":
            yield [pair]
            return
        engines = [stack.enter_context(sandbox.fresh_engine(f"crowd-{n}")) for n in (1, 2)]
        if request.param == "two engines":
            yield [replace(pair, engine=engine) for engine in engines]
            return
        builders = [
            stack.enter_context(sandbox.remote_builder(f"by-{engine}", {engine: ""}))
            for engine in engines
        ]
        yield [replace(pair, words=("--builder", builder)) for builder in builders]


def _writers(place: Sequence[Pair], count: int, text: str = ON_DEPS + CODE) -> list[Writer]:
    writers = []
    for number in range(count):
        one = place[number % len(place)]
        folder = one.folder.parent / f"writer-{number}"
        folder.mkdir()
        writers.append(Writer(replace(one, folder=folder)))
        writers[-1].pair.write(text)
    return writers


EVERYWHERE = pytest.mark.parametrize(
    "place", ["one engine", "two engines", "two remote builders"], indirect=True, ids=lambda p: p
)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("place", "text", "rounds"),
    [
        ("one engine", ON_DEPS + CODE, 3),
        ("one engine", AS_IT_IS, 3),
        rarely("two remote builders", ON_DEPS + CODE, 3),
        rarely("two remote builders", AS_IT_IS, 20),
    ],
    indirect=["place"],
    ids=("docker", "docker-as-it-is", "remote", "remote-as-it-is"),
)
def test_two_bakes_at_once(place: list[Pair], text: str, rounds: int) -> None:
    _crowd(_writers(place, 2, text), rounds)


@pytest.mark.soak
@EVERYWHERE
@pytest.mark.parametrize("count", [2, 8])
def test_twenty_rounds(place: list[Pair], count: int) -> None:
    _crowd(_writers(place, count), 20)
