"""The lock on the engine, between machines."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.errors import outcome
from tests.support.volumes import FakeVolumes
from whalebuild.deployments.engine_lock import Holder
from whalebuild.deployments.volumes import PROJECT, PURPOSE, TEXT, Purpose, Volume
from whalebuild.errors import DeployError, EngineError
from whalebuild.state import engine_lock as module
from whalebuild.state.engine_lock import EngineLock, engine_lock
from whalebuild.state.lock import holder_of

SINCE = "2026-11-29T00:00:00+00:00"
NAMES = [f"whalebuild-shop-lock-{n}" for n in range(10)]


@pytest.fixture
def volumes() -> FakeVolumes:
    return FakeVolumes()


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOKS", 0.01)


def holder(machine: str) -> Holder:
    return Holder(f"anna@{machine}", "deploy", SINCE, machine)


def lock(volumes: FakeVolumes, machine: str, notes: list[str]) -> EngineLock:
    return EngineLock(volumes, "shop", holder(machine), notes.append)


def test_one_has_it_and_leaves_nothing_behind(volumes: FakeVolumes, notes: list[str]) -> None:
    with engine_lock(volumes, "shop", notes.append, wait=False, holder=holder("a")) as require:
        require()
        assert list(volumes.there) == NAMES[1:2]
    assert (volumes.there, notes) == ({}, [])


def test_another_machine_is_told_who_has_it(volumes: FakeVolumes, notes: list[str]) -> None:
    lock(volumes, "a", notes).take(wait=False)
    error = outcome(lambda: lock(volumes, "b", notes).take(wait=False))
    assert isinstance(error, DeployError)
    assert error.exit_code == 8
    assert error.what == "another deploy of shop is under way"
    assert f"`whalebuild deploy` of anna@a, since {SINCE}" in str(error.cause)
    assert list(volumes.there) == NAMES[1:2]


def test_another_project_is_free(volumes: FakeVolumes, notes: list[str]) -> None:
    lock(volumes, "a", notes).take(wait=False)
    EngineLock(volumes, "other", holder("b"), notes.append).take(wait=False)


def test_another_machine_waits(volumes: FakeVolumes, notes: list[str]) -> None:
    first = lock(volumes, "a", notes)
    first.take(wait=False)
    second = lock(volumes, "b", notes)
    waiter = threading.Thread(target=lambda: second.take(wait=True))
    waiter.start()
    while not notes:
        pass
    assert waiter.is_alive()
    volumes.refuses = {"find"}  # the engine starts anew
    waiter.join(0.1)
    assert waiter.is_alive()
    volumes.refuses = set()
    first.free()
    waiter.join(10)
    assert not waiter.is_alive()
    assert notes == [
        f"waiting for another deploy of shop: `whalebuild deploy` of anna@a, since {SINCE}"
    ]
    assert len(volumes.there) == 1


def test_an_engine_that_stays_away_is_told_to_who_waits(
    volumes: FakeVolumes, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE", 0.05)
    lock(volumes, "a", notes).take(wait=False)

    def tell(note: str) -> None:
        volumes.refuses = {"find"}

    with (
        pytest.raises(EngineError),
        engine_lock(volumes, "shop", tell, wait=True, holder=holder("b")),
    ):
        raise AssertionError("somebody has it")


def test_a_dead_holder_is_taken_over_after_its_lease(
    volumes: FakeVolumes, notes: list[str]
) -> None:
    dead = lock(volumes, "a", notes)
    dead.take(wait=False)
    volumes.pass_seconds(59)
    assert isinstance(outcome(lambda: lock(volumes, "b", notes).take(wait=False)), DeployError)
    volumes.pass_seconds(2)
    taker = lock(volumes, "b", notes)
    taker.take(wait=False)
    assert notes[-1].startswith("took over from `whalebuild deploy` of anna@a")
    assert notes[-1].endswith("it has given no sign of life for too long")
    # It was only asleep.
    dead.renew()
    error = outcome(dead.require)
    assert isinstance(error, DeployError)
    assert "anna@b" in str(error.cause)
    dead.renew()
    dead.free()
    taker.require()
    taker.renew()
    taker.require()


def test_signs_of_life(volumes: FakeVolumes, notes: list[str]) -> None:
    alive = lock(volumes, "a", notes)
    alive.take(wait=False)
    for _ in range(5):
        volumes.pass_seconds(50)
        alive.renew()
        assert len(volumes.there) == 1
        assert isinstance(outcome(lambda: lock(volumes, "b", notes).take(wait=False)), DeployError)
    alive.require()
    alive.free()
    assert not volumes.there


def test_a_dead_holder_of_the_same_machine_is_taken_over_at_once(
    volumes: FakeVolumes, notes: list[str]
) -> None:
    lock(volumes, "a", notes).take(wait=False)
    lock(volumes, "a", notes).take(wait=False)
    assert notes == [f"took over from `whalebuild deploy` of anna@a, since {SINCE}: it was killed"]
    assert len(volumes.there) == 1


@pytest.mark.parametrize("dead", [False, True])
def test_of_two_at_once_one_has_it(volumes: FakeVolumes, notes: list[str], dead: bool) -> None:
    if dead:
        lock(volumes, "c", notes).take(wait=False)
        volumes.pass_seconds(61)
    quicker, slower = lock(volumes, "a", notes), lock(volumes, "b", notes)
    volumes.meanwhile = lambda _: quicker.take(wait=False)
    assert isinstance(outcome(lambda: slower.take(wait=False)), DeployError)
    quicker.renew()
    quicker.require()


def test_who_looked_long_ago_has_it_not(volumes: FakeVolumes, notes: list[str]) -> None:
    quicker, slower = lock(volumes, "a", notes), lock(volumes, "b", notes)

    def meanwhile(_: str) -> None:
        quicker.take(wait=False)
        quicker.renew()

    volumes.meanwhile = meanwhile
    assert isinstance(outcome(lambda: slower.take(wait=False)), DeployError)
    assert list(volumes.there) == NAMES[2:3]


def test_a_lock_that_somebody_removed_is_made_again(volumes: FakeVolumes, notes: list[str]) -> None:
    held = lock(volumes, "a", notes)
    held.take(wait=False)
    volumes.there.clear()
    held.renew()
    held.require()
    assert isinstance(outcome(lambda: lock(volumes, "b", notes).take(wait=False)), DeployError)


def test_two_of_whom_each_has_it_by_a_removal_do_not_both_go_on(
    volumes: FakeVolumes, notes: list[str]
) -> None:
    one, two = lock(volumes, "a", notes), lock(volumes, "b", notes)
    one.take(wait=False)
    volumes.there.clear()
    two.take(wait=False)
    for each in (one, two, one, two):
        each.renew()
    assert [each.taken_by is None for each in (one, two)].count(True) == 1


@pytest.mark.parametrize("what", ["find", "create", "remove"])
def test_an_engine_that_keeps_none_is_no_hindrance(
    volumes: FakeVolumes, notes: list[str], what: str
) -> None:
    volumes.there["x"] = volumes.there.get("x") or _foreign("x")
    volumes.refuses = {what}
    with engine_lock(volumes, "shop", notes.append, wait=False, holder=holder("a")) as require:
        require()
    assert notes
    assert "authorization denied by plugin no-volumes" in notes[0]


def test_an_engine_that_is_away_for_a_while(volumes: FakeVolumes, notes: list[str]) -> None:
    with engine_lock(volumes, "shop", notes.append, wait=False, holder=holder("a")) as require:
        volumes.refuses = {"find", "create", "remove"}
        require()
    assert notes == ["the lock of shop stays on the engine for 1 min 0 s: " + _refusal(volumes)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"who": 1}', "[" * 9000])
def test_a_claim_that_cannot_be_read(volumes: FakeVolumes, notes: list[str], text: str) -> None:
    labels = {PROJECT: "shop", PURPOSE: Purpose.LOCK, TEXT: text}
    volumes.create(NAMES[7], labels)
    error = outcome(lambda: lock(volumes, "b", notes).take(wait=False))
    assert NAMES[7] in str(error.cause)
    volumes.pass_seconds(61)
    lock(volumes, "b", notes).take(wait=False)
    assert list(volumes.there) == NAMES[8:9]


def test_a_name_that_somebody_else_has(volumes: FakeVolumes, notes: list[str]) -> None:
    volumes.there[NAMES[1]] = _foreign(NAMES[1])
    lock(volumes, "a", notes).take(wait=False)
    assert list(volumes.there) == NAMES[1:3]


def test_a_machine_is_told_by_the_file_that_it_locks(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.touch()
    two.touch()
    first, again, other = (holder_of(path, "deploy") for path in (one, one, two))
    assert first.machine == again.machine != other.machine
    assert "@" in first.who


def _foreign(name: str) -> Volume:
    return Volume(name, {})


def _refusal(volumes: FakeVolumes) -> str:
    return str(outcome(lambda: volumes.find({})).what)
