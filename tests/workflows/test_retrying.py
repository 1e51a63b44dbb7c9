from __future__ import annotations

from collections.abc import Callable

import pytest

from whalebuild.core.failures import CommandFailedError, Kind, RequestFailedError
from whalebuild.core.http_failures import HttpFailure
from whalebuild.core.retry import RetryPolicy
from whalebuild.workflows.retrying import Retrier

BUSY = "ERROR: unexpected status from HEAD request to https://r.io/v2/: 503 Service Unavailable"
DENIED = "ERROR: denied: requested access to the resource is denied"


class World:
    """A clock that moves when somebody sleeps or works, and what was said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.said: list[str] = []
        self.tries = 0
        monkeypatch.setattr("tenacity.time.monotonic", lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def retrier(self, attempts: int = 8, deadline: float = 180.0) -> Retrier:
        return Retrier(RetryPolicy(attempts, deadline), self.said.append, self.sleep)

    def failing(self, *errors: Exception | None, takes: float = 0.0) -> Callable[[], str]:
        """An action that meets these errors, the last one for ever."""

        def action() -> str:
            error = errors[min(self.tries, len(errors) - 1)]
            self.tries += 1
            self.now += takes
            if error:
                raise error
            return "done"

        return action


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_what_succeeds_is_done_once_and_said_nothing_of(world: World) -> None:
    assert world.retrier().call("reading", world.failing(None)) == "done"
    assert (world.tries, world.slept, world.said) == (1, [], [])


def test_a_transient_failure_is_retried_and_announced(world: World) -> None:
    retrier = world.retrier()
    action = world.failing(CommandFailedError(BUSY), CommandFailedError(BUSY), None)
    assert retrier.call("reading r.io/web:deps", action) == "done"
    assert len(world.slept) == 2
    assert world.said == [
        f"retry {number}/7 in {wait:.1f} s: reading r.io/web:deps: 503 Service Unavailable"
        for number, wait in enumerate(world.slept, start=1)
    ]
    assert [(r.step, r.reason, r.attempt) for r in retrier.retries] == [
        ("reading r.io/web:deps", "503 Service Unavailable", 1),
        ("reading r.io/web:deps", "503 Service Unavailable", 2),
    ]
    assert [retry.waited for retry in retrier.retries] == pytest.approx(world.slept, abs=0.001)


@pytest.mark.parametrize(
    "error",
    [CommandFailedError(DENIED), CommandFailedError(""), ValueError("x"), KeyboardInterrupt()],
    ids=["refused", "unknown", "a slip of ours", "interrupt"],
)
def test_other_failures_are_not_retried(world: World, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        world.retrier().call("reading", world.failing(error))
    assert caught.value is error
    assert (world.tries, world.slept) == (1, [])


def test_the_number_of_tries_is_limited_and_the_last_failure_raised(world: World) -> None:
    with pytest.raises(CommandFailedError, match="503"):
        world.retrier(attempts=3).call("reading", world.failing(CommandFailedError(BUSY)))
    assert (world.tries, len(world.slept)) == (3, 2)


def test_one_attempt_is_no_retry(world: World) -> None:
    with pytest.raises(CommandFailedError):
        world.retrier(attempts=1).call("reading", world.failing(CommandFailedError(BUSY)))
    assert (world.tries, world.said) == (1, [])


def test_no_try_is_begun_after_the_deadline(world: World) -> None:
    action = world.failing(CommandFailedError(BUSY), takes=4.0)
    with pytest.raises(CommandFailedError):
        world.retrier(attempts=1000, deadline=30).call("publishing", action)
    first_failure = 1004.0
    last_begun = world.now - 4.0
    assert last_begun - first_failure <= 30 + world.slept[-1]
    assert world.tries > 2


def test_the_deadline_counts_from_the_first_failure_not_from_the_start(world: World) -> None:
    """A long build must not use up the budget of its push."""
    action = world.failing(CommandFailedError(BUSY), None, takes=3600.0)
    assert world.retrier(deadline=60).call("publishing", action) == "done"


def test_waits_grow_within_their_bounds(world: World) -> None:
    with pytest.raises(CommandFailedError):
        world.retrier(attempts=12, deadline=1e9).call(
            "reading", world.failing(CommandFailedError(BUSY))
        )
    bounds = [min(20.0, 0.5 * 2**n) for n in range(11)]
    assert all(0 <= wait <= bound for wait, bound in zip(world.slept, bounds, strict=True))
    assert max(world.slept) > 0.5


def test_each_step_has_a_budget_of_its_own_but_one_record(world: World) -> None:
    retrier = world.retrier(attempts=2)
    for step in ("one", "two"):
        world.tries = 0
        retrier.call(step, world.failing(CommandFailedError(BUSY), None))
    assert [retry.step for retry in retrier.retries] == ["one", "two"]


def test_no_less_is_waited_than_the_registry_asks_for(world: World) -> None:
    busy = HttpFailure(Kind.TRANSIENT, "429 Too Many Requests", "GET …", 429, "", retry_after=40.0)
    action = world.failing(RequestFailedError(busy), None)
    assert world.retrier().call("reading", action) == "done"
    assert world.slept == [40.0]


def test_a_registry_cannot_ask_for_more_than_the_budget(world: World) -> None:
    busy = HttpFailure(Kind.TRANSIENT, "503", "GET …", 503, "", retry_after=86400.0)
    action = world.failing(RequestFailedError(busy), None)
    assert world.retrier(deadline=60).call("reading", action) == "done"
    assert world.slept == [60.0]
