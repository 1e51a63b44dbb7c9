"""The lock between real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.errors import outcome
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.scratch import stop_leftovers
from whalebuild.errors import DeployError, UsageError
from whalebuild.state.lock import deployment_lock

HOLD = """
import sys
from pathlib import Path
from whalebuild.state.lock import deployment_lock
from whalebuild.docker.cli import DockerCalls

calls = DockerCalls()
with deployment_lock(
    Path(sys.argv[1]), lambda note: print(note, flush=True), wait=True, verb="deploy",
    scratch=calls.scratch,
):
    print("has it", flush=True)
    calls.run(["sleep"]) if sys.argv[2:] else sys.stdin.read()
calls.close()
"""
# The name stays docker's: a shell that waits, as a script that somebody put in docker's place.
SHELL = """echo $$ >pid; while :; do sleep 0.05; done"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "shop.lock"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(path), *words]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield run
    for each in started:
        each.kill()
        each.wait()
        for stream in (each.stdin, each.stdout):
            if stream:
                stream.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def try_it(path: Path, notes: list[str], *, wait: bool = False) -> None:
    scratch = path.parent / "none"
    with deployment_lock(path, notes.append, wait=wait, verb="rollback", scratch=scratch):
        pass


def test_one_has_it_and_the_file_says_who(path: Path, tmp_path: Path) -> None:
    with deployment_lock(path, print, wait=False, verb="deploy", scratch=tmp_path):
        told = json.loads(path.read_text())
        assert told.pop("since")
        assert told == {"pid": os.getpid(), "verb": "deploy", "scratch": str(tmp_path)}
    assert path.read_text() == "", "who leaves properly leaves nothing behind"
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_error_frees_it(path: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError),
        deployment_lock(path, print, wait=False, verb="deploy", scratch=tmp_path),
    ):
        raise RuntimeError
    notes: list[str] = []
    try_it(path, notes)
    assert not notes
    assert path.read_text() == ""


def test_another_process_refuses(path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    holder = start()
    assert line(holder) == "has it"
    error = outcome(lambda: try_it(path, []))
    assert isinstance(error, DeployError)
    assert error.exit_code == 8
    assert error.what == "another deploy of shop is under way"
    assert str(error.cause).startswith(f"`whalebuild deploy`, pid {holder.pid}, since 20")
    assert error.next_step


def test_another_process_waits(path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    holder = start()
    assert line(holder) == "has it"
    waiter = start()
    assert line(waiter).startswith(
        f"waiting for another deploy of shop: `whalebuild deploy`, pid {holder.pid}, since 20"
    )
    assert holder.stdin
    holder.stdin.close()
    assert line(waiter) == "has it"
    assert json.loads(path.read_text())["pid"] == waiter.pid


def test_a_killed_holder_frees_it(path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    holder = start()
    assert line(holder) == "has it"
    scratch = Path(json.loads(path.read_text())["scratch"])
    assert scratch.is_dir()
    holder.kill()
    holder.wait()
    notes: list[str] = []
    try_it(path, notes)
    assert not notes, "it left nothing running"
    assert not scratch.exists()


@pytest.mark.parametrize("script", [SHELL, f"trap '' TERM; {SHELL}"], ids=["ends", "deaf"])
def test_what_a_killed_holder_left_running_is_stopped(
    path: Path,
    tmp_path: Path,
    docker: Callable[[str], Path],
    start: Callable[..., subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
    script: str,
) -> None:
    monkeypatch.setattr("whalebuild.docker.processes.STOP_SECONDS", 0.5)
    docker(script)
    holder = start("docker")
    assert line(holder) == "has it"
    child = _pid(tmp_path / "pid")
    try:
        holder.kill()
        holder.wait()
        assert _lives(child)
        notes: list[str] = []
        try_it(path, notes)
        assert not _lives(child)
        [note] = notes
        assert note.startswith("stopped a docker command that was left by `whalebuild deploy`, pid")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def test_a_pid_that_another_program_has_now_is_left_alone() -> None:
    calls = DockerCalls()
    other = subprocess.Popen(["sleep", "60"])
    try:
        (calls.scratch / "0.pid").write_text(str(other.pid))
        (calls.scratch / "1.pid").write_text("nonsense")
        (calls.scratch / "2.pid").write_text("1")
        assert stop_leftovers(calls.scratch) == 0
        assert other.poll() is None
        assert not calls.scratch.exists()
    finally:
        other.kill()
        other.wait()


def test_a_folder_that_is_no_scratch_folder_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "whalebuild-link"
    link.symlink_to(tmp_path)
    for folder in (tmp_path, link, tmp_path / "whalebuild-none", Path("bad\0name")):
        assert stop_leftovers(folder) == 0
    assert tmp_path.is_dir()


@pytest.mark.parametrize("words", ["", "{", '{"pid": "x"}', "\xff", "[" * 9000])
def test_a_file_that_says_nothing_is_no_hindrance(path: Path, words: str) -> None:
    path.parent.mkdir()
    path.write_text(words, encoding="latin-1")
    notes: list[str] = []
    try_it(path, notes)
    assert not notes


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = outcome(lambda: try_it(tmp_path / "file" / "shop.lock", []))
    assert isinstance(error, UsageError)
    assert error.what == "cannot lock the record of deployments"


def _pid(file: Path) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text())
        time.sleep(0.02)
    raise AssertionError("docker was not started")


def _lives(pid: int) -> bool:
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return bool(said.stdout.strip()) and not said.stdout.startswith("Z")
