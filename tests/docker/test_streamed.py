"""Commands whose output is shown as it comes, and that can be ended."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from whalebuild.docker.streamed import run_streamed


def test_lines_and_the_exit_code() -> None:
    lines: list[str] = []
    script = "echo one; echo two >&2; printf 'three\\r\\nno end'; exit 7"
    code = run_streamed(("sh", "-c", script), dict(os.environ), lines.append, lambda: None)
    assert (code, lines) == (7, ["one", "two", "three", "no end"])


def test_a_line_comes_when_it_is_printed(tmp_path: Path) -> None:
    """Else the command would never end."""
    flag = tmp_path / "seen"
    script = f"echo one; while ! test -e {flag}; do sleep 0.05; done"
    code = run_streamed(
        ("sh", "-c", script), dict(os.environ), lambda _: flag.touch(), lambda: None
    )
    assert code == 0


def test_what_the_watch_raises_ends_all_of_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 300 & echo $! $$ > {pids}; echo ready; wait"

    class StopError(Exception):
        pass

    ready: list[str] = []

    def watch() -> None:
        if ready:
            raise StopError

    began = time.monotonic()
    with pytest.raises(StopError):
        run_streamed(("sh", "-c", script), dict(os.environ), ready.append, watch)
    assert time.monotonic() - began < 60
    for pid in pids.read_text().split():
        while _runs(pid):
            assert time.monotonic() - began < 60
            time.sleep(0.02)


def _runs(pid: str) -> bool:
    said = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, check=False)
    return said.stdout.strip()[:1] not in {b"", b"Z"}


def test_what_is_left_in_the_background_is_not_waited_for() -> None:
    script = "sleep 300 & echo $!"
    lines: list[str] = []
    began = time.monotonic()
    code = run_streamed(("sh", "-c", script), dict(os.environ), lines.append, lambda: None)
    os.kill(int(lines[0]), 9)
    assert (code, time.monotonic() - began < 60) == (0, True)


def test_what_cannot_be_started() -> None:
    with pytest.raises(OSError, match="No such file"):
        run_streamed(("no-such-command",), dict(os.environ), print, lambda: None)
