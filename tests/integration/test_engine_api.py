"""What a deploy asks of docker and of the engine: few commands, and events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.counting import Counted
from tests.integration.deploys import COMPOSE, Host, Web
from tests.integration.sandbox import Sandbox

#: The most docker commands of a deploy that changes something, and of one that does not.
CHANGES, NOTHING = 12, 3
#: One for questions, one for events; an engine on this machine needs neither.
WAY = "system dial-stdio"


def without_ways(commands: list[str]) -> list[str]:
    assert 1 <= commands.count(WAY) <= 2, commands
    return [each for each in commands if each != WAY]


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("host") as engine:
        yield engine


@pytest.fixture
def host(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web) -> Iterator[Host]:
    host = Host(sandbox, engine, tmp_path / "host", web.image)
    yield host
    host.down()


@pytest.mark.extended
def test_how_many_docker_commands_a_deploy_takes(web: Web, host: Host, tmp_path: Path) -> None:
    """Of six services one changes; the engine is reached through docker alone."""
    others = "".join(
        f"  other{n}:\n    image: ${{IMAGE}}:other\n    command: sleep infinity\n"
        "    healthcheck: {disable: true}\n"
        for n in range(5)
    )
    web.publish("other", tag="other")
    web.publish("1")
    host.write(COMPOSE + others)
    counted = Counted(host, tmp_path / "shim")
    assert counted.host.result("deploy", "--grace", "0.1")["done"] == "deployed"
    first = without_ways(counted.commands())
    assert len(first) <= CHANGES, first

    web.publish("2")
    done = counted.host.result("deploy", "--grace", "0.1")
    actions = {each["service"]: each["action"] for each in done["services"]}
    assert [name for name, action in actions.items() if action == "update"] == ["web"]
    changed = without_ways(counted.commands())
    assert len(changed) <= CHANGES, changed
    assert set(changed) == {"compose config", "compose pull", "compose up"}

    assert counted.host.result("deploy")["done"] == "unchanged"
    nothing = without_ways(counted.commands())
    assert len(nothing) <= NOTHING, nothing


@pytest.mark.extended
def test_the_exit_code_of_one_that_restarts(web: Web, host: Host) -> None:
    """The engine has 0 of a container that runs again."""
    web.publish("1")
    assert host.whalebuild("deploy").returncode == 0
    web.publish_broken("2", how="exits")
    done = host.whalebuild("deploy")
    assert done.returncode == 8, done.stderr
    assert "it keeps ending, the last time with exit code 1" in done.stderr
