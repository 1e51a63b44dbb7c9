"""Deploys that are killed, stopped, or met by another one: what runs, and what works next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deploys import PATIENT, Host, Web
from tests.integration.faults import Closed, Effect, Fault, Status, Throttled
from tests.integration.pairs import KIB
from tests.integration.processes import PATIENCE, Process
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended, rarely
from wbsandbox.polling import Poller


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("host") as engine:
        yield engine


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[Proxy]:
    """Between the host and the registry; what is published goes past it."""
    with faulty_registry(sandbox.registry) as proxy:
        yield proxy


@pytest.fixture
def host(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web, proxy: Proxy) -> Iterator[Host]:
    image = f"{proxy.address}/{web.pair.repository}"
    host = Host(sandbox, engine, tmp_path / "host", image)
    yield host
    host.down()


def history(host: Host) -> dict[str, Any]:
    found = host.result("history")
    assert found["damaged_lines"] == []
    return found


def outcomes(host: Host) -> list[str]:
    return [each["outcome"] for each in history(host)["deployments"]]


def in_the_pull(host: Host, proxy: Proxy, process: Process) -> None:
    process.wait_until(lambda: sum(e.down for e in list(proxy.exchanges)) > 50 * KIB)


def when_compose_begins(host: Host, _proxy: Proxy, process: Process) -> None:
    """The record has its line, and nothing was stopped yet, or just now."""
    [record] = host.state.glob("deployments/*/*.jsonl")
    process.wait_until(lambda: len(record.read_text().splitlines()) == 3)


def when_the_old_one_is_gone(host: Host, _proxy: Proxy, process: Process) -> None:
    [old] = host.containers()
    process.wait_until(
        lambda: old.id not in [c.id for c in host.containers() if c.status == "running"]
    )


def in_the_health_wait(_host: Host, _proxy: Proxy, process: Process) -> None:
    process.wait_for_text("its health check")


MOMENTS: dict[str, Callable[[Host, Proxy, Process], None]] = {
    "pull": in_the_pull,
    "begin": when_compose_begins,
    "up": when_the_old_one_is_gone,
    "health": in_the_health_wait,
}


@pytest.mark.parametrize(
    ("moment", "verb"),
    [
        rarely("pull", "deploy"),
        rarely("pull", "rollback"),
        rarely("begin", "deploy"),
        rarely("begin", "rollback"),
        extended("up", "rollback"),
        rarely("up", "deploy"),
        rarely("health", "deploy"),
        extended("health", "rollback"),
    ],
)
def test_killed(web: Web, host: Host, proxy: Proxy, moment: str, verb: str) -> None:
    """SIGKILL to whalebuild alone: docker compose, which it had started, goes on."""
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    web.change_dependencies("two")
    second = web.publish("2", slow_start=1.0)
    if moment == "pull":
        proxy.begin([Fault("GET", "/blobs/", Throttled(300_000))])
    with host.started("deploy") as process:
        MOMENTS[moment](host, proxy, process)
        process.kill()
    proxy.begin()
    switched = moment != "pull"
    assert outcomes(host) == (["done", "interrupted"] if switched else ["done"])
    if moment == "pull":
        assert host.digests() == [first]
    if verb == "rollback" and not switched:
        web.publish("3")
        host.whalebuild("deploy", check=True)
    done = host.whalebuild(verb)
    assert done.returncode == 0, done.stderr
    wanted = first if verb == "rollback" else second
    assert host.digests() == [wanted] == [host.tag()]
    assert outcomes(host)[-1] == "done"
    # Nothing goes on behind its back.
    assert [c.status for c in host.containers()] == ["running"]
    [before] = host.containers()
    host.compose("up", "--detach")
    assert host.containers()[0].id == before.id


@pytest.mark.soak
def test_killed_while_a_new_version_is_on_trial(web: Web, host: Host) -> None:
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    web.publish_broken("2", how="hangs")
    with host.started("deploy", "--order", "start-first") as process:
        process.wait_for_text("-trial-")
        process.kill()
    assert len(host.containers()) == 2
    assert first in host.digests()
    third = web.publish("3")
    host.whalebuild("deploy", "--order", "start-first", check=True)
    assert host.digests() == [third]
    assert len(host.containers()) == 1


@pytest.mark.extended
def test_ctrl_c(web: Web, host: Host) -> None:
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    web.publish_broken("2", how="hangs")
    with host.started("deploy") as process:
        process.wait_for_text("its health check")
        process.interrupt()
        assert process.end() == 130
    assert f"web {first[:19]} runs again" in process.stderr
    assert outcomes(host) == ["done", "rolled back"]
    assert host.digests() == [first]


@pytest.mark.extended
def test_two_at_once(web: Web, host: Host) -> None:
    """One waits, the other refuses, as each was told."""
    web.publish("1")
    host.whalebuild("deploy", check=True)
    second = web.publish("2", slow_start=PATIENCE)
    with host.started("deploy") as one:
        one.wait_for_text("its health check")
        with host.started("deploy") as two:
            refused = host.whalebuild("deploy", "--no-wait")
            two.wait_for_text("waiting for another deploy")
            assert refused.returncode == 8
            assert "another deploy of" in refused.stderr
            assert f"pid {one.popen.pid}" in refused.stderr
            [new] = host.containers()
            host.run("docker", "kill", "--signal", "USR1", new.id)
            assert one.end() == 0
            assert two.end() == 0
    assert "nothing to deploy" in two.stdout
    assert host.digests() == [second]
    assert outcomes(host) == ["done", "done"]


TROUBLES = (("/blobs/", Status(503)), ("/blobs/", Closed()), ("/", Closed()))


@pytest.mark.extended
@pytest.mark.parametrize(
    ("order", "troubles"),
    [
        ("stop-first", TROUBLES[:1]),
        extended("stop-first", TROUBLES[1:]),
        rarely("start-first", TROUBLES),
    ],
    ids=["one", "more", "start-first"],
)
def test_a_registry_that_fails(
    web: Web, host: Host, proxy: Proxy, order: str, troubles: tuple[tuple[str, Effect], ...]
) -> None:
    """Some trouble is waited out; with more of it, what ran goes on."""
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    web.change_dependencies("two")
    second = web.publish("2")
    with Poller(host.url, PATIENT) as poller:
        for path, effect in troubles:
            proxy.begin([Fault("GET|HEAD", path, effect)])
            down = host.whalebuild("deploy", "--retry-deadline", "1", "--order", order)
            assert down.returncode == 6, down.stderr
            assert "retry 1/19" in down.stderr
            assert "error: the registry could not be reached" in down.stderr
    assert poller.failures == []
    assert host.digests() == [first] == [host.tag()]
    assert outcomes(host) == ["done"]

    proxy.begin([Fault("GET", "/blobs/", Status(503), times=3)])
    host.whalebuild("deploy", "--format", "json", "--order", order, check=True)
    assert host.digests() == [second]


@pytest.mark.extended
def test_a_slow_pull_says_how_much_is_left(web: Web, host: Host, proxy: Proxy) -> None:
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    proxy.begin([Fault("GET", "/blobs/", Throttled(1_000_000))])
    web.change_dependencies("two")
    second = web.publish("2")
    done = host.whalebuild("deploy", check=True)
    assert "MB left" in done.stderr
    assert host.digests() == [second] != [first]
