"""Two machines that deploy to one engine: each sees the other's lock and record there.

A machine is a state folder: what is locked and kept in one is not seen from another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.deploys import Host, Web
from tests.integration.sandbox import Sandbox
from whalebuild.deployments.engine_lock import LEASE


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    """A production host's engine; tests have repositories of their own."""
    with sandbox.fresh_engine("shared-host") as engine:
        yield engine


@pytest.fixture
def laptop(host: Host, tmp_path: Path) -> Host:
    """Another machine with the same project, for the same engine."""
    return Host(
        *(host.sandbox, host.engine, host.folder, host.image, host.port),
        extra={"WHALEBUILD_STATE_DIR": str(tmp_path / "laptop-state")},
    )


def outcomes(host: Host) -> list[str]:
    return [each["outcome"] for each in host.result("history")["deployments"]]


def lives(host: Host) -> bool:
    """Whether a deploy has the engine's lock."""
    return bool(host.volumes("lock"))


@pytest.mark.extended
def test_two_machines_of_one_host(web: Web, host: Host, laptop: Host) -> None:
    first = web.publish("1")
    host.result("deploy")
    web.publish_broken("2", how="hangs")
    with host.started("deploy") as under_way:
        under_way.wait_for_text("its health check")
        refused = laptop.whalebuild("deploy", "--no-wait")
        assert refused.returncode == 8, refused.stderr
        assert "another deploy of" in refused.stderr
        assert "cause: `whalebuild deploy` of " in refused.stderr
        assert "@" in refused.stderr.split("cause:")[1].splitlines()[0]
        under_way.kill()
    back = host.whalebuild("rollback", "--no-wait")
    assert back.returncode == 0, back.stderr
    assert "took over from `whalebuild deploy` of " in back.stderr
    assert host.digests() == [first]
    assert not lives(host)
    assert outcomes(laptop) == outcomes(host) == ["done", "interrupted", "done"]


@pytest.mark.extended
def test_they_go_on_with_one_record(web: Web, host: Host, laptop: Host) -> None:
    first = web.publish("1")
    host.result("deploy")
    web.publish("2")
    with host.started("deploy") as under_way:
        under_way.wait_until(lambda: lives(host))
        under_way.kill()
    # The laptop cannot know yet that it is dead; its own machine does.
    assert laptop.whalebuild("rollback", "--no-wait").returncode == 8
    host.result("deploy", "--no-wait")
    web.publish("3")
    number = laptop.result("deploy", "--no-wait")["deployment"]
    assert number == len(outcomes(host))
    assert laptop.result("rollback", "1")["to"] == 1
    assert host.result("history") | {"file": ""} == laptop.result("history") | {"file": ""}
    assert host.digests() == [first]
    assert len(host.volumes("record")) == 1


@pytest.mark.extended
def test_one_waits_for_the_other(web: Web, host: Host, laptop: Host) -> None:
    web.publish("1", slow_start=3.0)
    with host.started("deploy") as quicker:
        quicker.wait_until(lambda: lives(host))
        with laptop.started("deploy") as slower:
            slower.wait_for_text("waiting for another deploy of ")
            assert slower.end() == 0, slower.stderr
        assert quicker.end() == 0, quicker.stderr
    assert outcomes(host) == ["done"]
    assert not lives(host)


@pytest.mark.extended
def test_begun_at_once(web: Web, host: Host, laptop: Host) -> None:
    for release in ("1", "2", "3"):
        digest = web.publish(release)
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda each: each.result("deploy")["done"], (host, laptop)))
        assert sorted(done) == ["deployed", "unchanged"]
        assert host.digests() == [digest]
    assert outcomes(host) == outcomes(laptop) == ["done"] * 3


@pytest.mark.extended
def test_a_dead_machine_is_taken_over_after_its_lease(web: Web, host: Host, laptop: Host) -> None:
    first = web.publish("1")
    host.result("deploy")
    web.publish_broken("2", how="hangs")
    with host.started("deploy") as under_way:
        under_way.wait_for_text("its health check")
        # It gives signs of life for longer than the lease.
        time.sleep(LEASE + 10)
        assert laptop.whalebuild("rollback", "--no-wait").returncode == 8
        assert under_way.popen.poll() is None
        under_way.kill_all()
    began = time.monotonic()
    back = laptop.whalebuild("rollback")
    assert back.returncode == 0, back.stderr
    assert LEASE - 25 < time.monotonic() - began < LEASE + 30
    assert "it has given no sign of life for too long" in back.stderr
    assert host.digests() == [first]


@pytest.mark.extended
def test_what_the_engine_lost_is_in_the_file(web: Web, host: Host, laptop: Host) -> None:
    first = web.publish("1")
    host.result("deploy")
    host.run("docker", "volume", "prune", "--force")
    assert len(host.volumes("record")) == 1, "it has a name"
    host.run("docker", "volume", "prune", "--force", "--all")
    web.publish("2")
    host.result("deploy")
    assert outcomes(laptop) == ["done", "done"]
    assert laptop.result("rollback")["to"] == 1
    assert host.digests() == [first]
