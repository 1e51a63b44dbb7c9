from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.support.errors import outcome
from tests.support.record import begun, done, ended, running, text, warmed
from whalebuild.deployments.record import History
from whalebuild.deployments.record_format import entry_line, read_history
from whalebuild.errors import UsageError
from whalebuild.state.records import FileRecord, files_of, records_folder, state_folder

ENGINE = "ABCD:EFGH:2345"
WEB = running(web="1")


@pytest.fixture
def record(tmp_path: Path) -> FileRecord:
    return FileRecord(tmp_path / "state", ENGINE, "shop")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_added_is_read(record: FileRecord) -> None:
    assert record.read() == History()
    entries = [*done(1, web="1"), warmed("web", "2")]
    for entry in entries:
        record.add(entry)
    assert record.path.read_text() == text(entries)
    assert record.read() == read_history(text(entries))


def test_it_is_the_users_alone(record: FileRecord, tmp_path: Path) -> None:
    record.add(begun(1, WEB))
    assert record.path == tmp_path / "state/deployments/ABCD_EFGH_2345/shop.jsonl"
    assert mode(record.path) == 0o600
    folders = [record.path.parent, record.path.parent.parent, tmp_path / "state"]
    assert {mode(folder) for folder in folders} == {0o700}
    assert [path.name for path in record.path.parent.iterdir()] == ["shop.jsonl"]


def test_old_lines_stay_byte_by_byte(record: FileRecord) -> None:
    record.path.parent.mkdir(parents=True)
    old = b'\xff\x00 not JSON\r\n\n{"schema": "other"}\n' + entry_line(begun(1, WEB)).encode()
    record.path.write_bytes(old)
    record.add(ended(1, WEB))
    assert record.path.read_bytes() == old + b"\n" + entry_line(ended(1, WEB)).encode() + b"\n"
    assert record.read().damaged == (1, 3)
    assert record.read().deployments[0].ended


def test_what_a_killed_writer_left_is_no_hindrance(record: FileRecord) -> None:
    record.add(begun(1, WEB))
    (record.path.parent / "shop.new").write_text('{"schema": "whaleb')
    record.add(ended(1, WEB))
    assert record.read() == read_history(text([begun(1, WEB), ended(1, WEB)]))
    assert not (record.path.parent / "shop.new").exists()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_record_as_it_was(
    record: FileRecord, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    record.add(begun(1, WEB))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os if call == "fsync" else Path, call, full)
        error = outcome(lambda: record.add(ended(1, WEB)))
    assert isinstance(error, UsageError)
    assert error.what == "cannot write the record of deployments"
    assert error.cause == f"{record.path}: No space left on device"
    assert "WHALEBUILD_STATE_DIR" in str(error.next_step)
    assert record.path.read_text() == text([begun(1, WEB)])


def test_a_state_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    record = FileRecord(tmp_path / "file", ENGINE, "shop")
    error = outcome(lambda: record.add(begun(1, WEB)))
    assert isinstance(error, UsageError)
    (tmp_path / "state/deployments/E/shop.jsonl").mkdir(parents=True)
    error = outcome(FileRecord(tmp_path / "state", "E", "shop").read)
    assert isinstance(error, UsageError)
    assert error.what == "cannot read the record of deployments"


def test_all_records_of_an_engine(tmp_path: Path) -> None:
    assert files_of(tmp_path, ENGINE) == {}
    for project, engine in (("shop", ENGINE), ("blog", ENGINE), ("other", "another")):
        FileRecord(tmp_path, engine, project).add(begun(1, WEB))
    FileRecord(tmp_path, ENGINE, "shop").lock.touch()
    found = files_of(tmp_path, ENGINE)
    assert set(found) == {"shop", "blog"}
    assert found["blog"].read() == read_history(text([begun(1, WEB)]))


def test_names_stay_within_the_folder(tmp_path: Path) -> None:
    assert records_folder(tmp_path, "../..").parent == tmp_path / "deployments"
    path = FileRecord(tmp_path, "E", "../up").path
    assert path.parent == tmp_path / "deployments/E"


def test_where_the_state_is(tmp_path: Path) -> None:
    home = {"HOME": "/home/u"}
    assert state_folder(None, home) == Path("/home/u/.local/state/whalebuild")
    assert state_folder(None, {**home, "XDG_STATE_HOME": "/xdg"}) == Path("/xdg/whalebuild")
    assert state_folder("/given", home) == Path("/given")
    assert state_folder("given", home).is_absolute()
