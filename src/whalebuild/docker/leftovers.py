"""Docker commands that a whalebuild left running when it was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

from whalebuild.docker.cli import SCRATCH_PREFIX

_STOP_SECONDS = 10.0
_PAUSE = 0.05
_FIRST_WORDS = 2  # docker itself, or a shell that runs a script of this name


def stop_leftovers(scratch: Path) -> int:
    """Stop the docker commands of a whalebuild that is no more, and remove its scratch folder.

    Args:
        scratch: Its scratch folder (``DockerCalls.scratch``). Another folder is left alone.

    Returns:
        How many of them still ran.
    """
    if not _is_scratch(scratch):
        return 0
    stopped = sum(_stop(pidfile) for pidfile in sorted(scratch.glob("*.pid")))
    shutil.rmtree(scratch, ignore_errors=True)
    return stopped


def _is_scratch(folder: Path) -> bool:
    """Whether it is what ``DockerCalls`` makes, and this user's."""
    try:
        found = folder.lstat()
    except (OSError, ValueError):
        return False
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return mine and folder.name.startswith(SCRATCH_PREFIX)


def _stop(pidfile: Path) -> bool:
    """End the recorded process, if it still is a docker command: pids are used again."""
    try:
        pid = int(pidfile.read_text())
    except (OSError, ValueError):
        return False
    if pid <= 1 or not _is_docker(pid):
        return False
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sent)
        if _ended(pid):
            break
    return True


def _ended(pid: int) -> bool:
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_docker(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def _is_docker(pid: int) -> bool:
    """Whether a process is a docker command; one that has ended and waits for init is none."""
    said = subprocess.run(  # noqa: S603 - a number
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - the system's own
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return any(Path(word).name == "docker" for word in said.stdout.split()[:_FIRST_WORDS])
