"""Kills, faults and other bakes while code is published on a stub: both tags stay whole."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import replace

import pytest

from tests.integration import fault_cells as cells
from tests.integration.app_base_projects import SHORT, way_of
from tests.integration.faults import Action, Fault, Reset, Status, Throttled
from tests.integration.pairs import AS_IT_IS, KIB, Pair
from tests.integration.processes import Process
from tests.integration.proxy import faulty_registry
from tests.integration.registry_content import small_files
from tests.support.marks import extended, rarely
from whalebuild.registry.upload import CHUNK

REFUSED, UNREACHABLE = 5, 6


@pytest.fixture
def plain(pair: Pair) -> Pair:
    """A published pair whose code is baked on a stub."""
    pair.write(AS_IT_IS)
    pair.bake()
    return pair


def _shows(pair: Pair) -> str:
    """What the published application has as its code."""
    pair.check_whole()
    shown = small_files(pair.sandbox.registry, pair.repository, "latest")["app.sh"]
    return shown.removeprefix("echo ").strip()


# SIGKILL


@pytest.mark.parametrize("rounds", [extended(6), rarely(50)])
def test_kills(plain: Pair, rounds: int) -> None:
    """At seeded instants that are spread over the whole bake."""
    seed = int(os.environ.get("WHALEBUILD_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}: repeat with WHALEBUILD_TEST_SEED={seed}")
    chance = random.Random(seed)
    plain.change_code("before")
    seconds = _seconds(plain)
    shares = [(number + chance.random()) / rounds for number in range(rounds)]
    chance.shuffle(shares)
    before, running, published = "before", 0, 0
    for number, share in enumerate(shares):
        instant = share * seconds
        after = f"round-{number}"
        plain.change_code(after)
        killed = _begin(plain)
        time.sleep(instant)
        running += killed.popen.poll() is None
        killed.kill()
        shown = _shows(plain)
        assert shown in {before, after}, f"seed {seed}, killed after {instant:.3f} s"
        published += shown == after
        # Sometimes the next one meets what this one has left.
        if number == rounds - 1 or chance.random() < 0.5:
            seconds = min(seconds, _seconds(plain))  # the machine may be busier or less so
            assert _shows(plain) == after
            assert way_of(plain.registry, plain.repository) == SHORT
            shown = after
        before = shown
    assert plain.tags() == ["deps", "latest"]
    assert plain.prints() == before
    print(f"{running} of {rounds} killed in bakes of {seconds:.1f} s; {published} had published")


def _seconds(pair: Pair) -> float:
    began = time.monotonic()
    pair.bake()
    return time.monotonic() - began


def _begin(pair: Pair, *words: str) -> Process:
    env = {**pair.sandbox.env(pair.engine), "WHALEBUILD_IMAGE": pair.image}
    return Process(("whalebuild", "bake", *pair.words, *words), pair.folder, env)


# Faults of the registry

_SMALL = {
    "begin": cells.Where("POST", "/blobs/uploads/"),
    "blob": cells.Where("PUT", "/blobs/uploads/"),
    "manifest": cells.Where("PUT", "/manifests/sha256:"),
    "tag": cells.Where("PUT", "/manifests/latest$"),
}
_PASSING = (
    *(cells.S500, cells.S503, cells.S429, cells.RATE_403, cells.RESET, cells.CLOSED),
    *(cells.MIDWAY, cells.LOST, cells.Trouble("throttled", Throttled(20_000))),
)
_REFUSING = (cells.DENIED, cells.LOGIN, cells.QUOTA, cells.TOO_LARGE)
_TIMES = 3
# For faults that a chunk of some MB is to meet.
_MIDWAY_A_CHUNK = cells.Trouble("reset amid a chunk", Reset(after=5_000_000))


@pytest.mark.extended
@pytest.mark.parametrize("place", _SMALL)
def test_faults_that_pass(plain: Pair, place: str) -> None:
    where = _SMALL[place]
    with faulty_registry(plain.registry) as proxy:
        here = replace(plain, host=proxy.address)
        for trouble in _PASSING:
            if where.method == "POST" and trouble is cells.MIDWAY:
                continue  # it sends nothing
            here.change_code(trouble.name)
            fault = Fault(where.method, where.path, trouble.effects, times=_TIMES)
            proxy.begin([fault])
            done = here.whalebuild("bake")
            assert done.returncode == 0, f"{trouble.name}\n{done.stderr}"
            assert fault.hits, trouble.name
            assert _shows(plain) == trouble.name
        proxy.begin()
    assert plain.tags() == ["deps", "latest"]


@pytest.mark.extended
def test_faults_amid_chunks_that_pass(plain: Pair) -> None:
    troubles = (cells.S503, cells.S429, cells.RESET, cells.CLOSED, cells.LOST, _MIDWAY_A_CHUNK)
    with faulty_registry(plain.registry) as proxy:
        here = replace(plain, host=proxy.address)
        for trouble in troubles:
            here.change_code(trouble.name)
            _large(here, 9_000_000)
            fault = Fault("PATCH", "/blobs/uploads/", trouble.effects, times=2)
            proxy.begin([fault])
            done = here.whalebuild("bake")
            assert done.returncode == 0, f"{trouble.name}\n{done.stderr}"
            assert fault.hits == 2
            assert _shows(plain) == trouble.name
        proxy.begin()


@pytest.mark.extended
@pytest.mark.parametrize("trouble", [*_REFUSING, cells.S503], ids=lambda each: each.name)
def test_faults_that_stay(plain: Pair, trouble: cells.Trouble) -> None:
    budget = ("--retry-attempts", "3", "--retry-deadline", "4")
    before = [plain.digest(tag) for tag in ("deps", "latest")]
    with faulty_registry(plain.registry) as proxy:
        here = replace(plain, host=proxy.address)
        here.change_code("two")
        for place, where in _SMALL.items():
            fault = Fault(where.method, where.path, trouble.effects)
            proxy.begin([fault])
            done = here.whalebuild("bake", *budget)
            wanted = UNREACHABLE if trouble.passes else REFUSED
            assert done.returncode == wanted, f"{place}\n{done.stderr}"
            assert "Traceback" not in done.stderr
            assert "next:" in done.stderr
            assert fault.hits
            assert [plain.digest(tag) for tag in ("deps", "latest")] == before, place
            assert _shows(plain) == "one"
        proxy.begin()
    plain.bake()
    assert _shows(plain) == "two"


# An upload that another run has begun


@pytest.mark.parametrize("how", ["killed", "given up"])
@pytest.mark.parametrize("megabytes", [extended(80), rarely(200)])
def test_an_upload_goes_on_in_the_next_bake(plain: Pair, megabytes: int, how: str) -> None:
    """What the registry has acknowledged is not sent again: chunks that arrived whole.

    Docker's registry 2.8 gives an upload up once a chunk was cut; others keep what they have.
    """
    size = megabytes * 1_000_000
    chunks = size // CHUNK
    _large(plain, size)
    with faulty_registry(plain.registry) as proxy:
        here = replace(plain, host=proxy.address)
        bakes: list[Process] = []

        def kill() -> None:
            bakes[0].kill()

        # Nothing of the chunk in question reaches the registry.
        effects = [Action(kill), Reset()] if how == "killed" else Status(503)
        proxy.begin([Fault("PATCH", "/blobs/uploads/", effects, skip=chunks)])
        bakes.append(_begin(here, "--retry-attempts", "2"))
        ended = bakes[0].end()
        assert ended == (-signal.SIGKILL if how == "killed" else UNREACHABLE), bakes[0].stderr
        acknowledged = sum(e.up for e in proxy.exchanges if e.method == "PATCH" and e.carried_out)
        assert acknowledged == chunks * CHUNK
        assert _shows(plain) == "one"
        proxy.begin()
        here.bake()
        sent = sum(up for path, up in proxy.uploads if "/blobs/uploads/" in path)
    print(f"{how}: {acknowledged} of {size} bytes acknowledged, {sent} sent by the next bake")
    assert sent < size - acknowledged + 300 * KIB
    plain.check_whole()


def _large(pair: Pair, size: int) -> None:
    (pair.folder / "data").write_bytes(random.Random(size).randbytes(size))
