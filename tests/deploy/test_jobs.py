"""Jobs: before anything is stopped, never on the way back, and to their end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.deploy import DeployWorld, KilledError, Life
from tests.support.errors import outcome
from tests.support.project import model, service
from whalebuild.compose.containers import Container
from whalebuild.deployments.history import interrupted_services
from whalebuild.deployments.record import Outcome
from whalebuild.errors import DeployError, InterruptedRunError
from whalebuild.failures.command_failed import CommandFailedError

ENDS = "service_completed_successfully"
DB = service("db", "registry.test/acme/db:latest")
MIGRATE = service("migrate", is_job=True, depends_on={"db": "service_healthy"})
WEB = service("web", depends_on={"migrate": ENDS, "db": "service_started"})
DONE: dict[str, object] = {"status": "exited", "exit_code": 0}
FAILED: dict[str, object] = {"status": "exited", "exit_code": 5}


def world(folder: Path, *services: Any) -> DeployWorld:
    made = DeployWorld(folder, services or (DB, MIGRATE, WEB))
    for each in made.services:
        made.publish("1", each.name, DONE if each.is_job else None)
    return made


def at_one(folder: Path) -> DeployWorld:
    made = world(folder)
    made.deploy()
    made.project.asked.clear()
    made.console.notes.clear()
    return made


def publish(of: DeployWorld, looks: dict[str, object]) -> None:
    of.publish("2", "migrate", looks)
    of.publish("2", "web")


def job(of: DeployWorld) -> Container:
    [found] = [each for each in of.project.running if each.service == "migrate"]
    return found


def ups(of: DeployWorld) -> list[object]:
    return [given[1] for given in of.asked("up")]


def test_a_first_deploy_starts_what_the_job_needs(tmp_path: Path) -> None:
    shop = world(tmp_path)
    shop.deploy()
    assert ups(shop) == [("db",), ("migrate",), ("db", "web")]
    assert [o.outcome for o in shop.history.deployments] == [Outcome.DONE]


def test_a_job_runs_while_the_version_before_runs(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    [before] = shop.runs()
    publish(shop, DONE)
    seen: list[list[str]] = []
    up = shop.project.up

    def looks(services: Any, **given: Any) -> None:
        up(services, **given)
        seen.append(shop.runs())

    shop.project.up = looks  # type: ignore[method-assign]
    shop.deploy()
    assert ups(shop) == [("migrate",), ("db", "web")]
    assert seen[0] == [before] != seen[1]


def test_a_job_that_is_done_is_not_run_again(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    shop.publish("2", "web")
    shop.deploy()
    shop.deploy()
    assert ups(shop) == [("db", "web")]


def test_a_job_whose_container_somebody_removed_is_run(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    shop.project.running = [c for c in shop.project.running if c.service != "migrate"]
    shop.deploy()
    assert ups(shop) == [("migrate",), ("db", "web")]


def test_a_job_that_a_named_service_waits_for_comes_with_it(tmp_path: Path) -> None:
    shop = world(tmp_path)
    shop.deploy("web")
    assert ups(shop) == [("db",), ("migrate",), ("db", "web")]
    publish(shop, DONE)
    shop.deploy("web")
    assert ups(shop)[3:] == [("migrate",), ("web",)], "new code does not run without it"
    shop.deploy("web")
    assert ups(shop)[5:] == [], "all of it is there, and the job has ended well"


def test_a_job_that_fails_stops_nothing(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    before = [c for c in shop.project.running if c.service != "migrate"]
    publish(shop, FAILED)
    shop.project.said["c4"] = "relation exists\n"
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert failed.what == (
        "the deploy failed: migrate: the job ended with exit code 5; its container is still there; "
        f"web {before[-1].image[:19]} was not stopped, and runs"
    )
    assert failed.log == "migrate's last lines:\nrelation exists"
    assert [c for c in shop.project.running if c.service != "migrate"] == before
    assert (job(shop).exit_code, ups(shop)) == (5, [("migrate",)])
    assert shop.project.names["registry.test/acme/web:latest"] == before[-1].image
    assert shop.history.deployments[-1].outcome is Outcome.ROLLED_BACK
    shop.publish("3", "migrate", DONE)
    shop.deploy()
    assert job(shop).exit_code == 0


def test_a_first_deploy_whose_job_fails(tmp_path: Path) -> None:
    """What it needs runs by then."""
    shop = world(tmp_path)
    shop.publish("1", "migrate", FAILED)
    failed = outcome(shop.deploy)
    [db] = [c.image for c in shop.project.running if c.service == "db"]
    assert (
        f"; db {db[:19]} runs, and it is up (it has no health check); nothing of web runs"
        in failed.what
    )


def test_a_job_that_hangs_ends_at_the_deadline(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    [before] = shop.runs()
    publish(shop, {})
    began = shop.clock.now
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert "migrate: the job has not ended after 30.0 s, and was stopped" in failed.what
    assert 30 <= shop.clock.now - began < 31
    assert (job(shop).status, shop.runs()) == ("exited", [before])
    waits = [each for each in shop.console.shown if "end of job migrate" in each]
    assert len(waits) > 30, "it is shown all the while"


def test_the_way_back_runs_no_job(tmp_path: Path) -> None:
    """The version before cannot run against what the new job has made of the database."""
    shop = at_one(tmp_path)
    [before] = shop.runs()
    publish(shop, DONE)
    shop.project.looks[str(shop.publish("2", "web").digest)] = {"health": "unhealthy"}
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert f"rolled back: web {before[:19]} runs again" in failed.what
    assert ups(shop) == [("migrate",), ("db", "web"), ("web",)]


def test_a_rollback_runs_no_job(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    [before] = shop.runs()
    publish(shop, DONE)
    shop.deploy()
    ran = job(shop)
    shop.project.asked.clear()
    done = shop.rollback()
    assert (shop.runs(), job(shop), ups(shop)) == ([before], ran, [("db", "web")])
    assert "migrate is left as it is: what a job has done is not undone by an old one" in (
        done.plan.notes
    )


def interrupt(shop: DeployWorld, when: Callable[[str], bool]) -> None:
    """Have a signal come when the console shows something."""

    def progress(what: str, how_far: str, done: int | None = None) -> None:
        shop.console.shown.append(f"{what}: {how_far}")
        if when(what):
            shop.console.progress = type(shop.console).progress.__get__(shop.console)  # type: ignore[method-assign]
            raise InterruptedRunError("interrupted by SIGINT")

    shop.console.progress = progress  # type: ignore[method-assign]


def test_an_interrupt_stops_the_job_and_nothing_else(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    [before] = shop.runs()
    publish(shop, {})
    interrupt(shop, lambda what: "end of job" in what)
    failed = outcome(shop.deploy)
    assert isinstance(failed, InterruptedRunError)
    assert failed.what == f"interrupted by SIGINT; web {before[:19]} was not stopped, and runs"
    assert failed.cause == f"now web {before[:19]} runs, and it is up (it has no health check)"
    assert "the job migrate was stopped, see `docker compose logs migrate`" in str(failed.next_step)
    assert (job(shop).status, shop.runs()) == ("exited", [before])
    assert shop.history.deployments[-1].outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize("policy", ["no", "always"])
def test_a_job_that_the_engine_starts_again(tmp_path: Path, policy: str) -> None:
    shop = at_one(tmp_path)
    looks = {"status": "restarting", "exit_code": 1, "restart_policy": policy, "restarts": 2}
    publish(shop, looks)
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert "migrate: the job ended with exit code 1" in failed.what


def test_a_job_that_may_try_again_is_waited_for(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    looks = {"status": "restarting", "exit_code": 1, "restart_policy": "on-failure"}
    publish(shop, looks)

    def sleep(seconds: float) -> None:
        shop.clock.now += seconds
        running = shop.project.running
        mended = [
            replace(c, status="exited", exit_code=0) if c.status == "restarting" else c
            for c in running
        ]
        shop.project.running = mended

    shop.clock.sleep = sleep  # type: ignore[method-assign]
    shop.deploy()
    assert job(shop).has_done_its_work


def test_what_a_job_needs_must_be_healthy(tmp_path: Path) -> None:
    shop = world(tmp_path)
    shop.publish("1", "db", {"health": "unhealthy"})
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert "db: it is unhealthy" in failed.what
    assert ups(shop) == [("db",)]


def test_a_job_that_compose_cannot_start(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    publish(shop, DONE)
    shop.project.fails["up"] = [CommandFailedError("ERROR: exec: no such file")]
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert "was not stopped, and runs" in failed.what


def test_jobs_in_their_order(tmp_path: Path) -> None:
    seed = service("seed", is_job=True, depends_on={"migrate": ENDS})
    web = service("web", depends_on={"seed": ENDS})
    shop = world(tmp_path, web, seed, MIGRATE, DB)
    shop.deploy()
    assert ups(shop) == [("db",), ("migrate",), ("seed",), ("web", "db")]


def test_a_project_of_jobs_alone(tmp_path: Path) -> None:
    shop = world(tmp_path, service("migrate", is_job=True))
    shop.project.made = model(*shop.services)
    shop.deploy()
    assert ups(shop) == [("migrate",)]


def test_a_rollback_ends_the_doubt_about_a_job_that_was_killed(tmp_path: Path) -> None:
    """It runs no job; but what runs is as it is meant to be, and nothing is unsure any more."""
    shop = at_one(tmp_path)
    publish(shop, DONE)
    shop.life.ends = lambda: any(given[1] == ("db", "web") for given in shop.asked("up"))
    with pytest.raises(KilledError):
        shop.deploy()
    shop.life = Life()
    shop.project.step, shop.record.life = shop.life.step, shop.life
    assert "migrate" in interrupted_services(shop.history)
    shop.rollback()
    assert not interrupted_services(shop.history)


def test_a_job_that_docker_starts_again_is_said_to_have_ended(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    again = {"status": "restarting", "restarts": 7, "exit_code": 3, "restart_policy": "on-failure"}
    publish(shop, again)
    failed = outcome(shop.deploy)
    assert (
        "migrate: the job ended 7 times, the last time with exit code 3, within 30.0 s, and was "
        "stopped" in failed.what
    )


def test_a_job_that_compose_was_starting_at_the_deadline_is_stopped(tmp_path: Path) -> None:
    shop = at_one(tmp_path)
    publish(shop, {})
    up = shop.project.up

    def slow(*given: Any, **more: Any) -> None:
        up(*given, **more)
        shop.clock.sleep(60)
        more["watch"]()

    shop.project.up = slow  # type: ignore[method-assign]
    failed = outcome(shop.deploy)
    assert "docker compose has not ended after 30.0 s" in failed.what
    assert job(shop).status == "exited"
