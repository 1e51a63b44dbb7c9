"""The harness of deployments itself, with plain docker compose as what it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.deploys import DEPS_BYTES, Host, Web
from tests.integration.faults import Fault, Throttled
from tests.integration.pairs import KIB
from tests.integration.proxy import faulty_registry
from tests.integration.sandbox import Sandbox, downloaded
from tests.integration.web_app import REASONS
from wbsandbox.polling import Poller


@pytest.fixture
def host(sandbox: Sandbox, tmp_path: Path, web: Web) -> Iterator[Host]:
    with sandbox.fresh_engine("host") as engine:
        host = Host(sandbox, engine, tmp_path / "host", web.image)
        yield host
        host.down()


def up(host: Host, *words: str) -> None:
    host.compose("pull", "--quiet")
    host.compose("up", "--detach", "--wait", *words)


@pytest.mark.soak
def test_a_plain_switch_and_its_gap(sandbox: Sandbox, web: Web, host: Host) -> None:
    first = web.publish("1")
    up(host)
    assert host.digests() == [first] == [host.tag()]
    second = web.publish("2")
    assert second != first
    with sandbox.requests() as requests:
        host.compose("pull", "--quiet")
    assert 0 < downloaded(requests) < 32 * KIB
    with Poller(host.url) as quiet:
        quiet.wait_for("1")
    assert (quiet.releases, quiet.failures) == (["1"], [])
    with Poller(host.url) as poller:
        poller.wait_for("1")
        host.compose("up", "--detach", "--wait")
        poller.wait_for("2")
    assert poller.releases == ["1", "2"]
    assert poller.failures
    assert quiet.gap < poller.gap
    assert host.digests() == [second]


@pytest.mark.soak
def test_versions_that_fail(sandbox: Sandbox, web: Web, host: Host) -> None:
    unhealthy = web.publish_broken("1", how="unhealthy")
    host.compose("up", "--detach")
    [seen] = host.wait_for(lambda found: found[0].health == "unhealthy")
    assert (seen.image, seen.status, seen.service) == (unhealthy, "running", "web")
    shown = host.run("docker", "inspect", "--format", "{{json .State.Health.Log}}", seen.name)
    assert REASONS["unhealthy"] in shown.stdout

    web.publish_broken("2", how="exits")
    host.compose("pull", "--quiet")
    host.compose("up", "--detach")
    host.wait_for(lambda found: found[0].status in {"restarting", "exited"})
    assert REASONS["exits"] in host.compose("logs", "web").stdout

    hangs = web.publish_broken("3", how="hangs")
    host.compose("pull", "--quiet")
    host.compose("up", "--detach")
    [seen] = host.wait_for(lambda found: found[0].status == "running")
    with Poller(host.url) as poller:
        poller.wait_until(lambda: len(poller.failures) > 10)
    assert poller.releases == []
    [seen] = host.containers()
    assert (seen.image, seen.health) == (hangs, "starting")


@pytest.mark.soak
def test_a_pull_that_lasts_and_is_killed(sandbox: Sandbox, web: Web, host: Host) -> None:
    """Faults are the host's alone: what is published goes past the proxy."""
    with faulty_registry(sandbox.registry) as proxy:
        host.image = f"{proxy.address}/{web.pair.repository}"
        first = web.publish("1")
        up(host)
        assert host.digests() == [first]
        web.change_dependencies("two")
        second = web.publish("2")
        proxy.begin([Fault("GET", "/blobs/", Throttled(200_000))])
        with host.started("docker", "compose", "pull") as pull:
            pull.wait_until(lambda: any(e.down > 10 * KIB for e in list(proxy.exchanges)))
            pull.kill_all()
        assert sum(e.down for e in list(proxy.exchanges)) < DEPS_BYTES / 2
        assert host.digests() == [first] == [host.tag()]
        proxy.begin()
        up(host)
        assert host.digests() == [second]


@pytest.mark.soak
def test_commands_at_once(sandbox: Sandbox, web: Web, host: Host) -> None:
    web.publish("1")
    with host.started("docker", "events") as one, host.started("docker", "compose", "pull") as two:
        assert two.end() == 0
        assert published.digest(sandbox.registry, web.pair.repository, "latest") == host.tag()
        assert "web Pulled" in " ".join(two.stderr.split())
        one.interrupt()
        one.end()
        assert f"image pull {host.image}:latest" in one.stdout
