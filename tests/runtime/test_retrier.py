from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from whalebuild.failures.classify_docker import classify
from whalebuild.failures.classify_http import HttpFailure
from whalebuild.failures.failure import FailedError, FailureKind, RequestFailedError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.runtime.retrier import Retrier

BUSY = "ERROR: unexpected status from HEAD request to https://r.io/v2/: 503 Service Unavailable"
DENIED = "ERROR: denied: requested access to the resource is denied"


def failed(words: str, *, pushing: bool = False) -> FailedError:
    return FailedError(classify(words, pushing=pushing))


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
    assert world.retrier().call("reading", world.failing(None), registry="r.io") == "done"
    assert (world.tries, world.slept, world.said) == (1, [], [])


def test_a_transient_failure_is_retried_and_announced(world: World) -> None:
    retrier = world.retrier()
    action = world.failing(failed(BUSY), failed(BUSY), None)
    assert retrier.call("reading r.io/web:deps", action, registry="r.io") == "done"
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
    [failed(DENIED), failed(""), ValueError("x"), KeyboardInterrupt()],
    ids=["refused", "unknown", "a slip of ours", "interrupt"],
)
def test_other_failures_are_not_retried(world: World, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        world.retrier().call("reading", world.failing(error), registry="r.io")
    assert caught.value is error
    assert (world.tries, world.slept) == (1, [])


def test_the_number_of_tries_is_limited_and_the_last_failure_raised(world: World) -> None:
    with pytest.raises(FailedError, match="503"):
        world.retrier(attempts=3).call("reading", world.failing(failed(BUSY)), registry="r.io")
    assert (world.tries, len(world.slept)) == (3, 2)


def test_one_attempt_is_no_retry(world: World) -> None:
    with pytest.raises(FailedError):
        world.retrier(attempts=1).call("reading", world.failing(failed(BUSY)), registry="r.io")
    assert (world.tries, world.said) == (1, [])


def test_no_try_is_begun_after_the_deadline(world: World) -> None:
    action = world.failing(failed(BUSY), takes=4.0)
    with pytest.raises(FailedError):
        world.retrier(attempts=1000, deadline=30).call("publishing", action)
    first_failure = 1004.0
    last_begun = world.now - 4.0
    assert last_begun - first_failure <= 30 + world.slept[-1]
    assert world.tries > 2


def test_the_deadline_counts_from_the_first_failure_not_from_the_start(world: World) -> None:
    """A long build must not use up the budget of its push."""
    action = world.failing(failed(BUSY), None, takes=3600.0)
    assert world.retrier(deadline=60).call("publishing", action, registry="r.io") == "done"


def test_who_has_never_answered_is_given_up_early(world: World) -> None:
    """Its name may be wrong. Who has answered, if with no or with how long to wait, may be back."""
    busy = HttpFailure(FailureKind.TRANSIENT, "429", "GET …", 429, "", retry_after=1.0)

    def seconds(*first: Exception | None) -> float:
        retrier = world.retrier(attempts=1000, deadline=600)
        world.tries = 0
        if first and not isinstance(first[0], RequestFailedError):
            with suppress(FailedError):
                retrier.call("reading", world.failing(*first), registry="r.io")
        began = world.now
        with pytest.raises(FailedError, match="503"):
            retrier.call("reading", world.failing(*first, failed(BUSY), takes=1.0), registry="r.io")
        return world.now - began

    # From the end of the first try, with one more wait and one more try at the most.
    assert 60 - 20 < seconds() < 60 + 23
    for answer in (None, failed(DENIED), RequestFailedError(busy)):
        assert 600 - 20 < seconds(answer) < 600 + 23


def test_waits_grow_within_their_bounds(world: World) -> None:
    with pytest.raises(FailedError):
        world.retrier(attempts=12, deadline=1e9).call(
            "reading", world.failing(failed(BUSY)), registry="r.io"
        )
    bounds = [min(20.0, 0.5 * 2**n) for n in range(11)]
    assert all(0 <= wait <= bound for wait, bound in zip(world.slept, bounds, strict=True))
    assert max(world.slept) > 0.5


def test_each_step_has_a_budget_of_its_own_but_one_record(world: World) -> None:
    retrier = world.retrier(attempts=2)
    for step in ("one", "two"):
        world.tries = 0
        retrier.call(step, world.failing(failed(BUSY), None), registry="r.io")
    assert [retry.step for retry in retrier.retries] == ["one", "two"]


def test_no_less_is_waited_than_the_registry_asks_for(world: World) -> None:
    busy = HttpFailure(
        FailureKind.TRANSIENT, "429 Too Many Requests", "GET …", 429, "", retry_after=40.0
    )
    action = world.failing(RequestFailedError(busy), None)
    assert world.retrier().call("reading", action, registry="r.io") == "done"
    assert world.slept == [40.0]


def test_a_registry_that_asks_for_more_than_the_budget_is_not_waited_for(world: World) -> None:
    busy = HttpFailure(FailureKind.TRANSIENT, "429", "GET …", 429, "", retry_after=3600.0)
    with pytest.raises(RequestFailedError):
        world.retrier(deadline=60).call(
            "reading", world.failing(RequestFailedError(busy)), registry="r.io"
        )
    assert (world.tries, world.slept) == (1, [])


EXPIRED = "ERROR: failed to push r.io/web:deps: unauthorized: authentication required"
NEW = "ERROR: failed to push r.io/web:deps: something new"


@pytest.mark.parametrize(
    ("failure", "tries"),
    [
        (failed(EXPIRED, pushing=True), 2),
        (failed(NEW, pushing=True), 2),
        (failed(NEW), 1),
    ],
    ids=["a login is read again once", "unknown words of a push", "unknown words of a build"],
)
def test_what_is_tried_once_more(world: World, failure: FailedError, tries: int) -> None:
    with pytest.raises(FailedError):
        world.retrier().call("publishing", world.failing(failure), registry="r.io")
    assert world.tries == tries
    assert world.slept[:1] == [0.0] or failure.failure.kind is not FailureKind.CREDENTIAL


def test_a_login_is_read_again_once_among_other_failures(world: World) -> None:
    action = world.failing(failed(EXPIRED), failed(BUSY), failed(EXPIRED), None)
    with pytest.raises(FailedError, match="unauthorized"):
        world.retrier().call("publishing", action, registry="r.io")
    assert world.tries == 3


# A registry that is down


def crowd(retrier: Retrier, count: int, action: Callable[[], str]) -> list[str]:
    """What comes of many steps at once."""

    def step(number: int) -> str:
        try:
            return retrier.call(f"step {number}", action, registry="r.io")
        except FailedError as error:
            return error.failure.reason

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(step, range(count)))


class Down:
    """A registry that fails so many requests, and how many it was asked at once."""

    def __init__(self, failures: float) -> None:
        self.left = failures
        self.asked = 0
        self.lock = threading.Lock()

    def __call__(self) -> str:
        with self.lock:
            self.asked += 1
            self.left -= 1
            down = self.left >= 0
        time.sleep(0.002)
        if down:
            raise failed(BUSY)
        return "done"


def test_of_many_steps_one_finds_out_whether_a_registry_is_back() -> None:
    said: list[str] = []
    down = Down(20)
    retrier = Retrier(RetryPolicy(40, 180.0), said.append, lambda _: time.sleep(0.005))
    assert crowd(retrier, 10, down) == ["done"] * 10
    # All but one of those that failed at first waited for the one.
    assert down.asked <= 20 + 10


def test_when_that_one_gives_up_the_others_do_not_try() -> None:
    said: list[str] = []
    down = Down(float("inf"))
    retrier = Retrier(RetryPolicy(6, 180.0), said.append, lambda _: time.sleep(0.005))
    assert set(crowd(retrier, 10, down)) == {"503 Service Unavailable"}
    assert down.asked <= 10 + 6
    before = down.asked
    assert crowd(retrier, 1, down) == ["503 Service Unavailable"]
    assert down.asked == before + 1, "later steps look once"
    down.left = 0
    assert crowd(retrier, 1, down) == ["done"]
    down.left = 2
    assert crowd(retrier, 1, down) == ["done"], "it is back, with its whole budget"


def test_registries_have_circuits_of_their_own() -> None:
    retrier = Retrier(RetryPolicy(4, 180.0), lambda _: None, lambda _: None)
    with pytest.raises(FailedError):
        retrier.call("reading", Down(float("inf")), registry="r.io")
    assert retrier.call("reading", Down(2), registry="other.io") == "done"


NO_HOST = (
    'ERROR: failed to do request: Head "https://r.io/v2/base/manifests/1": dial tcp: lookup r.io: '
    "no such host"
)


def test_docker_is_not_sent_for_long_to_a_registry_that_never_answered(world: World) -> None:
    retrier = world.retrier()
    with pytest.raises(FailedError):
        retrier.call("reading", world.failing(failed(NO_HOST)), registry="r.io")
    waited, world.tries = sum(world.slept), 0
    assert waited < 180 / 10 + 20
    with pytest.raises(FailedError):
        retrier.call("building", world.failing(failed(NO_HOST)))
    assert (world.tries, sum(world.slept)) == (1, waited)


def test_docker_has_the_whole_budget_with_a_registry_that_has_answered(world: World) -> None:
    retrier = world.retrier()
    retrier.call("reading", world.failing(None), registry="r.io")
    world.tries = 0
    with pytest.raises(FailedError):
        retrier.call("building", world.failing(failed(NO_HOST)))
    assert world.tries == 8
