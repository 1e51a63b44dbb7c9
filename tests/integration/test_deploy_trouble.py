"""Deploys whose host has a full disk, or whose engine is restarted amid them.

Whatever happens, the old version runs or the new one, the record says which, and the next deploy
puts it right.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deploys import DEPS_BYTES, PATIENT, Host, Web
from tests.integration.faults import Action, Fault, Throttled
from tests.integration.pairs import KIB
from tests.integration.processes import Process
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.sandbox import Sandbox, own_name
from tests.integration.test_killed_engines import BOTH, Killer
from tests.support.marks import rarely
from wbsandbox.engine import engine as sandbox_engine
from wbsandbox.polling import Poller

MEGA = 1 << 20
DONE, ENGINE = 0, 3


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[Proxy]:
    """Between the host and the registry; what is published goes past it."""
    with faulty_registry(sandbox.registry) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    # What the image takes, compressed and unpacked, and some more.
    with sandbox.fresh_engine("host", "--disk", "2G") as engine:
        yield engine


@pytest.fixture
def host(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web, proxy: Proxy) -> Iterator[Host]:
    image = f"{proxy.address}/{web.pair.repository}"
    host = Host(sandbox, engine, tmp_path / "host", image)
    yield host
    host.down()


def outcomes(host: Host) -> list[str]:
    found = host.result("history")
    assert found["damaged_lines"] == found["strays"] == []
    return [each["outcome"] for each in found["deployments"]]


def first_version(web: Web, host: Host) -> str:
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    return first


# The disk


@dataclass
class Filler:
    """What takes an engine's disk up, but for so many bytes."""

    engine: str
    leave: int = MEGA

    @property
    def _file(self) -> Path:
        return sandbox_engine(self.engine).files.disk / "filler"

    def fill(self) -> None:
        """Take it up; the second time, nothing happens."""
        if self._file.exists():
            return
        disk = os.statvfs(self._file.parent)  # the engine is root: what is reserved is its own
        with self._file.open("wb") as file, suppress(OSError):  # it is full
            os.posix_fallocate(file.fileno(), 0, disk.f_bfree * disk.f_bsize - self.leave)

    def free(self) -> None:
        """Take it away."""
        self._file.unlink(missing_ok=True)


@pytest.fixture
def filler(engine: str) -> Iterator[Filler]:
    filler = Filler(engine)
    yield filler
    filler.free()


def new_layer(web: Web) -> str:
    """The layer of the dependencies: the one that weighs something."""
    layers = web.pair.manifest(web.pair.images("latest")["amd64"])["layers"]
    [found] = [each["digest"] for each in layers if DEPS_BYTES <= each["size"] < 2 * DEPS_BYTES]
    return str(found)


@pytest.mark.extended
@pytest.mark.parametrize("moment", ["before", "in the pull"])
def test_a_full_disk(web: Web, host: Host, proxy: Proxy, filler: Filler, moment: str) -> None:
    first = first_version(web, host)
    [before] = host.containers()
    web.change_dependencies("two")
    second = web.publish("2")
    proxy.begin()
    if moment == "before":
        filler.fill()
    else:
        proxy.begin([Fault("GET", f"/blobs/{new_layer(web)}", Action(filler.fill))])
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for("1")
        done = host.whalebuild("deploy")
        poller.wait_for("1")
    print(done.stderr)
    asked = [path for method, path, _ in proxy.seen if method == "GET" and new_layer(web) in path]
    assert done.returncode == ENGINE, done.stderr
    assert "error:" in done.stderr
    assert "disk" in done.stderr
    assert "the builder's" not in done.stderr
    assert "retry" not in done.stderr, "it would end the same way"
    assert bool(asked) == (moment != "before"), "what does not fit is not begun"
    assert poller.failures == []
    assert host.containers() == [before]
    assert host.digests() == [first] == [host.tag()]
    assert outcomes(host) == ["done"]

    filler.free()
    proxy.begin()
    host.whalebuild("deploy", check=True)
    assert host.digests() == [second] == [host.tag()]
    assert outcomes(host) == ["done", "done"]


# The engine


def in_the_pull(_host: Host, proxy: Proxy, process: Process) -> None:
    process.wait_until(lambda: sum(e.down for e in list(proxy.exchanges)) > 50 * KIB)


def in_the_switch(host: Host, _proxy: Proxy, process: Process) -> None:
    """The record says that it has begun."""
    [record] = host.state.glob("deployments/*/*.jsonl")
    process.wait_until(lambda: len(record.read_text().splitlines()) == 3)


def in_the_wait(_host: Host, _proxy: Proxy, process: Process) -> None:
    process.wait_for_text("its health check")


Moment = Callable[[Host, Proxy, Process], None]


@pytest.mark.extended
@pytest.mark.parametrize(
    ("moment", "order"),
    [
        (in_the_switch, "stop-first"),
        (in_the_pull, "stop-first"),
        (in_the_wait, "stop-first"),
        rarely(in_the_switch, "start-first"),
        rarely(in_the_wait, "start-first"),
    ],
)
@pytest.mark.parametrize("verb", ["deploy", rarely("rollback")])
def test_the_engine_is_restarted(
    sandbox: Sandbox, web: Web, host: Host, proxy: Proxy, moment: Moment, order: str, verb: str
) -> None:
    first = first_version(web, host)
    web.change_dependencies("two")
    second = web.publish("2", slow_start=3.0)
    proxy.begin([Fault("GET", "/blobs/", Throttled(300_000))] if moment is in_the_pull else [])
    killer = Killer(sandbox, host.engine, BOTH, 2)
    with host.started("deploy", "--order", order) as process:
        moment(host, proxy, process)
        killer()
        code = process.end()
        killer.settle()
        said = process.stderr
    print(f"{moment.__name__}, {order}: exit {code}\n{said}")
    proxy.begin()
    assert code in {DONE, ENGINE}, said
    assert ("error:" in said) == (code != DONE)
    ended = host.result("history")["deployments"][1:]
    if code == DONE:
        assert [each["outcome"] for each in ended] == ["done"]
        assert host.digests() == [second]
    else:
        assert "engine" in said
        # It was not to be had, so that nobody has looked at what runs in the end.
        assert [each["outcome"] for each in ended] in ([], ["interrupted"], ["rolled back"])
    _settle(host, {first, second})

    done = host.whalebuild(verb)
    if verb == "rollback" and not ended:
        assert done.returncode == 2, "there is one version alone"
        return
    assert done.returncode == 0, done.stderr
    wanted = first if verb == "rollback" else second
    assert host.digests() == [wanted] == [host.tag()]
    assert set(outcomes(host)) <= {"done", "interrupted", "rolled back"}
    assert [c.status for c in host.containers()] == ["running"], "nothing is left"
    before = host.containers()
    host.compose("up", "--detach")
    assert host.containers() == before


def _settle(host: Host, versions: set[Any]) -> None:
    """Wait until the engine has started again what it is to run: one of these versions."""
    host.wait_for(lambda found: any(c.status == "running" and c.image in versions for c in found))


@pytest.mark.extended
def test_the_engine_is_gone(sandbox: Sandbox, web: Web, host: Host) -> None:
    """It does not come back while the deploy waits for it."""
    first = first_version(web, host)
    web.publish("2", slow_start=60.0)
    killer = Killer(sandbox, own_name("host"), BOTH, None)
    with host.started("deploy", "--timeout", "10") as process:
        process.wait_for_text("its health check")
        killer()
        code = process.end()
        said = process.stderr
    killer.settle()
    print(said)
    assert code == ENGINE, said
    assert "error:" in said
    done = host.whalebuild("rollback")
    assert done.returncode == 0, done.stderr
    assert host.digests() == [first] == [host.tag()]
