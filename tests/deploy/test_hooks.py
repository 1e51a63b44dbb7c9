"""Hooks: when they run, where, what they are told, and what comes of one that fails."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.deploy import UNHEALTHY, DeployWorld
from tests.support.errors import outcome
from tests.support.project import service
from whalebuild.compose.containers import Container
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.course import Course
from whalebuild.deploy.hooks import check_hooks
from whalebuild.deployments.record import Outcome
from whalebuild.errors import DeployError, InterruptedRunError, UsageError
from whalebuild.hooks import read_hooks
from whalebuild.published.kept import kept_name

WEB = service("web", networks={"default": ()})


def world(folder: Path, **hooks: object) -> DeployWorld:
    read = read_hooks({name.replace("_", "-"): value for name, value in hooks.items()}, "file")
    made = DeployWorld(folder, (WEB, service("api")), hooks=read)
    made.publish("1")
    made.publish("1", "api")
    return made


def at_one(folder: Path, **hooks: object) -> DeployWorld:
    made = world(folder, **hooks)
    made.deploy()
    made.commands.asked.clear()
    made.console.notes.clear()
    return made


def test_where_they_run_and_what_they_are_told(tmp_path: Path) -> None:
    shop = at_one(
        tmp_path,
        pre_deploy={"service": "web", "command": ["manage", "check"]},
        post_deploy=["./tell", {"service": "api", "command": "warm up"}],
        drain={"service": "web", "command": "drain"},
    )
    [old] = [c for c in shop.project.running if c.service == "web"]
    [api] = [c for c in shop.project.running if c.service == "api"]
    two = shop.publish("2")
    shop.deploy()
    about = {
        "WHALEBUILD_ACT": "deploy",
        "WHALEBUILD_PROJECT": "shop",
        "WHALEBUILD_DEPLOYMENT": "2",
        "WHALEBUILD_SERVICES": "web",
        "WHALEBUILD_VERSIONS": json.dumps({"web": str(two)}),
    }
    where = [(place, word) for place, word, _ in shop.commands.asked]
    assert where == [
        (f"web {kept_name(str(two.digest))}", "check"),
        (old.id, "drain"),
        ("here", "./tell"),
        (api.id, "warm up"),
    ]
    assert shop.commands.asked[0][2] == {"WHALEBUILD_HOOK": "pre-deploy", **about}
    assert shop.commands.asked[1][2]["WHALEBUILD_CONTAINER"] == old.name
    assert "hook pre-deploy: this is check" in shop.console.notes


def test_nothing_to_deploy_runs_none(tmp_path: Path) -> None:
    shop = at_one(tmp_path, pre_deploy="a", post_deploy="b", drain="c")
    shop.deploy()
    assert shop.commands.asked == []


def test_start_first_drains_the_old_one_before_it_is_stopped(tmp_path: Path) -> None:
    shop = at_one(tmp_path, drain={"service": "web", "command": "drain"})
    [old] = [c for c in shop.project.running if c.service == "web"]
    shop.publish("2")
    seen: list[bool] = []
    draining = shop.commands._run

    def run(*given: object) -> int:
        seen.append(old.id in [c.id for c in shop.project.running] and len(shop.runs()) == 2)
        return draining(*given)  # type: ignore[arg-type]

    shop.commands._run = run  # type: ignore[method-assign]
    shop.deploy(order=UpdateOrder.START_FIRST)
    assert [place for place, _, _ in shop.commands.asked] == [old.id]
    assert seen == [True]


@pytest.mark.parametrize("order", UpdateOrder)
def test_a_container_that_was_told_to_drain_does_not_stay(
    tmp_path: Path, order: UpdateOrder
) -> None:
    """Interrupted in the hook, nothing is switched; but a proxy does not ask the old one again."""
    shop = at_one(tmp_path, drain={"service": "web", "command": "drain"})
    [old] = [c for c in shop.project.running if c.service == "web"]
    shop.publish("2")
    draining = shop.commands._run

    def run(*given: object) -> int:
        shop.commands._run = draining  # type: ignore[method-assign]
        raise InterruptedRunError("interrupted by SIGINT", next_step="")

    shop.commands._run = run  # type: ignore[method-assign]
    stopped = outcome(lambda: shop.deploy(order=order))
    assert isinstance(stopped, InterruptedRunError)
    [back] = [c for c in shop.project.running if c.service == "web"]
    assert (back.image, back.id == old.id) == (old.image, False)
    assert "web: made anew, as it was told to drain" in shop.console.notes
    assert shop.history.deployments[-1].outcome is Outcome.ROLLED_BACK


def test_clients_have_a_container_while_the_drained_one_is_made_anew(tmp_path: Path) -> None:
    shop = at_one(tmp_path, drain={"service": "web", "command": "drain"})
    [old] = [c for c in shop.project.running if c.service == "web"]
    shop.publish("2")
    draining, remove = shop.commands._run, shop.project.remove
    serve: list[list[str]] = []

    def run(*given: object) -> int:
        shop.commands._run = draining  # type: ignore[method-assign]
        raise InterruptedRunError("interrupted by SIGINT", next_step="")

    def removed(containers: Sequence[str], *, at_once: bool = False) -> None:
        remove(containers, at_once=at_once)
        running = [c.id for c in shop.project.running if c.service == "web"]
        serve.append([each for each in running if each != old.id])

    shop.commands._run = run  # type: ignore[method-assign]
    shop.project.remove = removed  # type: ignore[method-assign]
    assert isinstance(
        outcome(lambda: shop.deploy(order=UpdateOrder.START_FIRST)), InterruptedRunError
    )
    assert serve
    assert all(serve)


def test_new_ones_that_work_are_drained_when_another_one_of_them_does_not(tmp_path: Path) -> None:
    """A proxy that goes by labels asks them as soon as they are healthy."""
    shop = at_one(tmp_path, drain={"service": "web", "command": "drain"})
    [old] = [c for c in shop.project.running if c.service == "web"]
    shop.publish("2")
    stops = Course.stops

    def stop(course: Course, containers: Collection[Container]) -> None:
        if old in containers:
            raise InterruptedRunError("interrupted by SIGINT", next_step="")
        stops(course, containers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Course, "stops", stop)
        outcome(lambda: shop.deploy(order=UpdateOrder.START_FIRST))
    [new] = [place for place, word, _ in shop.commands.asked if word == "drain"]
    [left] = [c.id for c in shop.project.running if c.service == "web"]
    assert (new == old.id, left) == (False, old.id)


def test_a_first_hook_that_fails_stops_nothing(tmp_path: Path) -> None:
    shop = at_one(tmp_path, pre_deploy="check", on_failure="tell")
    [before] = shop.runs()
    shop.publish("2")
    shop.commands.codes["pre-deploy"] = 3
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert failed.what == (
        "the deploy failed: hook pre-deploy: it ended with exit code 3; web "
        f"{before[:19]} was not stopped, and runs"
    )
    assert (failed.cause, failed.log) == (
        "this is check",
        "hook pre-deploy's last lines:\nthis is check",
    )
    assert shop.runs() == [before]
    assert shop.commands.asked[-1][1] == "tell"
    assert shop.commands.asked[-1][2]["WHALEBUILD_REASON"] == (
        "hook pre-deploy: it ended with exit code 3"
    )


def test_a_hook_that_hangs_ends_at_the_deadline(tmp_path: Path) -> None:
    shop = at_one(tmp_path, pre_deploy="check")
    shop.publish("2")
    shop.commands.codes["pre-deploy"] = None
    failed = outcome(shop.deploy)
    assert (
        "hook pre-deploy: it has not ended after 30.0 s, and is not waited for any more"
        in failed.what
    )
    assert any("waiting for the end of hook pre-deploy" in each for each in shop.console.shown)


def test_a_last_hook_that_fails_goes_back_to_nothing(tmp_path: Path) -> None:
    shop = at_one(tmp_path, post_deploy="warm")
    two = shop.publish("2")
    shop.commands.codes["post-deploy"] = 1
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert failed.what == (
        f"the deploy is done, and web {str(two.digest)[:19]} runs; but hook post-deploy: it ended "
        "with exit code 1"
    )
    assert shop.runs() == [two.digest]
    assert shop.history.deployments[-1].outcome is Outcome.DONE


def test_a_drain_that_fails_is_said(tmp_path: Path) -> None:
    shop = at_one(tmp_path, drain="drain")
    two = shop.publish("2")
    shop.commands.codes["drain"] = 1
    shop.deploy()
    assert shop.runs() == [two.digest]
    assert "shop-web-1: hook drain: it ended with exit code 1" in shop.console.notes


def test_the_way_back_drains_what_clients_may_have_found(tmp_path: Path) -> None:
    """A new version that works is asked by proxies already, when another service fails."""
    shop = at_one(tmp_path, drain={"service": "web", "command": "drain"})
    [old] = [c for c in shop.project.running if c.service == "web"]
    shop.publish("2")
    shop.publish("2", "api", looks=UNHEALTHY)
    assert isinstance(outcome(shop.deploy), DeployError)
    first, second = [place for place, word, _ in shop.commands.asked if word == "drain"]
    assert first == old.id != second
    [back] = [c for c in shop.project.running if c.service == "web"]
    assert back.id not in {first, second}


def test_the_way_back_drains_no_version_that_does_not_work_and_tells_of_the_failure(
    tmp_path: Path,
) -> None:
    shop = at_one(tmp_path, drain="drain", on_failure="tell")
    shop.publish("2", looks=UNHEALTHY)
    assert isinstance(outcome(shop.deploy), DeployError)
    assert [word for _, word, _ in shop.commands.asked] == ["drain", "tell"]
    shop.commands.codes["on-failure"] = 9
    assert "rolled back" in outcome(shop.deploy).what
    assert "hook on-failure: it ended with exit code 9" in shop.console.notes


def test_a_hook_in_a_service_that_does_not_run(tmp_path: Path) -> None:
    shop = at_one(tmp_path, post_deploy={"service": "api", "command": "x"})
    shop.project.running = [c for c in shop.project.running if c.service != "api"]
    shop.publish("2")
    failed = outcome(lambda: shop.deploy("web"))
    assert "hook post-deploy: it could not be run: nothing of api runs" in failed.what


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("x", "hooks: expected a table"),
        ({"pre-deploi": "x"}, 'unknown hook "pre-deploi"'),
        ({"pre-deploy": 1}, "hooks.pre-deploy: this is no command"),
        ({"pre-deploy": ""}, "no command"),
        ({"drain": {"service": "web"}}, "no command"),
        ({"drain": {"command": "x", "where": "web"}}, "no command"),
        ({"drain": [{"command": []}]}, "no command"),
        ({"drain": {"command": "x", "service": 1}}, "no command"),
    ],
)
def test_tables_that_are_wrong(table: object, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_hooks(table, "whalebuild.toml")
    assert what in caught.value.what


def test_a_hook_for_a_service_that_is_not_there(tmp_path: Path) -> None:
    shop = world(tmp_path)
    with pytest.raises(UsageError) as caught:
        check_hooks(
            read_hooks({"drain": {"service": "wep", "command": "x"}}, "f"), shop.project.made
        )
    assert '"wep"' in caught.value.what
    assert caught.value.cause


def with_replicas(shop: DeployWorld, count: int) -> None:
    services = shop.project.made.services
    web = replace(services["web"], replicas=count)
    shop.project.made = replace(shop.project.made, services={**services, "web": web})


def test_more_containers_drain_none_and_fewer_those_that_go(tmp_path: Path) -> None:
    shop = at_one(tmp_path, drain={"service": "web", "command": "drain"})
    with_replicas(shop, 2)
    assert shop.plan().services["web"].configured == ("replicas: 1 -> 2",)
    shop.deploy()
    assert (len(shop.runs()), shop.commands.asked) == (2, [])
    _, second = (c for c in shop.project.running if c.service == "web")
    shop.project.running = [
        replace(c, number=2) if c == second else c for c in shop.project.running
    ]
    with_replicas(shop, 1)
    shop.deploy()
    assert [place for place, _, _ in shop.commands.asked] == [second.id]
