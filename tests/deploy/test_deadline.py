"""One deadline, also for what compose waits for by itself; and all the while it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.deploy import Clock, DeployWorld
from tests.support.errors import outcome
from tests.support.project import service
from whalebuild.deploy.deadline import ComposeWatch, Deadline
from whalebuild.deploy.health_wait import UnhealthyError
from whalebuild.deployments.record import Outcome
from whalebuild.errors import DeployError
from whalebuild.failures.command_failed import CommandFailedError

WEB = service("web", depends_on={"db": "service_healthy"})


def test_a_deadline() -> None:
    clock = Clock()
    deadline = Deadline(30.0, clock)
    assert (deadline.left, deadline.is_over) == (30.0, False)
    clock.sleep(1000)
    assert not deadline.is_over, "it has not begun"
    deadline.begin()
    clock.sleep(10)
    assert (deadline.left, deadline.words) == (20.0, "20.0 s at the most")
    clock.sleep(20)
    assert (deadline.left, deadline.is_over) == (0.0, True)


@pytest.fixture
def shop(tmp_path: Path) -> DeployWorld:
    made = DeployWorld(tmp_path, (WEB, service("db")))
    made.publish("1")
    made.publish("1", "db")
    made.deploy()
    return made


def waits_for_db(shop: DeployWorld) -> None:
    """Have compose wait for a database that never becomes healthy."""
    up = shop.project.up

    def waits(services: Any, *, watch: Any, **given: Any) -> None:
        up(services, watch=watch, **given)
        shop.project.up = up  # type: ignore[method-assign]
        db = next(n for n, c in enumerate(shop.project.running) if c.service == "db")
        looks = {"health": "starting", "health_log": "no socket"}
        shop.project.running[db] = replace(shop.project.running[db], **looks)
        web = next(n for n, c in enumerate(shop.project.running) if c.service == "web")
        shop.project.running[web] = replace(shop.project.running[web], status="created")
        shop.project.running.sort(key=lambda each: each.service != "web")
        while True:
            shop.clock.sleep(0.2)
            watch()

    shop.project.up = waits  # type: ignore[method-assign]


def test_compose_s_own_waiting_ends(shop: DeployWorld) -> None:
    shop.publish("2")
    waits_for_db(shop)
    began = shop.clock.now
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert (
        "db: it does not work after 30.0 s: still waiting for its health check, in `docker compose "
        "up`" in failed.what
    )
    assert failed.cause == "no socket"
    assert shop.clock.now - began >= 30
    assert shop.history.deployments[-1].outcome is Outcome.ROLLED_BACK
    waits = [s for s in shop.console.shown if "shop-db-2 (its health check)" in s]
    assert len(waits) >= 29, "once a second"


def test_a_watch_that_finds_no_reason(shop: DeployWorld) -> None:
    deadline = Deadline(3.0, shop.clock)
    deadline.begin()
    watch = ComposeWatch(shop.project, shop.console, deadline)
    watch()
    assert shop.console.shown[-1] == "docker compose works: 3.0 s at the most"
    shop.clock.sleep(4)
    shop.project.fails["containers"] = [CommandFailedError("Cannot connect")]
    with pytest.raises(UnhealthyError) as failed:
        watch()
    assert failed.value.problem.reason == "docker compose has not ended after 3.0 s"


def test_what_is_left_of_it_is_for_the_health_checks(shop: DeployWorld) -> None:
    """What compose has taken is not given twice."""
    shop.publish("2", looks={"health": "starting"})
    up = shop.project.up

    def slow(services: Any, **given: Any) -> None:
        up(services, **given)
        shop.clock.sleep(25)
        shop.project.up = up  # type: ignore[method-assign]

    shop.project.up = slow  # type: ignore[method-assign]
    began = shop.clock.now
    seen: list[float] = []
    note = shop.console.note

    def said(text: str) -> None:
        seen.append(shop.clock.now - began)
        note(text)

    shop.console.note = said  # type: ignore[method-assign]
    failed = outcome(shop.deploy)
    assert "web: it does not work after 30.0 s" in failed.what
    assert 30 <= seen[-1] < 32, "when it is given up"
