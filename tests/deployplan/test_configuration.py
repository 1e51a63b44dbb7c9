"""Deploys and rollbacks that change how services are run, and not only what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.deploy import UNHEALTHY, DeployWorld
from tests.support.errors import outcome
from whalebuild.compose.configuration import Contents
from whalebuild.compose.model import UpdateOrder, read_model
from whalebuild.compose.up import UpFlag
from whalebuild.deploy.result import DeployAction
from whalebuild.deployments.configurations import configurations_after
from whalebuild.deployments.history import state_after
from whalebuild.deployplan.plan import DeployPlan, ServiceAction
from whalebuild.errors import DeployError
from whalebuild.failures.command_failed import CommandFailedError


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    world = DeployWorld(tmp_path)
    files(world)
    return world


def files(world: DeployWorld, tag: str = "latest", **web: Any) -> None:
    """Have the project's files say this of the service."""
    raw = {"image": f"registry.test/acme/web:{tag}", **web}
    configs = {
        each["source"]: {"file": f"/srv/{each['source']}"} for each in web.get("configs", ())
    }
    found = {"name": "shop", "services": {"web": raw}, "configs": configs}
    world.project.made = read_model(found)


def inside(world: DeployWorld, **contents: str) -> None:
    """Have the files that the service is given have this in them."""
    files(world, configs=[{"source": each} for each in contents])
    world.project.inside = Contents(
        {f"config {name}": text for name, text in contents.items()},
        {f"config {name}": text for name, text in contents.items()},
    )


def said(plan: DeployPlan) -> tuple[ServiceAction, tuple[str, ...]]:
    [change] = plan.services.values()
    return change.action, change.configured


def hashes(world: DeployWorld) -> set[str]:
    return {each.config_hash for each in world.project.running}


def test_another_configuration_of_the_same_version(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    [before] = world.project.running
    files(world, environment={"DEBUG": "1"}, ports=[{"target": 80}])
    plan = world.plan()
    assert said(plan) == (ServiceAction.CONFIGURE, ("environment: DEBUG", "ports"))
    assert plan.diffs == ()
    assert world.deploy().done is DeployAction.DEPLOYED
    [after] = world.project.running
    assert (after.image, after.id == before.id) == (before.image, False)
    assert said(world.plan()) == (ServiceAction.UNCHANGED, ())
    assert world.deploy().number is None

    assert world.rollback().to == 1
    assert hashes(world) == {before.config_hash}
    # The files still have the other one.
    assert said(world.plan()) == (ServiceAction.CONFIGURE, ("environment: DEBUG", "ports"))
    world.deploy()
    assert hashes(world) == {after.config_hash}


def test_one_that_does_not_work_is_gone_back_from(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    [before] = world.project.running
    files(world, command=["broken"])
    world.project.fails["up"] = [CommandFailedError("container shop-web-1 exited (1)")]
    failed = outcome(world.deploy)
    assert isinstance(failed, DeployError)
    assert "rolled back" in str(failed)
    assert hashes(world) == {before.config_hash}
    assert said(world.plan()) == (ServiceAction.CONFIGURE, ("command",))


def test_with_another_version(world: DeployWorld) -> None:
    """A version that is unhealthy goes back to the version and the configuration before."""
    one = world.publish("1")
    world.deploy()
    [before] = world.project.running
    world.publish("2", looks=UNHEALTHY)
    files(world, environment={"NEW": "1"})
    assert said(world.plan()) == (ServiceAction.UPDATE, ("environment: NEW",))
    assert isinstance(outcome(world.deploy), DeployError)
    assert (world.runs(), hashes(world)) == ([one.digest], {before.config_hash})


def test_in_the_order_that_is_asked_for(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    [before] = world.project.running
    files(world, environment={"NEW": "1"})
    seen = []
    world.project.step = lambda: seen.append({each.id for each in world.project.running})
    world.deploy(order=UpdateOrder.START_FIRST)
    [after] = world.project.running
    assert {before.id, after.id} in seen
    assert set() not in seen


def test_files_that_compose_does_not_compare(world: DeployWorld) -> None:
    world.publish("1")
    inside(world, routes="one")
    world.deploy()
    [before] = world.project.running
    inside(world, routes="two")
    assert said(world.plan()) == (ServiceAction.CONFIGURE, ("config routes",))
    world.deploy()
    [after] = world.project.running
    assert after.id != before.id
    assert said(world.plan()) == (ServiceAction.UNCHANGED, ())
    plan = world.planner().rollback(*rolled(world, 1))
    assert plan.model.raw["configs"] == {"routes": {"content": "one"}}
    [note] = plan.notes
    assert note.startswith("the later configuration of web is in /srv/routes: change that, or ")


def rolled(world: DeployWorld, number: int) -> Any:
    """What a rollback to a deployment is planned with."""
    history = world.history
    return state_after(history, number), None, configurations_after(history, number)


def test_what_was_started_by_other_means(world: DeployWorld) -> None:
    """Its configuration is known only if it is that of the files."""
    one = world.publish("1")
    world.project.run("web", one)
    files(world, environment={"DEBUG": "1"})
    action, words = said(world.plan())
    assert (action, words) == (
        ServiceAction.CONFIGURE,
        ("its configuration (what changed is not known)",),
    )
    world.project.fails["up"] = [CommandFailedError("no")]
    failed = outcome(world.deploy)
    assert "runs again (the earlier configuration of web is not known)" in str(failed)


def test_what_ran_by_the_files_is_known_after_the_first_deploy(world: DeployWorld) -> None:
    one = world.publish("1")
    world.project.run("web", one)
    assert said(world.plan()) == (ServiceAction.UNCHANGED, ())
    world.deploy()
    files(world, environment={"DEBUG": "1"})
    assert said(world.plan()) == (ServiceAction.CONFIGURE, ("environment: DEBUG",))


def test_other_numbers_of_containers(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    files(world, scale=3)
    assert said(world.plan()) == (ServiceAction.CONFIGURE, ("replicas: 1 -> 3",))
    world.deploy()
    assert len(world.runs()) == 3


def test_a_configuration_that_is_lost(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    files(world, environment={"DEBUG": "1"})
    world.deploy()
    world.configurations.drop_all_but([])
    plan = world.planner().rollback(*rolled(world, 1))
    assert said(plan) == (ServiceAction.UNCHANGED, ())
    assert plan.notes == (
        "web: by which configuration it ran then is not kept any more: it gets that of the files",
    )


def test_the_files_name_another_tag(world: DeployWorld) -> None:
    files(world, tag="v1")
    world.publish("1")
    world.deploy()
    files(world, tag="v2")
    world.project.filed = {
        "compose.yaml": "services:\n  web:\n    image: registry.test/acme/web:${TAG}\n",
        ".env": "TAG=v2\n",
    }
    world.publish("2")
    v1, v2 = "registry.test/acme/web:v1", "registry.test/acme/web:v2"
    assert world.plan().notes == (f"web runs {v1}; line 1 of .env (TAG) names {v2}",)
    world.deploy()
    plan = world.planner().rollback(*rolled(world, 1))
    [note] = plan.notes
    assert note.startswith(f"web is to run {v1}; line 1 of .env (TAG) names {v2}: change that, or ")


def test_those_who_use_its_network_are_replaced_with_it(world: DeployWorld) -> None:
    def made(**web: Any) -> None:
        raw = {
            "web": {"image": "registry.test/acme/web:latest", **web},
            "side": {"image": "registry.test/acme/side:latest", "network_mode": "service:web"},
        }
        world.project.made = read_model({"name": "shop", "services": raw})

    made()
    world.publish("1")
    world.publish("1", "side")
    world.deploy()
    made(environment={"DEBUG": "1"})
    found = {name: each.configured for name, each in world.plan().services.items()}
    assert found == {"web": ("environment: DEBUG",), "side": ("it uses web, which is replaced",)}


def test_one_on_a_network_that_is_made_anew_is_stopped_first(world: DeployWorld) -> None:
    def made(**network: Any) -> None:
        raw = {"image": "registry.test/acme/web:latest", "networks": {"front": None}}
        networks = {"front": {"name": "shop_front", **network}}
        found = {"name": "shop", "services": {"web": raw}, "networks": networks}
        world.project.made = read_model(found)

    made()
    world.publish("1")
    world.deploy()
    made(driver_opts={"mtu": "1400"})
    [change] = world.plan(order=UpdateOrder.START_FIRST).services.values()
    assert (change.configured, change.order) == (("network front",), UpdateOrder.STOP_FIRST)
    assert change.why == "not start-first: compose makes its network front anew"


def test_the_flags_that_replace(world: DeployWorld) -> None:
    world.publish("1")
    inside(world, routes="one")
    world.deploy()
    inside(world, routes="two")
    given = []
    up = world.project.up
    world.project.up = lambda *a, **k: (given.append(k.get("flags")), up(*a, **k))[1]  # type: ignore[method-assign,func-returns-value]
    world.deploy()
    assert given == [(UpFlag.NO_DEPS,), (UpFlag.NO_DEPS, UpFlag.FORCE_RECREATE)]


def test_old_configurations_go(world: DeployWorld) -> None:
    world.publish("1")
    for n in range(23):
        files(world, environment={"N": str(n)})
        world.deploy()
    assert len(list(world.configurations.all())) == 20


def test_one_that_only_compose_knows_a_version_of(world: DeployWorld) -> None:
    """It is recorded and gone back from as well."""
    world.project.names["registry.test/acme/web:latest"] = "sha256:own"
    world.project.names["own"] = "sha256:own"
    files(world, pull_policy="never")
    world.deploy()
    assert world.history.deployments == ()
    [before] = world.project.running
    files(world, pull_policy="never", environment={"DEBUG": "1"})
    assert said(world.plan()) == (ServiceAction.PLAIN, ("environment: DEBUG",))
    assert world.deploy().done is DeployAction.DEPLOYED
    [after] = world.project.running
    assert after.config_hash != before.config_hash
    world.project.fails["up"] = [CommandFailedError("no")]
    files(world, pull_policy="never", environment={"DEBUG": "2"})
    assert "rolled back: web by its configuration" in str(outcome(world.deploy))
    assert hashes(world) == {after.config_hash}


def test_a_service_that_is_gone_since_is_started_again(world: DeployWorld) -> None:
    """But not by going back to a deployment that it was no part of any more."""

    def made(*names: str, **web: Any) -> None:
        services = {name: {"image": f"registry.test/acme/{name}:latest"} for name in names}
        services["web"] |= web
        world.project.made = read_model({"name": "shop", "services": services})

    made("web", "old")
    world.publish("1")
    world.publish("1", "old")
    world.deploy()
    made("web", environment={"N": "2"})
    world.project.running = [each for each in world.project.running if each.service != "old"]
    world.deploy()
    made("web", environment={"N": "3"})
    world.deploy()
    assert world.rollback().to == 2
    assert world.runs("old") == []
    assert world.rollback().to == 1
    assert len(world.runs("old")) == 1


def test_a_later_tag_is_no_change_of_configuration_once_it_runs(world: DeployWorld) -> None:
    """The configuration that is kept is the one of the first tag: the image is no part of it."""
    world.publish("1")
    world.deploy()
    files(world, "v1")
    world.publish("2")
    world.deploy()
    assert said(world.plan()) == (ServiceAction.UNCHANGED, ())
    assert world.deploy().number is None


def test_what_compose_does_not_see_is_gone_back_from(world: DeployWorld) -> None:
    """A container with the new file in it is replaced on the way back as well."""
    world.publish("1")
    inside(world, routes="one")
    world.deploy()
    inside(world, routes="two")
    given = []
    up = world.project.up
    world.project.up = lambda *a, **k: (given.append(k.get("flags")), up(*a, **k))[1]  # type: ignore[method-assign,func-returns-value]
    world.project.fails["up"] = [CommandFailedError("no")]
    assert "rolled back" in str(outcome(world.deploy))
    assert given[1:] == [(UpFlag.NO_DEPS,), (UpFlag.NO_DEPS, UpFlag.FORCE_RECREATE)]


def test_a_rollback_is_about_no_job_that_only_compose_knows_a_version_of(
    world: DeployWorld,
) -> None:
    def made(**more: str) -> None:
        ends = {"migrate": {"condition": "service_completed_successfully"}}
        web = {"image": "registry.test/acme/web:latest", "depends_on": ends, "environment": more}
        job = {"image": "own", "pull_policy": "never", "environment": more}
        services = {"web": web, "migrate": job}
        world.project.made = read_model({"name": "shop", "services": services})

    world.project.names["own"] = world.project.names["own:latest"] = "sha256:own"
    world.project.looks["sha256:own"] = {"status": "exited"}
    made()
    world.publish("1")
    world.deploy()
    [before] = [each for each in world.project.running if each.service == "migrate"]
    made(DEBUG="1")
    world.deploy()
    [ran] = [each for each in world.project.running if each.service == "migrate"]
    assert ran.id != before.id, "it is run anew by another configuration"
    assert world.rollback().to == 1
    last = world.history.deployments[-1].begun
    assert (set(last.configurations), set(last.configured)) == ({"web"}, {"web"})
