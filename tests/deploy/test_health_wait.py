"""Waiting for containers, with a clock that only sleep moves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest

from tests.support.console import FakeConsole
from tests.support.deploy import Clock
from tests.support.project import FakeProject, model, service
from whalebuild.compose.containers import Container
from whalebuild.compose.events import ContainerEvent, EventAction
from whalebuild.deploy.health_wait import HealthWait, UnhealthyError, last_output
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

LOST = CommandFailedError("Cannot connect to the Docker daemon")
STARTING, HEALTHY = {"health": "starting"}, {"health": "healthy"}


class Watched:
    """A wait for one container, that is as it is at each second, and then stays so."""

    def __init__(self, *seconds: dict[str, Any], timeout: float = 10.0, grace: float = 3.0) -> None:
        self.clock = Clock(0.0)
        self.project = FakeProject(model(service("web")), sleep=self.clock.sleep)
        self.project.said["c1"] = "\n".join(f"line {n}" for n in range(30))
        self.console = FakeConsole()
        self.project.containers = lambda ids=(): self.look(seconds, ids)  # type: ignore[method-assign]
        self.wait = HealthWait(*(self.project, self.console, timeout, grace), clock=self.clock)

    def look(
        self, seconds: tuple[dict[str, Any], ...], ids: Collection[str] | None
    ) -> tuple[Container, ...]:
        self.project._ask("containers")
        at = seconds[min(int(self.clock.now), len(seconds) - 1)]
        if at.get("gone") or not ids:
            return ()
        return (Container("c1", "shop-web-1", "web", "sha256:1", **at),)

    def works(self) -> float:
        """Seconds until it works."""
        self.wait.wait(["c1"])
        return self.clock.now

    def fails(self) -> UnhealthyError:
        with pytest.raises(UnhealthyError) as failed:
            self.wait.wait(["c1"])
        return failed.value


def test_until_the_health_check_is_content() -> None:
    watched = Watched(STARTING, STARTING, HEALTHY)
    assert watched.works() == 2.0
    assert watched.console.shown[0] == (
        "waiting for shop-web-1 (its health check): 10.0 s at the most"
    )
    assert watched.console.shown[-1].endswith(": 8.5 s at the most")


def test_the_grace_of_one_without_a_health_check() -> None:
    assert Watched({}).works() == 3.0
    assert Watched({}, grace=0.0).works() == 0.0


def test_the_grace_begins_anew_when_it_was_not_running() -> None:
    watched = Watched({}, {}, {"status": "created"}, {})
    assert watched.works() == 6.0


def test_one_that_is_unhealthy_is_not_waited_for() -> None:
    watched = Watched(STARTING, {"health": "unhealthy", "health_log": " refused\n"})
    failed = watched.fails()
    assert (failed.problem.reason, failed.problem.output) == ("it is unhealthy", "refused")
    assert failed.log.splitlines() == [f"line {n}" for n in range(10, 30)]
    assert watched.clock.now == 1.0


def test_one_that_restarts() -> None:
    """The engine has exit code 0 of a container that runs again."""
    watched = Watched({"restarts": 2}, {"restarts": 3})
    watched.project.happens = [[ContainerEvent("c1", EventAction.DIE, 3)]] * 3
    assert watched.fails().problem.reason == "it keeps ending, the last time with exit code 3"
    assert Watched({"restarts": 2}).works() == 3.0, "that was before"


def test_the_exit_code_of_one_that_restarts_is_not_made_up() -> None:
    assert Watched({"restarts": 2}, {"restarts": 3}).fails().problem.reason == "it keeps ending"
    failed = Watched({}, {"status": "restarting", "exit_code": 1}).fails()
    assert failed.problem.reason == "it keeps ending, the last time with exit code 1"


def test_it_is_looked_at_when_something_happens() -> None:
    """And once in a while, and when the grace is over; not in between."""
    watched = Watched(STARTING, timeout=12.0)
    watched.project.happens = [[] for _ in range(40)]
    other = ContainerEvent("c2", EventAction.DIE, 1)
    watched.project.happens[2:4] = [[other], [ContainerEvent("c1", EventAction.HEALTH)]]
    looks: list[float] = []
    watched.project.step = lambda: looks.append(watched.clock.now)
    watched.fails()
    # The last one is for the log.
    assert looks[:-1] == [0.0, 2.0, 7.0, 12.0]


def test_the_end_of_the_grace_is_waited_for_exactly() -> None:
    watched = Watched({}, grace=1.3)
    watched.project.happens = [[] for _ in range(40)]
    assert watched.works() == 1.3
    assert [each for each in watched.project.asked if each[0] == "containers"] == [
        ("containers",)
    ] * 2


def test_one_that_somebody_restarts_has_its_grace_anew() -> None:
    watched = Watched({}, grace=2.0)
    watched.project.happens = [[], [ContainerEvent("c1", EventAction.DIE, 137)], [], [], [], []]
    assert watched.works() == 3.0


def test_the_time_out() -> None:
    watched = Watched({"health": "starting", "health_log": "connection refused\n"}, timeout=5.0)
    failed = watched.fails()
    assert failed.problem.reason == (
        "it does not work after 5.0 s: still waiting for its health check"
    )
    assert (failed.problem.service, failed.problem.output) == ("web", "connection refused")
    assert watched.clock.now == 5.0


@pytest.mark.parametrize("timeout", [0.0, 1.0])
def test_a_grace_longer_than_the_time_out(timeout: float) -> None:
    failed = Watched({}, timeout=timeout).fails()
    assert failed.problem.reason.endswith("still waiting for it to stay up")


def test_one_that_somebody_removes() -> None:
    failed = Watched(STARTING, {"gone": True}).fails()
    assert failed.problem.reason == "a container was removed by somebody else (left: none of them)"
    assert (failed.problem.service, failed.log) == ("", "")


def test_an_engine_that_is_away_for_a_moment() -> None:
    watched = Watched(STARTING, HEALTHY)
    watched.project.fails["containers"] = [LOST, LOST]
    assert watched.works() == 1.0


def test_an_engine_that_stays_away() -> None:
    watched = Watched(STARTING, timeout=2.0)
    watched.project.fails["containers"] = [LOST] * 10
    with pytest.raises(EngineError):
        watched.works()
    assert watched.clock.now == 2.0


def test_nothing_to_wait_for() -> None:
    watched = Watched({"health": "unhealthy"})
    watched.wait.wait([])
    assert watched.clock.now == 0.0


def raising(error: Exception) -> Callable[..., str]:
    def call(*_: object) -> str:
        raise error

    return call


def test_output_that_cannot_be_had_is_none() -> None:
    project = FakeProject(model(service("web")))
    project.logs = raising(CommandFailedError("No such container"))  # type: ignore[method-assign]
    assert last_output(project, "c1") == ""
