"""Deploys of ``order: start-first``, as a proxy in the project's network sees them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import name_proxy
from tests.integration.deploys import PATIENT, Host, Running, Web
from tests.integration.sandbox import Sandbox
from tests.integration.web_app import REASONS
from tests.support.marks import rarely
from wbsandbox.polling import Poller

COMPOSE = """\
services:
  proxy:
    image: ${PYTHON}
    command: ["python", "-I", "-S", "/name_proxy.py"]
    init: true
    stop_grace_period: 1s
    volumes: ["./name_proxy.py:/name_proxy.py:ro"]
    ports: ["127.0.0.1:${PORT}:8000"]
    networks: [default, back]
  web:
    image: ${IMAGE}:latest
    restart: unless-stopped
    networks: {default: {}, back: {aliases: [orders]}}
    deploy: {replicas: 1, update_config: {order: start-first}}
networks: {back: {}}
"""


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("host") as engine:
        yield engine


@pytest.fixture
def host(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web) -> Iterator[Host]:
    extra = {"PYTHON": sandbox.python_image}
    host = Host(sandbox, engine, tmp_path / "host", web.image, extra=extra)
    shutil.copy(name_proxy.__file__, host.folder / "name_proxy.py")
    host.write(COMPOSE)
    yield host
    host.down()


def webs(host: Host) -> list[Running]:
    return [each for each in host.containers() if each.service == "web"]


def names(host: Host, container: Running) -> dict[str, list[str]]:
    """By network, what docker's DNS finds a container by, beside what it always does."""
    words = ("docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", container.id)
    found = json.loads(host.run(*words).stdout)
    project = host.env["COMPOSE_PROJECT_NAME"]
    return {
        network.removeprefix(f"{project}_"): sorted(
            {*(endpoint["Aliases"] or [])} - {container.name, container.id[:12]}
        )
        for network, endpoint in found.items()
    }


NAMES = {"back": ["orders", "web"], "default": ["web"]}


def is_as_compose_would_have_it(host: Host, *digests: str) -> bool:
    """These run, are found by all their names, and `docker compose up` finds nothing to do."""
    before = host.containers()
    assert [c.image for c in webs(host)] == [*digests]
    assert [names(host, c) for c in webs(host)] == [NAMES] * len(digests)
    host.compose("up", "--detach")
    return host.containers() == before


def start(web: Web, host: Host) -> str:
    """Version 1 runs, as compose starts it."""
    first = web.publish("1")
    host.compose("up", "--detach", "--wait", "--quiet-pull")
    return first


@pytest.mark.parametrize("replicas", [1, rarely(2)])
def test_no_request_is_lost(web: Web, host: Host, replicas: int) -> None:
    host.write(COMPOSE.replace("replicas: 1", f"replicas: {replicas}"))
    first = start(web, host)
    old = {each.id for each in webs(host)}
    [proxy] = [each for each in host.containers() if each.service == "proxy"]
    second = web.publish("2", slow_start=2)
    with Poller(host.url, PATIENT) as poller, Poller(f"{host.url}slow/1", PATIENT) as slow:
        poller.wait_for("1")
        slow.wait_for("1")
        host.whalebuild("deploy", check=True)
        poller.wait_for("2")
        slow.wait_for("2")
    assert poller.failures == slow.failures == []
    assert (poller.releases[0], poller.releases[-1], slow.releases[-1]) == ("1", "2", "2")
    assert old.isdisjoint(each.id for each in webs(host))
    assert proxy in host.containers()
    assert is_as_compose_would_have_it(host, *[second] * replicas)

    with Poller(host.url, PATIENT) as poller:
        host.whalebuild("rollback", check=True)
        poller.wait_for("1")
    assert poller.failures == []
    assert (poller.releases[0], poller.releases[-1]) == ("2", "1")
    assert is_as_compose_would_have_it(host, *[first] * replicas)


@pytest.mark.extended
@pytest.mark.parametrize("how", ["unhealthy", rarely("exits"), rarely("hangs")])
def test_one_that_does_not_work_is_asked_by_nobody(web: Web, host: Host, how: str) -> None:
    first = start(web, host)
    [before] = webs(host)
    web.publish_broken("2", how=how)
    words = ("--timeout", "3") if how == "hangs" else ()
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for("1")
        done = host.whalebuild("deploy", *words)
        poller.wait_for("1")
    assert done.returncode == 8, done.stderr
    assert REASONS[how] in done.stderr
    assert f"web {first[:19]} was not stopped, and runs" in done.stderr
    assert poller.failures == []
    assert poller.releases == ["1"]
    assert webs(host) == [before]
    assert is_as_compose_would_have_it(host, first)


def new_is_made(host: Host, found: list[Running]) -> bool:
    return len(found) == 2


def new_waits_for_health(host: Host, found: list[Running]) -> bool:
    return [c.status for c in found] == ["running"] * 2 and names(host, found[1]) != NAMES


def new_has_its_names(host: Host, found: list[Running]) -> bool:
    return len(found) == 2 and found[1].health == "healthy" and names(host, found[1]) == NAMES


def old_has_lost_its_names(host: Host, found: list[Running]) -> bool:
    return len(found) == 2 and names(host, found[0]) == {"back": [], "default": []}


@pytest.mark.extended
@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (old_has_lost_its_names, ("rollback", "--order", "stop-first")),
        rarely(old_has_lost_its_names, ("rollback",)),
        rarely(old_has_lost_its_names, ("deploy",)),
        rarely(new_waits_for_health, ("deploy", "--order", "stop-first")),
        rarely(new_waits_for_health, ("deploy",)),
        rarely(new_waits_for_health, ("rollback",)),
        rarely(new_is_made, ("deploy", "--order", "stop-first")),
        rarely(new_is_made, ("rollback",)),
        rarely(new_has_its_names, ("deploy",)),
        rarely(new_has_its_names, ("rollback", "--order", "stop-first")),
    ],
)
def test_killed(
    web: Web,
    host: Host,
    moment: Callable[[Host, list[Running]], bool],
    words: tuple[str, ...],
) -> None:
    """Whatever was left without its names, what runs afterwards has them."""
    first = start(web, host)
    second = web.publish("2", slow_start=1)
    with host.started("deploy") as process:
        process.wait_until(lambda: moment(host, webs(host)))
        process.kill()
    host.whalebuild(*words, check=True)
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for("1" if words[0] == "rollback" else "2")
    assert len(poller.releases) == 1
    assert is_as_compose_would_have_it(host, first if words[0] == "rollback" else second)
