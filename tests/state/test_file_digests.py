"""Digests of files from one run to the next; a cache that is of no use is as good as none."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.state import file_digests
from whalebuild.state.file_digests import CachedDigests

DAY = 24 * 3600.0
CONTEXT = "/home/me/project"


def identity(number: int) -> bytes:
    return number.to_bytes(40, "little")


def digest(number: int) -> str:
    return f"{number:064x}"


def cached(folder: Path, day: float = 100) -> CachedDigests:
    return CachedDigests({"XDG_CACHE_HOME": str(folder)}, lambda: day * DAY)


def keep(folder: Path, *numbers: int, day: float = 100, context: str = CONTEXT) -> None:
    notes = cached(folder, day)
    for number in numbers:
        notes.of(context).keep(identity(number), digest(number))
    notes.save()
    if (folder / "whalebuild/files").is_dir():
        for file in files(folder):
            os.utime(file, (day * DAY, day * DAY))


def files(folder: Path) -> list[Path]:
    return sorted((folder / "whalebuild/files").iterdir())


def found(
    folder: Path, *numbers: int, day: float = 100, context: str = CONTEXT
) -> list[str | None]:
    return cached(folder, day).of(context).find(map(identity, numbers))


def test_what_is_kept_is_found_in_the_same_context_alone(tmp_path: Path) -> None:
    keep(tmp_path, 1, 2)
    assert found(tmp_path, 2, 3, 1) == [digest(2), None, digest(1)]
    assert found(tmp_path, 1, context="/elsewhere") == [None]


def test_files_are_the_users_alone_and_have_no_names(tmp_path: Path) -> None:
    keep(tmp_path, 1)
    (file,) = files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "project" not in file.name
    assert b"project" not in file.read_bytes()


def test_nothing_is_written_where_nothing_is_new(tmp_path: Path) -> None:
    cached(tmp_path).save()
    assert not (tmp_path / "whalebuild").exists()
    keep(tmp_path, 1)
    before = files(tmp_path)[0].stat().st_ino
    notes = cached(tmp_path, 101)
    assert notes.of(CONTEXT).find([identity(1)]) == [digest(1)]
    notes.save()
    assert files(tmp_path)[0].stat().st_ino == before


def test_what_another_run_has_written_meanwhile_is_kept(tmp_path: Path) -> None:
    notes = cached(tmp_path)
    notes.of(CONTEXT).find([identity(1)])
    keep(tmp_path, 1, 2)
    notes.of(CONTEXT).keep(identity(3), digest(3))
    notes.save()
    assert found(tmp_path, 1, 2, 3) == [digest(1), digest(2), digest(3)]


def test_what_is_of_no_use_for_long_is_dropped(tmp_path: Path) -> None:
    keep(tmp_path, 1, 2)
    for day in (110, 120, 129):
        notes = cached(tmp_path, day)
        assert notes.of(CONTEXT).find([identity(1)]) == [digest(1)]
        notes.save()
        for file in files(tmp_path):
            os.utime(file, (day * DAY, day * DAY))
    keep(tmp_path, 3, day=131)
    assert found(tmp_path, 1, 2, 3, day=131) == [digest(1), None, digest(3)]


def test_files_of_contexts_that_nobody_uses_are_removed(tmp_path: Path) -> None:
    keep(tmp_path, 1, context="/old")
    keep(tmp_path, 1, day=115, context="/other")
    os.utime(files(tmp_path)[0], (100 * DAY, 100 * DAY))
    os.utime(files(tmp_path)[1], (100 * DAY, 100 * DAY))
    keep(tmp_path, 1, day=131, context="/new")
    assert len(files(tmp_path)) == 1


def test_the_room_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_digests, "_MOST_BYTES", 10 * 76)
    keep(tmp_path, *range(15))
    assert found(tmp_path, 4, 5, 14) == [None, digest(5), digest(14)]
    keep(tmp_path, 20)
    assert found(tmp_path, 5, 6, 14, 20) == [None, digest(6), digest(14), digest(20)]
    monkeypatch.setattr(file_digests, "_MOST_BYTES_IN_ALL", 1000)
    keep(tmp_path, 1, day=101, context="/other")
    keep(tmp_path, *range(3), day=102, context="/third")
    assert found(tmp_path, 20) == [None]
    assert found(tmp_path, 1, context="/third") == [digest(1)]


@pytest.mark.parametrize("where", ["cache", "whalebuild", "files"])
def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, where: str) -> None:
    place = {"cache": "", "whalebuild": "whalebuild", "files": "whalebuild/files"}[where]
    file = tmp_path / "cache" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("no folder\n")
    keep(tmp_path / "cache", 1)
    assert found(tmp_path / "cache", 1) == [None]
    assert file.read_text() == "no folder\n"


def _by_others(file: Path) -> None:
    file.chmod(0o620)


def _in_a_folder_of_others(file: Path) -> None:
    file.parent.chmod(0o777)


def _a_link(file: Path) -> None:
    file.rename(file.parent.parent / "real")
    file.symlink_to(file.parent.parent / "real")


def _in_a_link(file: Path) -> None:
    real = file.parent.parent / "real"
    file.parent.rename(real)
    file.parent.symlink_to(real)


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "change", [_by_others, _in_a_folder_of_others, _a_link, _in_a_link, _a_pipe, _a_folder]
)
def test_what_others_may_have_written_is_not_read(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    keep(tmp_path, 1)
    change(files(tmp_path)[0])
    assert found(tmp_path, 1) == [None]
    keep(tmp_path, 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    keep(tmp_path, 1)
    os.chown(files(tmp_path)[0], 4711, 4711)
    assert found(tmp_path, 1) == [None]
    keep(tmp_path, 2)
    assert found(tmp_path, 1, 2) == [None, digest(2)]


@given(st.data())
def test_a_damaged_file_is_as_good_as_none(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep(folder, *range(5))
        (file,) = files(folder)
        raw = bytearray(file.read_bytes())
        at = data.draw(st.integers(0, len(raw) - 1))
        how = data.draw(st.sampled_from(["flip", "cut", "insert", "longer"]))
        if how == "flip":
            raw[at] ^= data.draw(st.integers(1, 255))
        elif how == "cut":
            del raw[at:]
        else:
            more = data.draw(st.binary(min_size=1, max_size=200))
            raw[at if how == "insert" else len(raw) :] = more
        file.write_bytes(raw)
        assert found(folder, *range(5)) == [None] * 5
        keep(folder, 7)
        assert found(folder, 7) == [digest(7)]


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, 1)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    keep(tmp_path, 2)
    monkeypatch.undo()
    assert len(files(tmp_path)) == 1
    assert found(tmp_path, 1, 2) == [digest(1), None]
