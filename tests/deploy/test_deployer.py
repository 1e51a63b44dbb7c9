"""A deploy from its plan to its end in the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.deploy import ENDED, UNHEALTHY, DeployWorld, KilledError
from tests.support.errors import outcome
from tests.support.project import service
from tests.support.registry import BUSY, DENIED
from whalebuild.deploy.result import DeployAction
from whalebuild.deployments.history import interrupted_services, state_now
from whalebuild.deployments.record import DeploymentKind, Ended, Outcome
from whalebuild.deployplan.plan import ServiceAction
from whalebuild.errors import (
    DeployError,
    EngineError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.published.kept import kept_name

LOST = CommandFailedError("Cannot connect to the Docker daemon at unix:///var/run/docker.sock")


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    return DeployWorld(tmp_path, (service("web"), service("api")))


def outcomes(world: DeployWorld) -> list[tuple[DeploymentKind, Outcome]]:
    return [(each.begun.act, each.outcome) for each in world.history.deployments]


def test_a_first_deploy(world: DeployWorld) -> None:
    web, api = world.publish("1"), world.publish("1", "api")
    done = world.deploy()
    assert (done.done, done.number) == (DeployAction.DEPLOYED, 1)
    assert (world.runs("web"), world.runs("api")) == ([web.digest], [api.digest])
    [deployment] = world.history.deployments
    assert deployment.begun.services == {"web": web, "api": api}
    assert deployment.begun.before == {"web": None, "api": None}
    assert deployment.ended
    assert deployment.ended.running == {"web": web, "api": api}
    assert deployment.ended.downloaded == sum(diff.download for diff in done.plan.diffs)
    assert deployment.ended.seconds == world.clock.now - 100.0 > 0


def test_what_runs_already_is_left_alone(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy("web")
    before = list(world.project.running)
    again = world.deploy("web")
    assert (again.done, again.number) == (DeployAction.UNCHANGED, None)
    assert world.project.running == before
    assert outcomes(world) == [(DeploymentKind.DEPLOY, Outcome.DONE)]


def test_names_keep_both_versions_before_anything_is_switched(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy("web")
    two = world.publish("2")
    del world.project.names[str(kept_name(str(one.digest)))]
    world.project.asked.clear()
    world.deploy("web")
    verbs = [each[0] for each in world.asked("tag", "up")]
    names = [str(kept_name(str(each.digest))) for each in (one, two)]
    kept = [given[-1] for given in world.asked("tag")[:2]]
    assert (kept, verbs[:2]) == (names, ["tag", "tag"])
    assert verbs.index("up") > 2


def test_a_version_that_does_not_work_is_replaced_by_the_one_before(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy("web")
    two = world.publish("2", looks=UNHEALTHY)
    world.project.said["c2"] = "loading\nboom\n"
    failed = outcome(lambda: world.deploy("web"))
    assert isinstance(failed, DeployError)
    assert failed.what == (
        "the deploy failed: web: it is unhealthy; rolled back: web "
        f"{str(one.digest)[:19]} runs again"
    )
    assert failed.cause == "connection refused"
    assert failed.log == "web's last lines:\nloading\nboom"
    assert world.runs() == [one.digest]
    assert world.project.names["registry.test/acme/web:latest"] == one.digest
    deployment = world.history.deployments[-1]
    assert deployment.begun.services == {"web": two}
    assert deployment.ended
    assert (deployment.outcome, deployment.ended.running) == (Outcome.ROLLED_BACK, {"web": one})
    assert deployment.ended.reason == "web: it is unhealthy"


def test_without_a_way_back(world: DeployWorld) -> None:
    world.publish("1", looks=UNHEALTHY)
    failed = outcome(lambda: world.deploy("web"))
    assert "there is no version before it to go back to" in failed.what
    assert outcomes(world) == [(DeploymentKind.DEPLOY, Outcome.FAILED)]


def test_no_rollback(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy("web")
    two = world.publish("2", looks=UNHEALTHY)
    failed = outcome(lambda: world.deploy("web", go_back=False))
    assert "not rolled back (--no-rollback)" in failed.what
    assert failed.next_step == "whalebuild rollback goes back"
    assert world.runs() == [two.digest]
    ended = world.history.deployments[-1].ended
    assert ended
    assert (ended.outcome, ended.running) == (Outcome.FAILED, {"web": two})
    back = world.rollback()
    assert (back.done, back.to) == (DeployAction.ROLLED_BACK, 1)


def test_a_version_before_that_does_not_work_either(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy("web")
    world.publish("2", looks=ENDED)
    world.project.looks[str(one.digest)] = UNHEALTHY
    failed = outcome(lambda: world.deploy("web"))
    assert failed.what == (
        "the deploy failed: web: it ended with exit code 3; and the version before does not work "
        f"either: web: it is unhealthy (web {str(one.digest)[:19]} runs, but its health check "
        "fails)"
    )
    assert outcomes(world)[-1] == (DeploymentKind.DEPLOY, Outcome.FAILED)


def test_what_fails_though_no_version_has_changed(world: DeployWorld) -> None:
    """Its container is paused, say."""
    one = world.publish("1")
    world.deploy("web")
    world.project.running[-1] = replace(world.project.running[-1], status="paused")
    world.project.fails["up"] = [CommandFailedError("ERROR: no such network: front")]
    failed = outcome(lambda: world.deploy("web"))
    assert isinstance(failed, DeployError)
    assert "no version has changed, so that there is none to go back to" in failed.what
    assert failed.cause == "ERROR: no such network: front"
    assert world.runs() == [one.digest]
    assert len(world.history.deployments) == 1


@pytest.mark.parametrize(
    ("said", "error"), [(BUSY, UnreachableError), (DENIED, RefusedError)], ids=["down", "denied"]
)
def test_a_registry_that_fails_in_the_pull(world: DeployWorld, said: str, error: type) -> None:
    """Nothing is switched, and nothing gets into the record."""
    one = world.publish("1")
    world.deploy("web")
    world.publish("2")
    planner = world.planner()
    plan = planner.deploy(["web"], None)
    world.registry.down = said
    world.project.asked.clear()
    assert isinstance(outcome(lambda: world.deployer(planner).deploy(plan)), error)
    assert world.asked("up", "tag") == []
    assert world.runs() == [one.digest]
    assert len(world.history.deployments) == 1


def lost_after_up(world: DeployWorld, errors: list[Exception]) -> None:
    """Have the engine go away once compose has started what is new."""
    up = world.project.up

    def lost(*given: Any, **more: Any) -> None:
        up(*given, **more)
        world.project.fails["containers"] = errors
        world.project.up = up  # type: ignore[method-assign]

    world.project.up = lost  # type: ignore[method-assign]


def test_an_engine_that_is_lost_in_the_middle(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy("web")
    two = world.publish("2")
    lost_after_up(world, [LOST] * 1000)
    failed = outcome(lambda: world.deploy("web"))
    assert isinstance(failed, EngineError)
    assert failed.what == "the Docker engine is not running"
    assert outcomes(world)[-1] == (DeploymentKind.DEPLOY, Outcome.INTERRUPTED)
    assert (interrupted_services(world.history), world.runs()) == ({"web"}, [two.digest])
    assert state_now(world.history) == {"web": one}
    assert "waiting for the Docker engine" in world.console.shown[-1]


def test_an_engine_that_comes_back(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy("web")
    world.publish("2")
    lost_after_up(world, [LOST] * 3)
    failed = outcome(lambda: world.deploy("web"))
    assert isinstance(failed, EngineError)
    assert failed.what == (
        "the deploy failed: the Docker engine is not running; rolled back: web "
        f"{str(one.digest)[:19]} runs again"
    )
    assert (outcomes(world)[-1][1], world.runs()) == (Outcome.ROLLED_BACK, [one.digest])


def test_what_was_started_by_other_means_is_found(world: DeployWorld) -> None:
    one = world.publish("1")
    world.project.pull_tag("web")
    world.project.up(["web"], images={})
    two = world.publish("2")
    world.deploy("web")
    assert outcomes(world) == [
        (DeploymentKind.FOUND, Outcome.DONE),
        (DeploymentKind.DEPLOY, Outcome.DONE),
    ]
    found, made = world.history.deployments
    assert (found.begun.services, found.begun.before) == ({"web": one}, {"web": None})
    assert (made.begun.before, world.runs()) == ({"web": one}, [two.digest])
    world.rollback()
    assert world.runs() == [one.digest]


def test_what_is_found_after_a_failure_is_no_good_version(world: DeployWorld) -> None:
    world.publish("1", looks=UNHEALTHY)
    outcome(lambda: world.deploy("web"))
    world.publish("2")
    world.deploy("web")
    assert outcomes(world) == [
        (DeploymentKind.DEPLOY, Outcome.FAILED),
        (DeploymentKind.DEPLOY, Outcome.DONE),
    ]


def killed(world: DeployWorld, when: Callable[[], bool]) -> None:
    """Deploy, and be killed as soon as something is so."""
    life = world.life
    life.ends = when
    with pytest.raises(KilledError):
        world.deploy()
    life.left, life.ends = None, lambda: False


def test_a_version_that_a_killed_deploy_left_is_seen_to_work(world: DeployWorld) -> None:
    """The record says what runs then, for the services that the next deploy need not start."""
    world.publish("1")
    world.publish("1", "api")
    world.deploy()
    web, api = world.publish("2"), world.publish("2", "api")
    killed(world, lambda: world.runs("web") == [web.digest])
    assert world.runs("api") != [api.digest]
    done = world.deploy()
    assert {name: each.action for name, each in done.plan.services.items()} == {
        "web": ServiceAction.CONFIRM,
        "api": ServiceAction.UPDATE,
    }
    assert state_now(world.history) == {"web": web, "api": api}
    assert interrupted_services(world.history) == frozenset()


def test_a_broken_version_that_a_killed_deploy_left_is_not_taken_for_good(
    world: DeployWorld,
) -> None:
    one, api = world.publish("1"), world.publish("1", "api")
    world.deploy()
    two = world.publish("2", looks=UNHEALTHY)
    killed(world, lambda: world.runs("web") == [two.digest])
    failed = outcome(world.deploy)
    assert isinstance(failed, DeployError)
    assert f"rolled back: web {str(one.digest)[:19]} runs again" in failed.what
    assert state_now(world.history) == {"web": one, "api": api}
    assert world.runs() == [one.digest]


def test_a_broken_version_fails_again_when_it_is_deployed_again(world: DeployWorld) -> None:
    world.publish("1", looks=UNHEALTHY)
    for _ in range(2):
        assert isinstance(outcome(lambda: world.deploy("web")), DeployError)
    assert outcomes(world) == [(DeploymentKind.DEPLOY, Outcome.FAILED)] * 2


def test_a_broken_service_without_a_way_back_fails_again_beside_one_that_went_back(
    world: DeployWorld,
) -> None:
    """The deployment was rolled back; that is no word for what had nothing to go back to."""
    one = world.publish("1")
    world.deploy("web")
    world.publish("2")
    api = world.publish("1", "api", looks=UNHEALTHY)
    assert isinstance(outcome(world.deploy), DeployError)
    assert outcomes(world)[-1] == (DeploymentKind.DEPLOY, Outcome.ROLLED_BACK)
    assert (world.runs(), world.runs("api")) == ([one.digest], [api.digest])
    failed = outcome(lambda: world.deploy("api"))
    assert isinstance(failed, DeployError)
    assert "api: it is unhealthy; there is no version before it" in failed.what


def test_a_rollback_of_a_deploy_that_was_killed_before_it_switched(world: DeployWorld) -> None:
    """Its end in the record lets the next rollback go further back."""
    versions = []
    for content in "12":
        versions.append(world.publish(content))
        world.publish(content, "api")
        world.deploy()
    world.publish("3")
    killed(world, lambda: len(world.history.deployments) == 3)
    assert world.runs() == [versions[1].digest]
    assert world.rollback().done is DeployAction.ROLLED_BACK
    assert world.runs() == [versions[1].digest]
    assert interrupted_services(world.history) == frozenset()
    world.rollback()
    assert world.runs() == [versions[0].digest]


def test_a_rollback_needs_no_registry(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy("web")
    world.publish("2")
    world.deploy("web")
    world.registry.down = BUSY
    world.registry.requests.clear()
    done = world.rollback()
    assert (done.done, done.number, done.to) == (DeployAction.ROLLED_BACK, 3, 1)
    assert (world.runs(), world.registry.requests) == ([one.digest], [])


def test_a_rollback_that_fails_goes_forward_again(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy("web")
    two = world.publish("2")
    world.deploy("web")
    world.project.looks[str(one.digest)] = ENDED
    assert isinstance(outcome(world.rollback), DeployError)
    assert world.runs() == [two.digest]
    assert outcomes(world)[-1] == (DeploymentKind.ROLLBACK, Outcome.ROLLED_BACK)
    with pytest.raises(UsageError):
        world.rollback(3)


def test_warm_is_recorded(world: DeployWorld) -> None:
    one = world.publish("1")
    planner = world.planner()
    world.deployer(planner).warm(planner.deploy(["web"], None))
    assert [each.image for each in world.history.warmed] == [one]
    assert (world.history.deployments, world.runs()) == ((), [])
    assert str(kept_name(str(one.digest))) in world.project.names


def test_an_engine_that_is_lost_after_the_pull(world: DeployWorld) -> None:
    world.publish("1")
    planner = world.planner()
    plan = planner.deploy(["web"], None)
    world.project.fails["tag"] = [LOST]
    assert isinstance(outcome(lambda: world.deployer(planner).pull(plan)), EngineError)


@pytest.mark.parametrize("works", [True, False])
def test_an_end_that_cannot_be_recorded_hides_nothing_else(world: DeployWorld, works: bool) -> None:
    one = world.publish("1")
    world.deploy("web")
    two = world.publish("2", looks=None if works else UNHEALTHY)
    add = world.record.add

    def full(entry: object) -> None:
        if isinstance(entry, Ended):
            raise UsageError("cannot write the record of deployments", cause="no space left")
        add(entry)  # type: ignore[arg-type]

    world.record.add = full  # type: ignore[method-assign]
    failed = outcome(lambda: world.deploy("web"))
    said = "the end of deployment 2 could not be recorded: cannot write the record of deployments"
    assert any(each.startswith(said) for each in world.console.notes)
    if works:
        assert isinstance(failed, UsageError)
        assert failed.what.startswith(
            f"the deploy is done, and web {str(two.digest)[:19]} runs; but"
        )
    else:
        assert isinstance(failed, DeployError)
        assert "web: it is unhealthy; rolled back" in failed.what
        assert world.runs() == [one.digest]
