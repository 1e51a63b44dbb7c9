"""Processes of docker commands: found by the files that record them, told from others, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

STOP_SECONDS = 10.0
_PAUSE_SECONDS = 0.02
_DOCKER = ("docker", "docker-buildx", "docker-compose")
_FIRST_WORDS = 2  # docker itself, or a shell that runs a script of this name


def recorded_pid(pidfile: Path) -> int | None:
    """The process that a file names; None where it names none."""
    try:
        pid = int(pidfile.read_text())
    except (OSError, ValueError):
        return None
    return pid if pid > 1 else None


def stop(
    pid: int,
    has_ended: Callable[[int], bool],
    *,
    send: Callable[[int, int], None] = os.kill,
    seconds: float | None = None,
) -> None:
    """End a process: SIGTERM lets buildx cancel the build, SIGKILL is the last word.

    Args:
        pid: Its number.
        has_ended: Whether it has ended.
        send: Sends it a signal; ``os.killpg`` for its group.
        seconds: How long each signal is waited for; None for :data:`STOP_SECONDS`.
    """
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, sent)
        deadline = time.monotonic() + (STOP_SECONDS if seconds is None else seconds)
        while time.monotonic() < deadline:
            if has_ended(pid):
                return
            time.sleep(_PAUSE_SECONDS)


def child_has_ended(pid: int) -> bool:
    """Whether a child of this process has ended. python-on-whales copes with our waiting for it."""
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def is_docker(pid: int) -> bool:
    """Whether a process is a docker command; one that has ended and waits for init is none.

    Docker's plugins are ones, too.
    """
    words = command_line(pid).split()[:_FIRST_WORDS]
    return any(Path(word).name in _DOCKER for word in words)


def command_line(pid: int) -> str:
    """The command line of any process; empty if there is none.

    Raises:
        OSError: There is no ``ps`` to tell.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except PermissionError:
        pass
    said = subprocess.run(  # noqa: S603 - a number
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - the system's own
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return said.stdout
