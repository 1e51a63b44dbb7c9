"""SIGINT and SIGTERM: the child is stopped, nothing is left, exit code 130."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.processes import PATIENCE, own_processes
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended


@pytest.mark.parametrize(
    "sent", [signal.SIGINT, extended(signal.SIGTERM)], ids=lambda sent: sent.name
)
def test_interrupted_bake_leaves_nothing(
    sandbox: Sandbox, small: Path, repository: str, sent: signal.Signals, tmp_path: Path
) -> None:
    dockerfile = small / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("cp /requirements", "sleep 300; cp /req"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        ["whalebuild", "bake", "--image", f"{sandbox.registry}/{repository}"],
        cwd=small,
        env={**sandbox.env(), "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr
    try:
        for line in process.stderr:
            if "sleep 300" in line:
                break
        assert _session(process.pid), "the docker client runs"
        process.send_signal(sent)
        stderr = process.stderr.read()
        assert process.wait(timeout=PATIENCE) == 130
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stderr.close()
    assert f"interrupted by {sent.name}" in stderr
    assert "Traceback" not in stderr
    assert _soon(lambda: not _session(process.pid)), "no process is left"
    assert list(scratch.iterdir()) == [], "no temporary file is left"
    assert _soon(lambda: not _is_sleeping()), "the build itself is cancelled"


def test_nothing_is_left_after_a_bake(
    sandbox: Sandbox, small: Path, repository: str, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sandbox.whalebuild(
        *("bake", "--image", f"{sandbox.registry}/{repository}"),
        cwd=small,
        env={"TMPDIR": str(scratch)},
        check=True,
    )
    assert list(scratch.iterdir()) == []
    assert Path(tempfile.gettempdir()) != scratch


def _session(leader: int) -> list[str]:
    """Commands of the processes in a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append((stat.parent / "cmdline").read_text())
        except OSError:
            continue
    return found


def _is_sleeping() -> bool:
    return any(words.startswith(b"sleep\x00300") for _, words in own_processes())


def _soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
