"""The table that ends a deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deploy import DeployWorld
from tests.support.project import service
from tests.support.record import version
from whalebuild.cli.output.deploy import deploy_json, deploy_table
from whalebuild.compose.model import Model, UpdateOrder
from whalebuild.deploy.hosts import HostEnd, HostOutcome, failure_of
from whalebuild.deploy.result import DeployAction, DeployResult, left_out
from whalebuild.deployplan.plan import DeployPlan, ServiceAction, ServiceChange
from whalebuild.errors import ExitCode, RefusedError, Retry, UnreachableError, WhalebuildError
from whalebuild.text import short_digest


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    return DeployWorld(
        tmp_path, (service("web"), service("db", "postgres:17", pull_policy="never"))
    )


def test_the_rows(world: DeployWorld) -> None:
    world.project.names["postgres:17"] = "sha256:db"
    one = world.publish("1")
    world.deploy()
    two = world.publish("2")
    lines = deploy_table(world.deploy(order=UpdateOrder.START_FIRST)).splitlines()
    assert lines[0].split() == ["SERVICE", "IMAGE", "WAS", "NOW", "ACTION"]
    assert lines[1].split()[2:] == [
        short_digest(one.digest),
        short_digest(two.digest),
        "updated",
        "(start-first)",
    ]
    assert lines[2].split()[1:4] == ["postgres:17", "-", "-"]
    assert lines[2].endswith("as compose has it: its pull_policy is never")


@pytest.mark.parametrize(
    ("result", "summary", "how"),
    [
        (
            {"done": DeployAction.PLANNED},
            "dry run, nothing was changed: a deploy downloads ",
            "to be started",
        ),
        (
            {"done": DeployAction.PULLED},
            "pulled, nothing was started: downloaded ",
            "to be started",
        ),
        ({"done": DeployAction.UNCHANGED}, "nothing to deploy: all of it runs already", "started"),
        ({"done": DeployAction.DEPLOYED, "number": 4}, "deployment 4: downloaded ", "started"),
        (
            {"done": DeployAction.ROLLED_BACK, "number": 4, "to": 1},
            "deployment 4, back to 1: downloaded ",
            "started",
        ),
    ],
)
def test_the_summary(world: DeployWorld, result: dict[str, object], summary: str, how: str) -> None:
    world.publish("1")
    retries = (Retry("pulling web", "reset", 1, 0.5),)
    made = DeployResult(plan=world.plan("web"), retries=retries, **result)  # type: ignore[arg-type]
    table = deploy_table(made).splitlines()
    assert table[1].endswith(f"  {how}")
    assert table[-1].startswith(summary)
    assert "1 retry" in table[-1]


LOST = UnreachableError("r2.test cannot be reached", cause="no answer", next_step="try again")


def planned(*changes: ServiceChange, **more: object) -> DeployPlan:
    services = {each.service.name: each for each in changes}
    return DeployPlan(Model("shop", {}, {}), services, **more)  # type: ignore[arg-type]


def changed(name: str, action: ServiceAction, **more: object) -> ServiceChange:
    about = service(name, is_job=bool(more.pop("is_job", False)))
    return ServiceChange(about, action, version("1", name), **more)  # type: ignore[arg-type]


def test_what_each_row_says() -> None:
    plan = planned(
        changed("migrate", ServiceAction.UPDATE, is_job=True),
        changed("web", ServiceAction.CONFIGURE, configured=("environment: DEBUG", "ports")),
        ServiceChange(service("db", "r2.test/db:1"), ServiceAction.UNREACHABLE, unreachable=LOST),
        ServiceChange(service("api"), ServiceAction.HELD, why="it waits for the job seed"),
    )
    done = deploy_table(DeployResult(DeployAction.DEPLOYED, plan, 2)).splitlines()[1:5]
    assert [line.split("  ")[-1].strip() for line in done] == [
        "job done",
        "configured: environment: DEBUG, ports",
        "left as it is: r2.test cannot be reached",
        "left as it is: it waits for the job seed",
    ]
    dry = deploy_table(DeployResult(DeployAction.PLANNED, plan)).splitlines()[1:3]
    assert [line.split("  ")[-1].strip() for line in dry] == [
        "job to be updated",
        "to be configured: environment: DEBUG, ports",
    ]


@pytest.mark.parametrize(
    ("removes", "done", "said"),
    [
        (False, DeployAction.DEPLOYED, "an orphan, is left"),
        (True, DeployAction.PLANNED, "an orphan, to be removed"),
        (True, DeployAction.DEPLOYED, "an orphan, removed"),
    ],
)
def test_orphans_are_named(
    world: DeployWorld, removes: bool, done: DeployAction, said: str
) -> None:
    old = world.project.run("old", version("1", "old"))
    result = DeployResult(done, planned(orphans=(old,), remove_orphans=removes))
    assert deploy_table(result).splitlines()[1].endswith(said)
    found = deploy_json(result)
    assert found["orphans"] == [{"service": "old", "container": old.name}]
    assert found["orphans_removed"] is (said == "an orphan, removed")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (LOST, ExitCode.UNREACHABLE, "r2.test cannot be reached"),
        (RefusedError("r2.test says no"), ExitCode.REFUSED, "r2.test refuses it"),
    ],
)
def test_what_was_left_is_an_error_that_names_what_was_done(
    error: WhalebuildError, code: ExitCode, words: str
) -> None:
    lost = ServiceChange(
        service("db", "r2.test/db:1"), ServiceAction.UNREACHABLE, unreachable=error
    )
    plan = planned(lost, changed("web", ServiceAction.UPDATE))
    result = DeployResult(DeployAction.DEPLOYED, plan, 2)
    said = left_out(result)
    assert said
    assert said.exit_code is code
    assert said.what == f"left as it is: db; deployed: web ({error.what})"
    assert words in deploy_table(result)
    [db, web] = deploy_json(result)["services"]
    assert (db["action"], db["unreachable"], web["unreachable"]) == (
        "unreachable",
        error.what,
        None,
    )
    same = planned(lost, changed("web", ServiceAction.UNCHANGED))
    nothing = left_out(DeployResult(DeployAction.UNCHANGED, same))
    assert nothing
    assert nothing.what == f"left as it is: db; all else runs already ({error.what})"
    assert left_out(DeployResult(DeployAction.DEPLOYED, planned(plan.services["web"]))) is None


def test_what_was_left_on_one_of_several_hosts_is_an_error_as_well() -> None:
    lost = ServiceChange(service("db"), ServiceAction.UNREACHABLE, unreachable=LOST)
    plans = (planned(changed("web", ServiceAction.UPDATE)), planned(lost))
    outcomes = [
        HostOutcome(name, name, plan, HostEnd.DONE, DeployResult(DeployAction.DEPLOYED, plan, 2))
        for name, plan in zip("ab", plans, strict=True)
    ]
    assert failure_of(outcomes[:1], "deploy") is None
    error = failure_of(outcomes, "deploy")
    assert error
    assert error.exit_code is ExitCode.UNREACHABLE
