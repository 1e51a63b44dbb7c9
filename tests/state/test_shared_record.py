"""The record on the engine and in this machine's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.errors import outcome
from tests.support.record import begun, done, ended, running
from tests.support.volumes import FakeVolumes
from whalebuild.deployments.record import Outcome
from whalebuild.deployments.volumes import PROJECT, PURPOSE, TEXT, Purpose, Volume
from whalebuild.errors import DeployError
from whalebuild.state.records import FileRecord
from whalebuild.state.shared_record import SharedRecord, records_of

ENGINE = "ENGINE"
NAME = "whalebuild-shop-record-{}"


class Machine:
    """A machine with a state folder of its own."""

    def __init__(self, folder: Path, volumes: FakeVolumes) -> None:
        self.folder, self.volumes = folder, volumes
        self.notes: list[str] = []

    @property
    def file(self) -> FileRecord:
        return FileRecord(self.folder, ENGINE, "shop")

    @property
    def record(self) -> SharedRecord:
        """Of a new run."""
        return SharedRecord(self.file, self.volumes, "shop", self.notes.append)

    def deploys(self, number: int, version: str) -> None:
        record = self.record
        for entry in done(number, web=version):
            record.add(entry)

    @property
    def numbers(self) -> list[int]:
        return [each.number for each in self.record.read().deployments]


@pytest.fixture
def volumes() -> FakeVolumes:
    return FakeVolumes()


@pytest.fixture
def a(tmp_path: Path, volumes: FakeVolumes) -> Machine:
    return Machine(tmp_path / "a", volumes)


@pytest.fixture
def b(tmp_path: Path, volumes: FakeVolumes) -> Machine:
    return Machine(tmp_path / "b", volumes)


def test_machines_see_each_others(a: Machine, b: Machine, volumes: FakeVolumes) -> None:
    a.deploys(1, "1")
    assert b.numbers == [1]
    b.deploys(2, "2")
    a.deploys(3, "3")
    assert a.record.read() == b.record.read()
    assert a.numbers == [1, 2, 3]
    assert len(volumes.there) == 1, "older ones are removed"
    assert (a.notes, b.notes) == ([], [])


def test_what_is_only_read_writes_nothing(a: Machine, b: Machine, volumes: FakeVolumes) -> None:
    a.deploys(1, "1")
    there = dict(volumes.there)
    assert b.numbers == [1]
    assert volumes.there == there
    assert not b.folder.exists()


def test_a_record_from_before_goes_to_the_engine(a: Machine, b: Machine) -> None:
    for entry in done(1, web="1"):
        a.file.add(entry)
    assert a.numbers == [1]
    assert b.numbers == []
    a.deploys(2, "2")
    assert b.numbers == [1, 2]


@pytest.mark.parametrize("by", ["hand", "damage"])
def test_an_engine_that_has_lost_it(a: Machine, b: Machine, volumes: FakeVolumes, by: str) -> None:
    a.deploys(1, "1")
    a.deploys(2, "2")
    if by == "hand":
        volumes.there.clear()
    else:
        [(name, volume)] = volumes.there.items()
        volumes.there[name] = Volume(name, {**volume.labels, TEXT: volume.labels[TEXT][:30]})
    assert a.numbers == [1, 2]
    assert b.numbers == []
    a.deploys(3, "3")
    assert b.numbers == [1, 2, 3]
    assert bool(a.notes) is (by == "damage")
    assert all("cannot be read and is skipped" in note for note in a.notes)


@pytest.mark.parametrize("refused", [{"find", "create"}, {"create"}, {"remove"}])
def test_an_engine_that_refuses(
    a: Machine, b: Machine, volumes: FakeVolumes, refused: set[str]
) -> None:
    a.deploys(1, "1")
    volumes.refuses = refused
    a.deploys(2, "2")
    assert len(a.notes) == 1
    assert "authorization denied by plugin no-volumes" in a.notes[0]
    volumes.refuses = set()
    a.deploys(3, "3")
    assert a.numbers == b.numbers == [1, 2, 3]


def test_a_volume_of_somebody_else(a: Machine, volumes: FakeVolumes) -> None:
    volumes.there[NAME.format(1)] = Volume(NAME.format(1), {})
    a.deploys(1, "1")
    assert NAME.format(2) not in a.notes
    a.deploys(2, "2")
    assert NAME.format(1) in volumes.there
    assert a.notes == []


def test_killed_between_the_file_and_the_engine(a: Machine, b: Machine) -> None:
    a.deploys(1, "1")
    a.file.add(begun(2, running(web="2"), running(web="1")))
    assert a.record.read().deployments[-1].outcome is Outcome.INTERRUPTED
    a.deploys(3, "3")
    assert b.numbers == [1, 2, 3]


def test_records_that_never_met(a: Machine, b: Machine) -> None:
    a.deploys(1, "a1")
    for number in (1, 2):
        for entry in done(number, web=f"b{number}"):
            b.file.add(entry)
    before = b.file.lines()
    assert b.numbers == [1]
    b.deploys(2, "b3")
    assert a.record.read() == b.record.read()
    [note] = b.notes
    assert note.startswith("4 lines of ")
    aside = b.file.path.with_suffix(".replaced")
    assert aside.read_text().splitlines() == list(before)
    assert aside.stat().st_mode & 0o777 == 0o600


def test_a_lock_that_was_lost_ends_it(a: Machine) -> None:
    record = a.record

    def lost() -> None:
        raise DeployError("lost")

    record.require = lost
    error = outcome(lambda: record.add(begun(1, running(web="1"))))
    assert error.what == "lost"
    assert a.file.lines() == ()


def test_secrets_of_a_reason_are_in_neither(a: Machine, volumes: FakeVolumes) -> None:
    record = a.record
    record.add(begun(1, running(web="1")))
    reason = "web: https://anna:hunter2@db.example/ does not answer"
    record.add(ended(1, running(web="1"), Outcome.FAILED, reason))
    assert "hunter2" not in a.file.path.read_text()
    found = a.record.read().deployments[0].ended
    assert found
    assert "db.example" in str(found.reason)
    assert "hunter2" not in str(found.reason)


def test_all_records_of_an_engine(a: Machine, b: Machine, volumes: FakeVolumes) -> None:
    a.deploys(1, "1")
    FileRecord(b.folder, ENGINE, "own").add(begun(1, running(web="x")))
    volumes.create("whalebuild-odd-record-1", {PROJECT: "odd", PURPOSE: Purpose.RECORD, TEXT: "?"})
    found = records_of(b.folder, ENGINE, volumes, b.notes.append)
    assert {name: len(history.deployments) for name, history in found.items()} == {
        "shop": 1,
        "own": 1,
        "odd": 0,
    }
    volumes.refuses = {"find"}
    found = records_of(b.folder, ENGINE, volumes, b.notes.append)
    assert list(found) == ["own"]
    assert len(b.notes) == 1
