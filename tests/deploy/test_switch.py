"""Starting versions: which words go to compose, and what happens when it goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.deploy import ENDED, UNHEALTHY, DeployWorld
from tests.support.errors import outcome
from tests.support.project import model, service
from tests.support.record import version
from whalebuild.compose.health import CheckResult
from whalebuild.compose.model import Service, UpdateOrder
from whalebuild.deploy.course import Course
from whalebuild.deploy.health_wait import UnhealthyError
from whalebuild.deployments.record import Outcome
from whalebuild.deployplan.plan import DeployPlan
from whalebuild.errors import DeployError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.kept import kept_name

LATEST = "registry.test/acme/web:latest"
PORT = {"exclusive": "it publishes port 80"}


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    return DeployWorld(tmp_path)


def at_two(tmp_path: Path, *services: Service, **looks: object) -> tuple[DeployWorld, Reference]:
    """A world that runs version 1 of its services, with 2 published of web."""
    world = DeployWorld(tmp_path, services or (service("web"),))
    for each in world.services:
        world.publish("1", each.name)
    world.deploy()
    two = world.publish("2", looks=looks)
    world.project.asked.clear()
    return world, two


def pulled(world: DeployWorld, *names: str, order: UpdateOrder | None = None) -> DeployPlan:
    """A plan whose images are there."""
    planner = world.planner()
    plan = planner.deploy(names, order)
    world.deployer(planner).pull(plan)
    world.project.asked.clear()
    return plan


def trouble(world: DeployWorld, plan: DeployPlan) -> UnhealthyError:
    with pytest.raises(UnhealthyError) as failed:
        world.switcher().switch(plan, Course())
    return failed.value


def ups(world: DeployWorld) -> list[tuple[object, ...]]:
    return [tuple(given) for _, *given in world.asked("up")]


def test_the_host_s_tag_stands_for_the_version_and_compose_has_its_own_file(tmp_path: Path) -> None:
    world, two = at_two(tmp_path, service("web"), service("api"))
    plan = pulled(world)
    api = "registry.test/acme/api:latest"
    was = world.project.names[api]
    world.project.names[api] = str(two.digest)
    world.switcher().switch(plan, Course())
    tags = world.asked("tag")
    assert ("tag", str(kept_name(str(two.digest))), LATEST) in tags
    assert world.project.names[api] == was, "that of what stays is set as well"
    assert ups(world) == [(("web", "api"), {}, {})]
    assert world.project.names[LATEST] == two.digest


def test_a_tag_that_somebody_moved_is_put_back_for_what_stays(tmp_path: Path) -> None:
    world, _ = at_two(tmp_path, service("web"), service("api"))
    runs = world.runs("api")
    world.project.names["registry.test/acme/api:latest"] = str(version("other").digest)
    world.deploy()
    assert world.runs("api") == runs


@pytest.mark.parametrize(
    ("more", "given"),
    [
        ({"pull_policy": "always"}, LATEST),
        ({"pull_policy": "daily"}, LATEST),
        ({"pull_policy": "missing"}, None),
    ],
)
def test_compose_is_kept_from_pulling_in_between(
    tmp_path: Path, more: dict[str, Any], given: str | None
) -> None:
    world, two = at_two(tmp_path, service("web", **more))
    plan = pulled(world)
    world.publish("3")
    world.switcher().switch(plan, Course())
    assert ups(world) == [(("web",), {"web": given} if given else {}, {})]
    assert world.runs() == [two.digest]


def test_a_file_that_has_come_to_name_another_tag(tmp_path: Path) -> None:
    """To go back, compose gets the image in the file's place; no tag is made to lie."""
    world, _ = at_two(tmp_path)
    [one] = world.runs()
    world.project.made = model(service("web", "registry.test/acme/web:v2"))
    two = world.publish("2")
    world.deploy()
    assert world.runs() == [two.digest]
    world.project.asked.clear()
    world.rollback()
    assert ups(world) == [(("web",), {"web": LATEST}, {})]
    assert world.runs() == [one]
    assert world.project.names["registry.test/acme/web:v2"] == two.digest


def test_an_image_that_is_moved_meanwhile(tmp_path: Path) -> None:
    world, _ = at_two(tmp_path)
    plan = pulled(world)
    other = version("other")
    world.project.has(other)
    up = world.project.up

    def raced(services: Sequence[str], **given: Any) -> None:
        world.project.names[LATEST] = str(other.digest)
        up(services, **given)

    world.project.up = raced  # type: ignore[method-assign]
    failed = trouble(world, plan)
    assert failed.problem.reason == (f"it runs {other.digest}, another image than it was to run")
    assert failed.problem.output == f"somebody has moved {LATEST} on this host meanwhile"


def test_compose_that_fails_names_the_container(tmp_path: Path) -> None:
    """Not the service that is switched: the one that it depends on."""
    world, _ = at_two(tmp_path, service("web"), service("db"))
    plan = pulled(world)
    [db] = [each for each in world.project.running if each.service == "db"]
    world.project.said[db.id] = "no such table"
    said = f"dependency failed to start: container {db.name} is unhealthy"
    world.project.fails["up"] = [CommandFailedError(f"ERROR: {said}\n")]
    failed = trouble(world, plan)
    assert failed.problem.service == "db"
    assert failed.problem.reason == "docker compose failed"
    assert (failed.problem.output, failed.log) == (f"ERROR: {said}", "no such table")


def test_compose_that_fails_without_a_name(tmp_path: Path) -> None:
    world, _ = at_two(tmp_path, service("web"), service("db"))
    plan = pulled(world)
    world.project.fails["up"] = [CommandFailedError("ERROR: port is already allocated\n")]
    failed = trouble(world, plan)
    assert failed.problem.service == "web, db"
    assert failed.problem.reason == "docker compose could not start it"
    assert failed.problem.output == "ERROR: port is already allocated"


def test_a_container_that_was_only_created_has_nothing_to_say(tmp_path: Path) -> None:
    world, _ = at_two(tmp_path)
    plan = pulled(world)
    world.project.running = [replace(world.project.running[0], status="created")]
    world.project.fails["up"] = [CommandFailedError("ERROR: shop-web-1: port is allocated\n")]
    failed = trouble(world, plan)
    assert (failed.problem.container, failed.log) == ("", "")
    assert failed.problem.service == "web"


def test_a_service_of_which_nothing_came_up(world: DeployWorld) -> None:
    world.publish("1")
    plan = pulled(world)
    world.project.up = lambda *_, **__: None  # type: ignore[method-assign]
    assert trouble(world, plan).problem.reason == "it has no container"


def test_a_service_that_is_to_have_no_containers(tmp_path: Path) -> None:
    world = DeployWorld(tmp_path, (service("web", replicas=0),))
    world.publish("1")
    world.deploy()
    assert world.runs() == []


def test_a_plain_service_that_is_started_along_must_work(tmp_path: Path) -> None:
    world, _ = at_two(tmp_path, service("web"))
    db = service("db", "postgres:17", pull_policy="never")
    world.project.made = model(*world.services, db)
    image = str(version("db").digest)
    world.project.names["postgres:17"] = image
    world.project.looks[image] = ENDED
    failed = trouble(world, pulled(world))
    assert (failed.problem.service, failed.problem.reason) == ("db", "it ended with exit code 3")


def test_trials_of_a_run_that_was_killed_are_removed(tmp_path: Path) -> None:
    world, _ = at_two(tmp_path)
    plan = pulled(world)
    world.project.run("web", version("old"), oneoff=True, trial=True)
    world.project.run("web", version("old"), oneoff=True)
    world.switcher().switch(plan, Course())
    assert [(each.trial, each.oneoff) for each in world.project.running] == [
        (False, True),
        (False, False),
    ], "what the user runs besides is none of its business"


class TestStartFirst:
    def test_with_a_fixed_port_one_is_tried_out_before(self, tmp_path: Path) -> None:
        world, two = at_two(tmp_path, service("web", **PORT))
        world.deploy(order=UpdateOrder.START_FIRST)
        verbs = [each[0] for each in world.asked("start_trial", "remove", "up")]
        assert verbs == ["start_trial", "remove", "up"]
        assert world.asked("start_trial") == [
            ("start_trial", "web", str(kept_name(str(two.digest))))
        ]
        assert world.runs() == [two.digest]
        assert world.console.notes == ["web: trying the new version beside the old one"]

    def test_a_trial_that_fails_touches_nothing(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path, service("web", **PORT), **UNHEALTHY)
        before = list(world.project.running)
        names = world.project.names[LATEST]
        failed = outcome(lambda: world.deploy(order=UpdateOrder.START_FIRST))
        assert isinstance(failed, DeployError)
        assert f"web {before[0].image[:19]} was not stopped, and runs" in failed.what
        assert world.project.running == before
        assert (world.project.names[LATEST], ups(world)) == (names, [])

    def test_a_trial_that_cannot_be_started(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path, service("web", **PORT))
        plan = pulled(world, order=UpdateOrder.START_FIRST)
        said = 'exec: "serve": executable file not found in $PATH'
        world.project.fails["start_trial"] = [CommandFailedError(f"Error: {said}")]
        failed = trouble(world, plan)
        assert failed.problem.reason == "docker compose could not start it"
        assert failed.problem.output == f"Error: {said}"

    def test_without_one_both_run_until_the_new_one_works(self, tmp_path: Path) -> None:
        world, two = at_two(tmp_path, service("web", replicas=2))
        old = [each.id for each in world.project.running]
        seen: list[list[str]] = []
        world.console.progress = lambda *_: seen.append(world.runs())  # type: ignore[method-assign]
        world.deploy(order=UpdateOrder.START_FIRST)
        assert ups(world) == [(("web",), {}, {"web": 4}), (("web",), {}, {})]
        assert all(len(each) == 4 for each in seen if len(set(each)) == 2)
        assert any(len(each) == 4 for each in seen)
        assert ("remove", tuple(old)) in world.asked("remove")
        assert world.runs() == [two.digest] * 2

    def test_only_the_new_ones_are_removed_if_they_do_not_work(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path, service("web", replicas=2), **UNHEALTHY)
        before = list(world.project.running)
        failed = outcome(lambda: world.deploy(order=UpdateOrder.START_FIRST))
        assert isinstance(failed, DeployError)
        assert "was not stopped, and runs" in failed.what
        assert world.project.running == before
        assert world.project.names[LATEST] == before[0].image, "a plain `up` starts it again"
        assert len(ups(world)) == 1

    def test_if_compose_fails_beside_the_old_ones(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path)
        before = list(world.project.running)
        world.project.fails["up"] = [CommandFailedError("ERROR: no space left on device")]
        assert isinstance(outcome(lambda: world.deploy(order=UpdateOrder.START_FIRST)), DeployError)
        assert world.project.running == before
        assert world.project.names[LATEST] == before[0].image

    def test_what_compose_has_made_before_it_failed_is_removed(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path, service("web", replicas=2))
        before = list(world.project.running)
        up = world.project.up

        def half(*given: Any, **more: Any) -> None:
            up(*given, **more)
            world.project.running.pop()
            raise CommandFailedError("ERROR: no space left on device")

        world.project.up = half  # type: ignore[method-assign]
        assert isinstance(outcome(lambda: world.deploy(order=UpdateOrder.START_FIRST)), DeployError)
        assert world.project.running == before

    def test_nothing_is_switched_if_a_trial_of_another_service_fails(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path, service("api", **PORT), service("web"))
        world.publish("2", "api", ENDED)
        before = list(world.project.running)
        failed = outcome(lambda: world.deploy(order=UpdateOrder.START_FIRST))
        assert "api: it ended with exit code 3; " in failed.what
        assert " were not stopped, and run" in failed.what
        assert world.project.running == before

    def test_what_was_switched_before_goes_back(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path, service("web"), service("api"))
        world.publish("2", "api", ENDED)
        before = {name: world.runs(name) for name in ("web", "api")}
        failed = outcome(lambda: world.deploy(order=UpdateOrder.START_FIRST))
        assert "; rolled back: web " in failed.what
        assert {name: world.runs(name) for name in ("web", "api")} == before

    @pytest.mark.parametrize("more", [PORT, {}], ids=["trial", "scaled"])
    def test_one_that_shares_storage_is_not_tried(
        self, tmp_path: Path, more: dict[str, str]
    ) -> None:
        world, two = at_two(tmp_path, service("web", writes=("shop_run", "/srv/a"), **more))
        plan = world.plan(order=UpdateOrder.START_FIRST)
        [note] = plan.notes
        assert note == (
            "web: not start-first: both versions would write to shop_run, /srv/a at once (if they "
            "may, name it in the setting start-first-volumes)"
        )
        world.deploy(order=UpdateOrder.START_FIRST)
        assert (world.asked("start_trial"), world.runs()) == ([], [two.digest])
        assert ups(world) == [(("web",), {}, {})]

    def test_storage_that_two_may_write(self, tmp_path: Path) -> None:
        world, _ = at_two(tmp_path, service("web", writes=("shop_run", "/srv/a"), **PORT))
        world.shareable = ("shop_run", "/srv/a")
        world.deploy(order=UpdateOrder.START_FIRST)
        assert len(world.asked("start_trial")) == 1

    def test_what_a_trial_has_broken_is_said(self, tmp_path: Path) -> None:
        """The old version's own health check is run once more."""
        world, _ = at_two(tmp_path, service("web", **PORT), **UNHEALTHY)
        [old] = world.project.running
        world.project.running = [replace(old, health="healthy")]
        world.project.checks[old.id] = CheckResult(works=False, output="x\nno such file: app.sock")
        failed = outcome(lambda: world.deploy(order=UpdateOrder.START_FIRST))
        assert failed.what == (
            "the deploy failed: web: it is unhealthy; nothing was stopped, but what runs does not "
            f"all work: web {old.image[:19]} runs, but its health check fails: no such file: "
            "app.sock"
        )
        assert world.history.deployments[-1].outcome is Outcome.FAILED

    def test_a_first_start_has_nothing_to_stand_beside(self, world: DeployWorld) -> None:
        one = world.publish("1")
        world.deploy(order=UpdateOrder.START_FIRST)
        assert ups(world) == [(("web",), {}, {})]
        assert world.runs() == [one.digest]


def test_where_all_is_there_compose_is_not_started(tmp_path: Path) -> None:
    world, _ = at_two(tmp_path, service("web", replicas=2), service("api"))
    world.deploy()
    world.project.asked.clear()
    world.deploy()
    assert ups(world) == []
    assert world.asked("tag") == []
    [one, *_] = [n for n, c in enumerate(world.project.running) if c.service == "web"]
    world.project.running[one] = replace(world.project.running[one], status="exited", exit_code=1)
    world.deploy()
    assert len(ups(world)) == 1
