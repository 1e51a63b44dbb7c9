"""Scratch folders of runs that were killed, between real processes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whalebuild.docker.scratch import ScratchFolder, remove_abandoned, stop_leftovers

RUN = """
import sys
from whalebuild.docker.cli import DockerCalls

calls = DockerCalls()
print(calls.scratch, flush=True)
calls.run(["sleep"]) if sys.argv[1:] else sys.stdin.read()
"""
MANY = """
from whalebuild.docker.scratch import ScratchFolder

for _ in range(100):
    folder = ScratchFolder()
    file = folder.path / "0.json"
    file.write_text("{}")
    assert file.read_text() == "{}"
    folder.remove()
    assert not folder.path.exists()
"""
SHELL = "echo $$ >pid; while :; do sleep 0.05; done"
Start = Callable[..., tuple["subprocess.Popen[str]", Path]]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of this process and of those that it starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def start(temporary: Path) -> Iterator[Start]:
    """Start a run that waits; its process, and its scratch folder."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> tuple[subprocess.Popen[str], Path]:
        command, pipe = [sys.executable, "-c", RUN, *words], subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        started.append(process)
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        assert folder.parent == temporary
        assert folder.is_dir()
        return process, folder

    yield run
    for each in started:
        kill(each)
        each.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def test_the_next_run_removes_the_folder_of_a_killed_one(start: Start) -> None:
    process, folder = start()
    (folder / "deep").mkdir()
    (folder / "deep" / "bake.json").write_text("{}")
    remove_abandoned()
    assert folder.is_dir(), "it lives"
    kill(process)
    _, other = start()
    assert not folder.exists()
    assert other.is_dir()


def test_the_folders_of_one_process_stay(temporary: Path) -> None:
    one, two = ScratchFolder(), ScratchFolder()
    assert {one.path, two.path} == set(temporary.iterdir())
    one.remove()
    two.remove()
    assert not list(temporary.iterdir())


def test_a_folder_stays_while_a_docker_command_of_it_goes_on(
    start: Start, docker: Callable[[str], Path], tmp_path: Path
) -> None:
    docker(SHELL)
    process, folder = start("docker")
    child = _pid(tmp_path / "pid")
    try:
        kill(process)
        remove_abandoned()
        assert folder.is_dir()
        assert stop_leftovers(folder) == 1
        assert not folder.exists()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def test_it_goes_when_that_command_has_ended(
    start: Start, docker: Callable[[str], Path], tmp_path: Path
) -> None:
    docker(SHELL)
    process, folder = start("docker")
    child = _pid(tmp_path / "pid")
    kill(process)
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while folder.exists():
        remove_abandoned()
        assert time.monotonic() < deadline


def test_a_command_that_has_not_become_docker_yet_goes_on(start: Start) -> None:
    process, folder = start()
    kill(process)
    pidfile = folder / "7.pid"
    shell = subprocess.Popen(["sh", "-c", "read line", str(pidfile)], stdin=subprocess.PIPE)
    pidfile.write_text(str(shell.pid))
    remove_abandoned()
    assert folder.is_dir()
    shell.communicate()
    remove_abandoned()
    assert not folder.exists()


def test_a_number_that_another_program_has_now_keeps_nothing(start: Start) -> None:
    process, folder = start()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "0.pid").write_text(str(other.pid))
        (folder / "1.pid").write_text("nonsense")
        (folder / "2.pid").write_text("1" * 30)
        kill(process)
        remove_abandoned()
        assert not folder.exists()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_what_is_no_scratch_folder_is_left_alone(temporary: Path, tmp_path: Path) -> None:
    away = tmp_path / "whalebuild-away1234"
    for folder in (
        *(temporary / "whalebuild-web", temporary / "whalebuild-test-abc", away),
        *(temporary / "whalebuild-12345678", temporary / "other-12345678"),
    ):
        folder.mkdir()
        (folder / "file").write_text("somebody's")
        if folder.name != "whalebuild-12345678":
            (folder / ".whalebuild-lock").touch()
    (temporary / "whalebuild-linked_1").symlink_to(away)
    (temporary / "whalebuild-file1234").touch()
    before = sorted(temporary.rglob("*"))
    remove_abandoned()
    assert sorted(temporary.rglob("*")) == before
    assert (away / "file").exists()


def test_runs_that_begin_and_end_at_once_keep_their_folders(temporary: Path) -> None:
    many = [subprocess.Popen([sys.executable, "-c", MANY]) for _ in range(6)]
    assert [each.wait(60) for each in many] == [0] * 6
    assert not list(temporary.iterdir())


def test_without_locks_nothing_is_removed(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    one = ScratchFolder()
    two = ScratchFolder()
    assert {one.path, two.path} == set(temporary.iterdir())
    one.remove()
    two.remove()


def _pid(file: Path) -> int:
    deadline = time.monotonic() + 10
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(file.read_text())
