"""What docs/start-first.md says of docker's network, with plain docker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploys import Host, Running, Web
from tests.integration.inside import Inside
from tests.integration.sandbox import Sandbox

WITHOUT_PORTS = """\
services:
  web:
    image: ${IMAGE}:${TAG}
"""
# A packet that opens a connection, and finds nobody while a container rejoins, is sent again after
# a second. The old one has to be there then.
DRAINING = 2.0
SCALED = ("up", "--detach", "--no-deps", "--no-recreate", "--scale", "web=2")


@pytest.fixture
def host(sandbox: Sandbox, tmp_path: Path, repository: str, fresh: str) -> Iterator[Host]:
    """Runs release 1; release 2, which takes three seconds to listen, is pulled."""
    web = Web.at(sandbox, tmp_path / "web", repository)
    web.publish("1", tag="1")
    web.publish("2", tag="2", slow_start=3)
    host = Host(sandbox, fresh, tmp_path / "host", web.image, extra={"TAG": "2"})
    host.write(WITHOUT_PORTS)
    host.compose("pull", "--quiet")
    host.extra["TAG"] = "1"
    host.compose("pull", "--quiet")
    host.compose("up", "--detach", "--wait")
    host.run("docker", "pull", "--quiet", sandbox.python_image)
    host.extra["TAG"] = "2"
    yield host
    host.down()


def both_healthy(host: Host) -> tuple[Running, Running]:
    """The old one and the new one."""
    old, new = host.wait_for(lambda found: [c.health for c in found] == ["healthy"] * 2)
    return old, new


def rejoin(host: Host, container: Running, *aliases: str) -> None:
    """Have the project's network know a container by other names."""
    network = f"{host.env['COMPOSE_PROJECT_NAME']}_default"
    words = [word for name in aliases for word in ("--alias", name)]
    host.run("docker", "network", "disconnect", network, container.id)
    host.run("docker", "network", "connect", *words, network, container.id)


@pytest.mark.soak
def test_a_name_stands_for_containers_that_do_not_listen(host: Host) -> None:
    with Inside(host) as client:
        client.wait_for("1")
        host.compose(*SCALED, "web")
        both_healthy(host)
        client.wait_for("2")
    refused = [each for each in client.failures if "refused" in each.failure]
    # Half of three seconds would be 30.
    assert len(refused) > 10
    assert "1" in client.releases


@pytest.mark.soak
def test_a_name_that_is_given_once_it_is_healthy(host: Host) -> None:
    """No request fails, not even one that is under way while the old one is taken away."""
    with Inside(host) as client, Inside(host, "/slow/1") as slow:
        client.wait_for("1")
        host.compose(*SCALED, "--no-start", "web")
        old, new = host.containers()
        rejoin(host, new)
        host.run("docker", "start", new.id)
        old, new = both_healthy(host)
        assert set(client.releases) == {"1"}
        rejoin(host, new, "web", new.name)
        client.wait_for("2")
        rejoin(host, old)
        time.sleep(DRAINING)
        host.run("docker", "stop", old.id)
        host.run("docker", "rm", old.id)
        client.settle()
        slow.settle()
    assert client.failures == []
    assert slow.failures == []
    assert {*client.releases} == {*slow.releases} == {"1", "2"}
    host.compose("up", "--detach", "web")
    assert [each.id for each in host.containers()] == [new.id], "compose knows it as its own"
