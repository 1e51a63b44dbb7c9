"""What was found running, started by other means: whether it was seen to work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deploy import DeployWorld
from tests.support.project import NOW, STARTED
from whalebuild.compose.containers import Container
from whalebuild.deployments.history import effective
from whalebuild.deployments.record import DeploymentKind, Outcome
from whalebuild.deployplan.found import unproven
from whalebuild.deployplan.plan import ServiceAction
from whalebuild.errors import DeployError

JUST_NOW = "2026-11-27T11:59:57+00:00"


@pytest.mark.parametrize(
    ("looks", "why"),
    [
        ({"health": "healthy", "started": JUST_NOW}, ""),
        ({"health": "healthy", "restarts": 3}, ""),
        ({"health": "unhealthy"}, "its health check says unhealthy"),
        ({"health": "starting"}, "its health check says starting"),
        ({}, ""),
        ({"started": JUST_NOW}, "it has only just been started"),
        ({"started": ""}, "it has only just been started"),
        ({"started": "2026-11-27T13:00:00Z"}, "it has only just been started"),
        ({"started": "yesterday"}, "it has only just been started"),
        ({"restarts": 1}, "it was restarted once"),
        ({"restarts": 7}, "it was restarted 7 times"),
        ({"status": "restarting"}, "it is restarting"),
        ({"status": "paused"}, "it is paused"),
        ({"status": "exited", "exit_code": 0}, ""),
    ],
)
def test_whether_it_is_seen_to_work(looks: dict[str, object], why: str) -> None:
    given = {"started": STARTED, **looks}
    container = Container("c1", "shop-web-1", "web", "sha256:1", **given)  # type: ignore[arg-type]
    assert unproven([container], NOW, 5.0) == why


def test_one_of_several_is_enough() -> None:
    good = Container("c1", "shop-web-1", "web", "sha256:1", health="healthy")
    bad = Container("c2", "shop-web-2", "web", "sha256:1", health="unhealthy")
    assert unproven([good, bad], NOW, 5.0) == "its health check says unhealthy"
    assert unproven([], NOW, 5.0) == ""


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    return DeployWorld(tmp_path)


def by_hand(world: DeployWorld, content: str, **looks: object) -> str:
    """Somebody runs another version with compose, which works or not."""
    made = world.publish(content, looks=looks)
    world.project.running = []
    world.project.run("web", made)
    return str(made.digest)


def test_what_was_found_and_works_can_be_gone_back_to(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    two = by_hand(world, "2", health="healthy")
    world.publish("3")
    world.deploy()
    world.rollback()
    assert world.runs() == [two]


def test_what_was_found_and_does_not_work_is_recorded_as_failed(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy()
    by_hand(world, "2", status="restarting", restarts=4)
    world.publish("3")
    world.deploy()
    found = world.history.deployments[1]
    assert (found.begun.act, found.outcome) == (DeploymentKind.FOUND, Outcome.FAILED)
    assert found.ended
    assert found.ended.reason == "web: it is restarting"
    world.rollback()
    assert world.runs() == [one.digest]


def test_what_runs_already_and_was_not_seen_to_work_has_to(world: DeployWorld) -> None:
    """Somebody has started what is published, and it does not work."""
    one = world.publish("1")
    world.deploy()
    by_hand(world, "2", health="unhealthy")
    plan = world.plan()
    [change] = plan.changes
    assert (change.action, change.before) == (ServiceAction.CONFIRM, one)
    with pytest.raises(DeployError):
        world.deploy()
    assert world.runs() == [one.digest]


def test_a_rollback_goes_to_what_is_meant_to_run_where_something_else_does(
    world: DeployWorld,
) -> None:
    world.publish("1")
    world.deploy()
    two = world.publish("2")
    world.deploy()
    by_hand(world, "3")
    done = world.rollback()
    assert (done.to, world.runs()) == (2, [two.digest])
    meant = effective(world.history)
    assert meant
    assert meant.number == 2


def test_where_nothing_runs_a_rollback_goes_further_back(world: DeployWorld) -> None:
    """What is meant to run may be what has just ended."""
    one = world.publish("1")
    world.deploy()
    world.publish("2")
    world.deploy()
    world.project.running = []
    assert (world.rollback().to, world.runs()) == (1, [one.digest])
