"""What a deploy does at signals, wherever they come: put back, look, and say what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.deploy import UNHEALTHY, DeployWorld
from tests.support.errors import outcome
from tests.support.project import service
from whalebuild.compose.model import UpdateOrder
from whalebuild.deployments.record import Outcome
from whalebuild.errors import AbandonedRunError, DeployError, InterruptedRunError
from whalebuild.failures.command_failed import CommandFailedError

PORT = {"exclusive": "it publishes port 80"}
INTERRUPTED = "interrupted by SIGINT"


def at_one(folder: Path, **more: Any) -> tuple[DeployWorld, str]:
    shop = DeployWorld(folder, (service("web", **more),))
    shop.publish("1")
    shop.deploy()
    [before] = shop.runs()
    shop.publish("2", looks={"health": "starting"})
    shop.project.asked.clear()
    return shop, before


def during(shop: DeployWorld, shown: str, *errors: BaseException) -> None:
    """Have signals come when the console shows something, the next one the next time."""
    waiting = list(errors)

    def progress(what: str, how_far: str, done: int | None = None) -> None:
        shop.console.shown.append(f"{what}: {how_far}")
        if waiting and shown in what:
            raise waiting.pop(0)

    shop.console.progress = progress  # type: ignore[method-assign]


def outcomes(shop: DeployWorld) -> list[Outcome]:
    return [each.outcome for each in shop.history.deployments]


def test_in_the_wait(tmp_path: Path) -> None:
    shop, before = at_one(tmp_path)
    during(shop, "its health check", InterruptedRunError(INTERRUPTED))
    stopped = outcome(shop.deploy)
    assert isinstance(stopped, InterruptedRunError)
    assert stopped.what == f"{INTERRUPTED}; rolled back: web {before[:19]} runs again"
    assert stopped.cause == f"now web {before[:19]} runs, and it is up (it has no health check)"
    assert shop.runs() == [before]
    assert (outcomes(shop)[-1], shop.history.deployments[-1].ended.reason) == (  # type: ignore[union-attr]
        Outcome.ROLLED_BACK,
        INTERRUPTED,
    )


@pytest.mark.parametrize("more", [PORT, {}, {"networks": {"default": ()}}])
def test_beside_the_old_one(tmp_path: Path, more: dict[str, Any]) -> None:
    shop, before = at_one(tmp_path, **more)
    running = list(shop.project.running)
    during(shop, "its health check", InterruptedRunError(INTERRUPTED))
    stopped = outcome(lambda: shop.deploy(order=UpdateOrder.START_FIRST))
    assert f"{INTERRUPTED}; web {before[:19]} was not stopped, and runs" in stopped.what
    assert shop.project.running == running
    assert shop.project.names["registry.test/acme/web:latest"] == before


def test_before_the_switch(tmp_path: Path) -> None:
    shop, before = at_one(tmp_path)
    during(shop, "pulling", InterruptedRunError(INTERRUPTED))
    stopped = outcome(shop.deploy)
    assert stopped.what == f"{INTERRUPTED}: nothing was changed"
    assert (shop.runs(), outcomes(shop)) == ([before], [Outcome.DONE])


def test_a_first_deploy(tmp_path: Path) -> None:
    shop = DeployWorld(tmp_path)
    shop.publish("1", looks={"health": "starting"})
    during(shop, "its health check", InterruptedRunError(INTERRUPTED))
    stopped = outcome(shop.deploy)
    assert "there is no version before it to go back to" in stopped.what
    assert outcomes(shop) == [Outcome.FAILED]


def test_no_rollback_stays_as_it_is(tmp_path: Path) -> None:
    shop, before = at_one(tmp_path)
    during(shop, "its health check", InterruptedRunError(INTERRUPTED))
    stopped = outcome(lambda: shop.deploy(go_back=False))
    assert "not rolled back (--no-rollback): web sha256:" in stopped.what
    assert shop.runs() != [before]


def test_the_second_one_ends_it(tmp_path: Path) -> None:
    shop, _ = at_one(tmp_path)
    during(shop, "compose looks", InterruptedRunError(INTERRUPTED), AbandonedRunError("ended"))
    ended = outcome(shop.deploy)
    assert isinstance(ended, AbandonedRunError)
    assert "run `whalebuild rollback`" in str(ended.next_step)
    assert outcomes(shop)[-1] is Outcome.INTERRUPTED
    shop.publish("3")
    shop.deploy()
    assert outcomes(shop)[-1] is Outcome.DONE


@pytest.mark.parametrize("more", [PORT, {}])
def test_the_second_one_leaves_a_trial_to_nobody(tmp_path: Path, more: dict[str, Any]) -> None:
    shop, before = at_one(tmp_path, **more)
    during(shop, "its health check", AbandonedRunError("ended"))
    assert isinstance(
        outcome(lambda: shop.deploy(order=UpdateOrder.START_FIRST)), AbandonedRunError
    )
    assert not [each for each in shop.project.running if each.trial]
    if more:
        assert ("remove", ("c2",), "at once") in shop.project.asked
    shop.publish("3")
    shop.deploy()
    assert before not in shop.runs()


def test_one_on_the_way_back_is_only_noted(tmp_path: Path) -> None:
    """Ctrl-C ends compose as well: the way back is gone again."""
    shop, before = at_one(tmp_path)
    shop.publish("2", looks=UNHEALTHY)
    up, calls = shop.project.up, list[str]()

    def fails_once(services: Any, **given: Any) -> None:
        calls.append("up")
        if len(calls) == 2:
            assert shop.interrupts.held_now
            shop.interrupts.came = True
            raise CommandFailedError("canceled")
        up(services, **given)

    shop.project.up = fails_once  # type: ignore[method-assign]
    failed = outcome(shop.deploy)
    assert isinstance(failed, DeployError)
    assert f"rolled back: web {before[:19]} runs again" in failed.what
    assert len(calls) == 3


def test_when_all_was_done(tmp_path: Path) -> None:
    shop, before = at_one(tmp_path)
    two = shop.publish("2")
    add = shop.record.add

    def stopped_at_the_end(entry: Any) -> None:
        if hasattr(entry, "outcome"):
            shop.record.add = add  # type: ignore[method-assign]
            raise InterruptedRunError(INTERRUPTED)
        add(entry)

    shop.record.add = stopped_at_the_end  # type: ignore[method-assign]
    stopped = outcome(shop.deploy)
    assert stopped.what == f"{INTERRUPTED}, when all was done: web {str(two.digest)[:19]} runs"
    assert (outcomes(shop)[-1], shop.runs()) == (Outcome.DONE, [two.digest])
    assert before not in shop.runs()


def test_nobody_reads_the_output(tmp_path: Path) -> None:
    shop, before = at_one(tmp_path)
    during(shop, "its health check", BrokenPipeError())
    stopped = outcome(shop.deploy)
    assert isinstance(stopped, InterruptedRunError)
    assert "nobody reads the output any more; rolled back: web" in stopped.what
    assert (shop.runs(), shop.interrupts.output_dropped) == ([before], True)


def test_before_the_record_has_a_begin(tmp_path: Path) -> None:
    """It gets no end either, which would be a damaged line."""
    shop, before = at_one(tmp_path)
    stopped, held = InterruptedRunError(INTERRUPTED), shop.interrupts.held

    def interrupted() -> Any:
        if not stopped.__traceback__:
            raise stopped
        return held()

    shop.interrupts.held = interrupted  # type: ignore[method-assign]
    assert isinstance(outcome(shop.deploy), InterruptedRunError)
    assert (shop.runs(), outcomes(shop), shop.history.damaged) == ([before], [Outcome.DONE], ())
