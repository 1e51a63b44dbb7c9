from __future__ import annotations

import pytest

from tests.support.errors import outcome as result
from tests.support.record import begun, done, ended, history, running, version, warmed
from whalebuild.deployments.history import (
    effective,
    good_deployments,
    interrupted_services,
    next_number,
    reasons_to_keep,
    recorded_versions,
    rollback_target,
    state_after,
    state_now,
)
from whalebuild.deployments.record import Entry, History, Outcome
from whalebuild.errors import UsageError

BOTH = (*done(1, web="1", db="1"), *done(2, web="2"), *done(3, web="3"))
FAILED_4 = (
    begun(4, running(web="4"), running(web="3")),
    ended(4, running(web="4"), Outcome.FAILED),
)
BACK_4 = (FAILED_4[0], ended(4, running(web="3"), Outcome.ROLLED_BACK))
BACK_5 = (
    begun(5, running(web="5"), running(web="4")),
    ended(5, running(web="4"), Outcome.ROLLED_BACK),
)
INTERRUPTED_4 = (FAILED_4[0],)


def kept(history: History, keep: int) -> frozenset[str]:
    return frozenset(reasons_to_keep(history, keep))


def dig(*names: str) -> set[str | None]:
    return {version(name).digest for name in names}


def test_an_empty_record() -> None:
    empty = History()
    assert next_number(empty) == 1
    assert state_now(empty) == {}
    assert effective(empty) is None
    assert kept(empty, 5) == recorded_versions(empty) == interrupted_services(empty) == frozenset()
    error = result(lambda: rollback_target(empty, None))
    assert (error.what, error.exit_code) == ("there is nothing to go back to", 2)


def test_the_state_is_folded_over_services() -> None:
    found = history(*BOTH)
    assert state_after(found, 1) == running(web="1", db="1")
    assert state_after(found, 2) == running(web="2", db="1")
    assert state_now(found) == running(web="3", db="1")


def test_the_state_of_a_service_that_came_later_is_what_ran_before() -> None:
    later = begun(2, running(db="2", log="1"), {**running(db="1"), "log": None})
    found = history(*done(1, web="1"), later, ended(2, running(db="2", log="1")))
    assert state_after(found, 1) == running(web="1", db="1", log=None)
    assert state_now(found) == running(web="1", db="2", log="1")


@pytest.mark.parametrize(
    ("end", "web", "meant", "doubtful"),
    [
        (FAILED_4, "4", 3, set()),
        (BACK_4, "3", 3, set()),
        (INTERRUPTED_4, "3", 3, {"web"}),
        (done(4, to=1, web="1"), "1", 1, set()),
        (done(4, to=2, web="2"), "2", 2, set()),
        (done(4, web="3"), "3", 4, set()),
    ],
    ids=["failed", "rolled back", "interrupted", "rollback", "rollback to 2", "again"],
)
def test_what_is_meant_to_run(
    end: tuple[Entry, ...], web: str, meant: int, doubtful: set[str]
) -> None:
    found = history(*BOTH, *end)
    assert state_now(found)["web"] == version(web)
    good = effective(found)
    assert good
    assert good.number == meant
    assert interrupted_services(found) == doubtful


def test_who_ends_about_a_service_makes_it_sure_again() -> None:
    assert interrupted_services(history(*BOTH, *INTERRUPTED_4, *done(5, db="2"))) == {"web"}
    assert interrupted_services(history(*BOTH, *INTERRUPTED_4, *done(5, web="2"))) == set()


def test_a_rollback_to_a_rollback_stands_for_the_first() -> None:
    found = history(*BOTH, *done(4, to=1, web="1"), *done(5, web="5"), *done(6, to=4, web="1"))
    good = effective(found)
    assert good
    assert good.number == 1


def test_a_rollback_to_what_the_record_has_lost_stands_for_itself() -> None:
    good = effective(history(*BOTH, *done(9, to=8, web="1")))
    assert good
    assert good.number == 9


@pytest.mark.parametrize(
    ("more", "target"),
    [
        ((), 2),
        (FAILED_4, 3),
        (INTERRUPTED_4, 3),
        (BACK_4, 2),
        (done(4, to=2, web="2"), 1),
        (done(4, web="3"), 2),
        ((*done(4, to=1, web="1"), *done(5, web="5")), 1),
        ((*BACK_4, *done(5, web="5")), 3),
        ((*FAILED_4, *BACK_5), 3),
        ((*INTERRUPTED_4, *BACK_5), 3),
        ((*FAILED_4, *done(5, web="5")), 3),
    ],
    ids=[
        "good",
        "failed",
        "interrupted",
        "rolled back",
        "second",
        "same",
        "over",
        "after",
        "failed, rolled back",
        "interrupted, rolled back",
        "failed, good",
    ],
)
def test_where_a_rollback_goes(more: tuple[Entry, ...], target: int) -> None:
    assert rollback_target(history(*BOTH, *more), None).number == target


@pytest.mark.parametrize(
    ("entries", "cause"),
    [
        (done(1, web="1"), "no deployment before this one was good and had other versions"),
        ((*done(1, web="1"), *done(2, web="1")), "no deployment before this one was good and had"),
        ((*done(1, web="1"), *done(2, db="1")), "no deployment before this one was good and had"),
        ((*BOTH, *done(4, to=1, web="1")), "no deployment before this one was good and had"),
        (
            (begun(1, running(web="1")), ended(1, running(web="1"), Outcome.FAILED)),
            "no deployment of this project was good yet",
        ),
        ((begun(1, running(web="1")),), "no deployment of this project was good yet"),
    ],
    ids=["one", "same", "new service", "at the first", "failed", "interrupted"],
)
def test_nothing_to_go_back_to(entries: tuple[Entry, ...], cause: str) -> None:
    error = result(lambda: rollback_target(history(*entries), None))
    assert isinstance(error, UsageError)
    assert error.what == "there is nothing to go back to"
    assert str(error.cause).startswith(cause)
    assert error.next_step


def test_a_rollback_by_number_goes_to_a_good_one() -> None:
    found = history(*BOTH, *FAILED_4, begun(5, running(web="5")), *done(6, to=1, web="1"))
    assert rollback_target(found, 2).number == 2
    assert rollback_target(found, 6).number == 6
    assert tuple(good_deployments(found)) == (1, 2, 3, 6)
    errors = [result(lambda n=n: rollback_target(found, n)) for n in (4, 5, 7)]  # type: ignore[misc]
    assert [error.what for error in errors] == [
        "deployment 4 cannot be gone back to: it failed",
        "deployment 5 cannot be gone back to: it was interrupted",
        "the record has no deployment 7",
    ]
    assert {error.cause for error in errors} == {"good ones are 1, 2, 3, 6"}


def test_what_is_kept_is_the_last_states() -> None:
    found = history(*BOTH)
    assert kept(found, 1) == dig("3", "1")
    assert kept(found, 2) == dig("3", "2", "1")
    assert kept(history(*done(1, web="1"), *done(2, web="2"), *done(3, web="3")), 2) == dig(
        "2", "3"
    )


def test_one_state_counts_once() -> None:
    found = history(*done(1, web="1"), *done(2, web="2"), *done(3, web="2"), *done(4, web="4"))
    assert kept(found, 3) == dig("1", "2", "4")
    back = history(*BOTH, *done(4, to=2, web="2"), *done(5, to=3, web="3"))
    assert kept(back, 2) == dig("1", "2", "3")


@pytest.mark.parametrize("end", [FAILED_4, INTERRUPTED_4], ids=["failed", "interrupted"])
def test_what_a_bad_last_deployment_was_about_is_kept(end: tuple[Entry, ...]) -> None:
    assert kept(history(*BOTH, *end), 1) == dig("1", "3", "4")
    assert kept(history(*BOTH, *end, *done(5, web="5")), 1) == dig("1", "5")


def test_the_last_version_pulled_ahead_is_kept() -> None:
    ahead = (warmed("web", "old"), warmed("db", "data"), warmed("web", "new"))
    assert kept(history(*done(1, web="1"), *ahead), 1) == dig("1", "data", "new")


def test_why_something_is_kept() -> None:
    reasons = reasons_to_keep(history(*BOTH, *INTERRUPTED_4, warmed("web", "new")), 2)
    assert {version(name).digest: reasons[version(name).digest or ""] for name in reasons_of} == {
        version(name).digest: reason for name, reason in reasons_of.items()
    }
    assert len(reasons) == len(reasons_of)


reasons_of = {
    "3": "runs, as the record says",
    "1": "runs, as the record says",
    "2": "deployment 2",
    "4": "deployment 4, which was interrupted",
    "new": "pulled ahead",
}


def test_all_that_was_ever_named() -> None:
    found = history(*BOTH, *INTERRUPTED_4, warmed("log", "ahead"))
    web = {version(name) for name in "1234"}
    assert recorded_versions(found) == {*web, version("1", "db"), version("ahead", "log")}
