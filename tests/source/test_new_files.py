"""Files are written whole or not at all, and never over others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whalebuild.errors import UsageError
from whalebuild.source.new_files import write_new_files
from whalebuild.source.project_files import read_project, read_template

TWO = [("one", "1\n"), ("two", "2\n")]


def test_files_are_written_with_the_usual_mode(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_new_files(tmp_path, TWO)
    finally:
        os.umask(before)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict(TWO)
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("what", ["file", "dangling link", "folder"])
def test_what_is_there_by_now_stays_and_nothing_else_is_written(tmp_path: Path, what: str) -> None:
    there = tmp_path / "two"
    if what == "file":
        there.write_text("mine")
    elif what == "folder":
        there.mkdir()
    else:
        there.symlink_to("nowhere")
    with pytest.raises(UsageError, match="cannot write two") as refused:
        write_new_files(tmp_path, TWO)
    cause = "a folder is in its place" if what == "folder" else "it is there by now"
    assert refused.value.cause == cause
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_new_files(tmp_path, TWO)
    with pytest.raises(UsageError, match="cannot write one"):
        write_new_files(tmp_path, TWO)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict(TWO)


def test_a_disk_that_is_full_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def full(_: int) -> None:
        synced.append(1)
        if len(synced) > 1:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError) as refused:
        write_new_files(tmp_path, TWO)
    assert refused.value.cause == "No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_project_is_listed_without_packages_and_hidden_folders(tmp_path: Path) -> None:
    for name in (
        *(".git/config", ".venv/x.py", "node_modules/a/x.js", "app/main.py", ".python-version"),
        *("a/b/c/d/e/deep.py", "a/b/c/d/e/f/deeper.py", "binary.py"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe")
    found = read_project(tmp_path)
    assert found.files == (
        *(".git/config", ".python-version", "a/b/c/d/e/deep.py", "app/main.py", "binary.py"),
    )
    assert found.text("app/main.py") == "x"
    assert found.text("binary.py") == ""
    assert found.text("elsewhere") == ""


def test_templates_are_in_the_package() -> None:
    assert read_template("pip.Dockerfile").startswith("# whalebuild bake")
