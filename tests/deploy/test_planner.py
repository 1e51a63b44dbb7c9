"""Which versions services are to run, and what must be downloaded for that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.deploy import DeployWorld
from tests.support.errors import outcome
from tests.support.project import model, service
from tests.support.record import version
from tests.support.registry import BUSY, DENIED, push_image
from whalebuild.compose.model import Service, UpdateOrder
from whalebuild.deploy.plan import DeployPlan, ServiceAction, download_of
from whalebuild.errors import EngineError, RefusedError, UnreachableError, UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.kept import kept_name

LATEST = "registry.test/acme/web:latest"


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    return DeployWorld(tmp_path)


def of(tmp_path: Path, *services: Service) -> DeployWorld:
    return DeployWorld(tmp_path, services)


def actions(plan: DeployPlan) -> dict[str, ServiceAction]:
    return {name: each.action for name, each in plan.services.items()}


def test_a_tag_is_resolved_to_its_digest_once(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy()
    two = world.publish("2")
    world.registry.requests.clear()
    planner = world.planner()
    plan = planner.deploy([], None)
    [switch] = plan.pairs
    assert (switch.action, switch.version, switch.before) == (ServiceAction.UPDATE, two, one)
    assert switch.before_image == one.digest
    world.publish("3")  # while the plan is carried out
    world.deployer(planner).deploy(plan)
    assert world.runs() == [two.digest]
    assert world.registry.requests.count(f"GET {LATEST}") == 1


def test_what_runs_already(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy()
    plan = world.plan()
    [switch] = plan.pairs
    assert (switch.action, switch.version, plan.diffs) == (ServiceAction.UNCHANGED, one, ())


def test_services_that_are_no_pairs(tmp_path: Path) -> None:
    """Compose makes of them what it does; the registry is not asked for what names no pair."""
    world = of(
        tmp_path,
        service("web"),
        Service("job", None, built=True),
        service("local", pull_policy="never"),
        service("db", "postgres:17"),
    )
    world.publish("1")
    postgres = push_image(world.registry, ["postgres"], ["linux/amd64"], "db")
    world.registry.tags["postgres", "17"] = postgres
    plan = world.plan()
    assert actions(plan) == {
        "web": ServiceAction.START,
        "job": ServiceAction.PLAIN,
        "local": ServiceAction.PLAIN,
        "db": ServiceAction.PLAIN,
    }
    whys = [each.why for each in plan.services.values()]
    assert whys == [
        "",
        "it names no image",
        "its pull_policy is never",
        "postgres:17 is no pair of whalebuild's",
    ]
    assert not any("acme/local" in each for each in world.registry.requests)


def test_what_is_not_published_is_an_error(world: DeployWorld) -> None:
    failed = outcome(world.plan)
    assert isinstance(failed, UsageError)
    assert failed.what == f"{LATEST} is not published, and not on this host"


def test_what_is_not_published_may_be_on_the_host(world: DeployWorld) -> None:
    world.project.names[LATEST] = str(version("1").digest)
    assert actions(world.plan()) == {"web": ServiceAction.PLAIN}


@pytest.mark.parametrize("here", [True, False])
def test_what_the_registry_refuses_may_be_on_the_host(world: DeployWorld, here: bool) -> None:
    world.registry.failures[f"GET {LATEST}"] = DENIED
    if here:
        world.project.names[LATEST] = str(version("1").digest)
        assert actions(world.plan()) == {"web": ServiceAction.PLAIN}
    else:
        assert isinstance(outcome(world.plan), RefusedError)


def test_a_registry_that_is_down_is_an_error_even_for_what_is_here(world: DeployWorld) -> None:
    """What is there now cannot be told; an old version would pass for the newest."""
    world.publish("1")
    world.deploy()
    world.registry.down = BUSY
    assert isinstance(outcome(world.plan), UnreachableError)


def test_an_unknown_service(world: DeployWorld) -> None:
    assert isinstance(outcome(lambda: world.plan("wed")), UsageError)
    assert world.registry.requests == []


def test_only_services_that_are_named(tmp_path: Path) -> None:
    world = of(tmp_path, service("web"), service("api"))
    api = world.publish("1", "api")
    plan = world.plan("api")
    assert ([each.version for each in plan.pairs], plan.named) == ([api], ("api",))


def test_services_that_share_an_image_download_it_once(tmp_path: Path) -> None:
    world = of(tmp_path, service("web"), service("worker", LATEST))
    one = world.publish("1")
    plan = world.plan()
    assert [each.version for each in plan.pairs] == [one, one]
    [diff] = plan.diffs
    assert download_of(plan.diffs) == (diff.total, diff.total)
    assert (diff.to.digest, diff.download) == (one.digest, diff.total)


def test_a_service_s_platform_counts(tmp_path: Path) -> None:
    arm = service("arm", LATEST, platform="linux/arm64")
    world = of(tmp_path, service("web"), arm)
    world.publish("1")
    assert isinstance(outcome(world.plan), UsageError), "there is none for arm64"


def test_what_the_engine_has_by_its_kept_name_is_not_downloaded(world: DeployWorld) -> None:
    one = world.publish("1")
    world.project.names[str(kept_name(str(one.digest)))] = str(one.digest)
    plan = world.plan()
    assert (actions(plan), plan.diffs) == ({"web": ServiceAction.START}, ())


def test_why_a_service_is_not_switched_as_it_asks_for(tmp_path: Path) -> None:
    alone = {"exclusive": "it uses the host's network", "on_host_network": True}
    world = of(tmp_path, service("web", order=UpdateOrder.START_FIRST, **alone))
    world.publish("1")
    world.deploy()
    world.publish("2")
    plan = world.plan()
    assert plan.notes == ("web: not start-first: it uses the host's network",)
    assert plan.pairs[0].order is UpdateOrder.STOP_FIRST


@pytest.mark.parametrize(
    ("file", "asked", "order"),
    [
        (None, None, UpdateOrder.STOP_FIRST),
        (UpdateOrder.START_FIRST, None, UpdateOrder.START_FIRST),
        (UpdateOrder.START_FIRST, UpdateOrder.STOP_FIRST, UpdateOrder.STOP_FIRST),
        (None, UpdateOrder.START_FIRST, UpdateOrder.START_FIRST),
    ],
)
def test_the_order_is_the_command_line_s_or_else_the_file_s(
    tmp_path: Path, file: UpdateOrder | None, asked: UpdateOrder | None, order: UpdateOrder
) -> None:
    world = of(tmp_path, service("web", order=file))
    world.publish("1")
    world.deploy()
    world.publish("2")
    assert world.plan(order=asked).pairs[0].order is order


def test_a_rollback_leaves_services_that_are_gone(tmp_path: Path) -> None:
    world = of(tmp_path, service("web"), service("api"))
    world.publish("1")
    world.publish("1", "api")
    world.deploy()
    world.project.made = model(service("web"))
    two = world.publish("2")
    plan = world.planner().rollback({"web": two, "api": version("1"), "db": None}, None)
    assert [each.service.name for each in plan.services.values()] == ["web"]
    assert plan.named == ("web",)
    assert plan.notes == (
        "api is left as it is: it is not in the project any more",
        "db is left as it is: it did not run then",
    )


def test_a_rollback_downloads_what_was_pruned_by_its_digest(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy()
    two = world.publish("2")
    world.deploy()
    world.project.names = {
        name: found for name, found in world.project.names.items() if found != one.digest
    }
    plan = world.planner().rollback({"web": one}, None)
    assert [each.to.digest for each in plan.diffs] == [one.digest]
    assert f"GET {LATEST}@{one.digest}" in world.registry.requests
    world.rollback()
    assert world.runs() == [one.digest]
    assert two.digest != one.digest


def test_an_image_by_its_digest_is_deployed_as_it_is(tmp_path: Path) -> None:
    world = DeployWorld(tmp_path)
    one = world.publish("1")
    pinned = Reference(one.repository, digest=one.digest)
    world.project.made = model(replace(service("web"), image=pinned))
    assert world.plan().pairs[0].version == pinned
    world.deploy()
    assert world.runs() == [one.digest]


def test_an_engine_that_is_down(world: DeployWorld) -> None:
    world.publish("1")
    world.project.fails["containers"] = [CommandFailedError("Cannot connect to the Docker daemon")]
    assert isinstance(outcome(world.plan), EngineError)
    world.host.down = True
    assert isinstance(outcome(world.plan), EngineError)
