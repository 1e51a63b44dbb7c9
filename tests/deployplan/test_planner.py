"""Which versions services are to run, and what must be downloaded for that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.deploy import DeployWorld
from tests.support.errors import outcome
from tests.support.project import model, service
from tests.support.record import version
from tests.support.registry import BUSY, DENIED, FakeRegistry, push_image
from tests.support.retrier import patiently
from whalebuild.compose.model import Service, UpdateOrder
from whalebuild.deployplan.host_state import HostState
from whalebuild.deployplan.plan import DeployPlan, ServiceAction, download_of
from whalebuild.deployplan.resolve import Resolver
from whalebuild.errors import EngineError, RefusedError, UnreachableError, UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage
from whalebuild.published.kept import kept_name
from whalebuild.published.lookup import ManifestLookup

LATEST = "registry.test/acme/web:latest"


DB = Reference("docker.io/library/postgres", "17")
ONE = str(version("1").digest)


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
    assert world.registry.requests.count(f"HEAD {LATEST}") == 1
    assert f"GET {LATEST}" not in world.registry.requests, "a GET counts as a pull"


def test_what_runs_already(world: DeployWorld) -> None:
    one = world.publish("1")
    world.deploy()
    plan = world.plan()
    [switch] = plan.pairs
    assert (switch.action, switch.version, plan.diffs) == (ServiceAction.UNCHANGED, one, ())


def test_what_runs_already_is_asked_for_with_head_alone(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    world.registry.requests.clear()
    world.plan()
    assert world.registry.requests == [f"HEAD {LATEST}"]


def test_an_image_that_whalebuild_did_not_bake_is_deployed_like_any(tmp_path: Path) -> None:
    world = of(tmp_path, service("db", "postgres:17"))
    world.project.made = model(service("db", "registry.test/postgres:17"))
    found = push_image(world.registry, ["registry.test/postgres"], ["linux/amd64"], "db")
    world.registry.tags["registry.test/postgres", "17"] = found
    [change] = world.plan().pairs
    assert change.version == Reference("registry.test/postgres", "17", found)
    assert change.action is ServiceAction.START
    world.deploy()
    assert world.runs("db") == [found]
    again = push_image(world.registry, ["registry.test/postgres"], ["linux/amd64"], "db 2")
    world.registry.tags["registry.test/postgres", "17"] = again
    world.deploy()
    assert world.runs("db") == [again]
    world.rollback()
    assert world.runs("db") == [found]


def test_services_that_compose_would_not_pull(tmp_path: Path) -> None:
    """Compose makes of them what it does; the registry is not asked for them."""
    world = of(
        tmp_path,
        service("web"),
        Service("job", None, built=True),
        service("local", pull_policy="never"),
        service("db", "registry.test/postgres:17", pull_policy="missing"),
    )
    world.publish("1")
    world.project.names["registry.test/postgres:17"] = str(version("17").digest)
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
        "built here, by `docker compose build job`",
        "its pull_policy is never",
        "its pull_policy is missing, and the host has it",
    ]
    assert not any("local" in each or ":17" in each for each in world.registry.requests)


def test_what_is_not_published_is_an_error(world: DeployWorld) -> None:
    failed = outcome(world.plan)
    assert isinstance(failed, UsageError)
    assert failed.what == f"{LATEST} is not published, and not on this host"


def test_what_is_not_published_may_be_on_the_host(world: DeployWorld) -> None:
    world.project.names[LATEST] = str(version("1").digest)
    assert actions(world.plan()) == {"web": ServiceAction.PLAIN}


@pytest.mark.parametrize("here", [True, False])
def test_what_the_registry_refuses_is_an_error(world: DeployWorld, here: bool) -> None:
    world.registry.failures[f"HEAD {LATEST}"] = DENIED
    if here:
        world.project.names[LATEST] = str(version("1").digest)
    assert isinstance(outcome(world.plan), RefusedError)


def test_a_registry_that_is_down_is_an_error_even_for_what_is_here(world: DeployWorld) -> None:
    """What is there now cannot be told; an old version would pass for the newest."""
    world.publish("1")
    world.deploy()
    world.registry.down = BUSY
    assert isinstance(outcome(world.plan), UnreachableError)


OTHER = "other.test/acme/db:latest"


@pytest.mark.parametrize(("said", "kind"), [(BUSY, UnreachableError), (DENIED, RefusedError)])
def test_a_registry_that_is_down_fails_only_its_services(
    tmp_path: Path, said: object, kind: type[Exception]
) -> None:
    world = of(tmp_path, service("web"), service("db", OTHER))
    one = world.publish("1")
    world.registry.failures[f"HEAD {OTHER}"] = said  # type: ignore[assignment]
    plan = world.plan()
    assert actions(plan) == {"web": ServiceAction.START, "db": ServiceAction.UNREACHABLE}
    error = plan.services["db"].unreachable
    assert isinstance(error, kind)
    assert plan.notes == (f"db is left as it is: {error.what}",)  # type: ignore[attr-defined]
    world.deploy()
    assert (world.runs(), world.runs("db")) == ([one.digest], [])
    assert [each[1] for each in world.asked("up")] == [("web",)]


def test_what_is_built_here_under_a_name_of_a_registry_that_is_down(tmp_path: Path) -> None:
    """``docker compose pull`` goes on, too; of what was deployed once, a new one may be there."""
    world = of(tmp_path, service("web"), service("db", OTHER, built=True))
    world.publish("1")
    world.project.names[OTHER] = "sha256:" + "b" * 64
    world.registry.failures[f"HEAD {OTHER}"] = BUSY
    db = world.plan().services["db"]
    assert db.action is ServiceAction.PLAIN
    assert "built here, by `docker compose build db`" in db.why
    world.registry.failures.clear()
    world.publish("1", "db")
    world.deploy()
    world.registry.failures[f"HEAD {OTHER}"] = BUSY
    assert world.plan().services["db"].action is ServiceAction.UNREACHABLE


def test_a_manifest_that_cannot_be_had_fails_only_its_services(tmp_path: Path) -> None:
    """The tag is known, and the limit for pulls reached: Docker Hub counts GET alone."""
    world = of(tmp_path, service("web"), service("db", OTHER), service("two", OTHER))
    world.publish("1")
    db = world.publish("1", "db")
    world.registry.failures[f"GET {db}"] = BUSY
    plan = world.plan()
    assert actions(plan) == {
        "web": ServiceAction.START,
        "db": ServiceAction.UNREACHABLE,
        "two": ServiceAction.UNREACHABLE,
    }
    assert (plan.missing, len(plan.diffs)) == ({"web"}, 1)


def test_what_waits_for_a_job_that_cannot_be_had_is_held_back(tmp_path: Path) -> None:
    job = service("job", OTHER, is_job=True)
    waits = {"job": "service_completed_successfully"}
    world = of(
        tmp_path,
        job,
        service("web", depends_on=waits),
        service("worker", LATEST, depends_on={"web": "service_started"}),
        service("alone"),
    )
    world.publish("1")
    world.publish("1", "alone")
    world.registry.failures[f"HEAD {OTHER}"] = BUSY
    plan = world.plan()
    assert plan.services["web"].why == "it waits for the job job"
    assert plan.services["worker"].why == "it needs web, which does not run"
    assert plan.to_start == ("alone",)
    world.registry.failures[f"HEAD {LATEST}"] = world.registry.down = BUSY
    assert isinstance(outcome(world.plan), UnreachableError), "nothing is left to deploy"


def test_only_dependencies_that_do_not_run_come_with_a_named_service(tmp_path: Path) -> None:
    """What the host has of them is not asked for."""
    waits = dict.fromkeys(("db", "cache", "queue"), "service_started")
    world = of(
        tmp_path,
        service("other"),
        service("db", OTHER),
        service("cache"),
        service("queue"),
        service("web", depends_on=waits),
    )
    for name in ("db", "cache", "queue", "web"):
        world.publish("1", name)
    world.deploy("db", "cache", "queue")
    world.project.running = [c for c in world.project.running if c.service == "db"]
    here = {n: found for n, found in world.project.names.items() if "queue" not in n}
    world.project.names = {n: found for n, found in here.items() if found in _ids(world, "cache")}
    world.registry.requests.clear()
    plan = world.plan("web")
    assert actions(plan) == dict.fromkeys(("cache", "queue", "web"), ServiceAction.START)
    asked = [each for each in world.registry.requests if each.startswith("HEAD")]
    assert sorted(asked) == [f"HEAD registry.test/acme/{n}:latest" for n in ("queue", "web")]
    alone = world.planner().deploy(["web"], None, dependencies=False)
    assert actions(alone) == {"web": ServiceAction.START}


def _ids(world: DeployWorld, name: str) -> set[str]:
    return {world.project.names[f"registry.test/acme/{name}:latest"]}


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


def test_containers_of_services_that_are_gone_are_orphans(tmp_path: Path) -> None:
    """As compose tells them: not those of profiles that are not chosen."""
    world = of(tmp_path, service("web"))
    one = world.publish("1")
    for name in ("old", "debug", "web"):
        world.project.run(name, one)
    world.project.run("web", one, oneoff=True)
    world.project.unchosen = ("debug",)
    plan = world.plan()
    assert ([each.service for each in plan.orphans], plan.remove_orphans) == (["old"], False)
    world.deploy()
    assert world.runs("old")
    planner = world.planner()
    plan = planner.deploy([], None, remove_orphans=True)
    world.deployer(planner).deploy(plan)
    assert (world.runs("old"), len(world.runs("debug"))) == ([], 1)


def test_without_such_containers_compose_is_not_asked(world: DeployWorld) -> None:
    world.publish("1")
    world.deploy()
    world.plan()
    assert world.asked("service_names") == []


def test_a_service_that_is_built_here_is_told_how(tmp_path: Path) -> None:
    world = of(tmp_path, service("web"), Service("job", None, built=True))
    world.publish("1")
    [note] = world.plan().notes
    assert note == "built here, not pulled: job; `docker compose build job` makes a new version"


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        (HostImage("sha256:id", (DB,), (Reference("postgres", digest=ONE),)), ONE),
        (HostImage(ONE, (DB,), kept=(kept_name(ONE),)), ONE),
        (HostImage("sha256:id", (DB,), (Reference("acme/other", digest=ONE),)), None),
        (HostImage("sha256:id", (DB,)), None),
    ],
)
def test_a_dependency_is_started_as_the_host_has_it(image: HostImage, digest: str | None) -> None:
    """By its digest, where it has one in its repository: it may be pulled again."""
    seen = HostState.at((), (image,))
    lookup = ManifestLookup(patiently(FakeRegistry()))
    db = replace(service("db"), image=DB)
    found = Resolver(lookup, seen).resolve([db], ["db"])["db"]
    assert found.version == (
        Reference("docker.io/library/postgres", "17", digest) if digest else None
    )
    assert bool(found.why) is (digest is None)
