"""Scratch folders in the temporary folder: this run's own, and those of runs that were killed.

A run holds a lock in its folder for as long as it lives. The kernel frees the lock however the
process ends, and a new process of the same number has none: a folder whose lock can be taken is
abandoned.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from whalebuild.docker.processes import command_line, is_docker, recorded_pid, stop

_PREFIX = "whalebuild-"
_NAME = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")  # what mkdtemp makes of the prefix
_LOCK = ".whalebuild-lock"


class ScratchFolder:
    """A new folder that only this user may read, until it is removed.

    Those of runs that were killed are removed first.
    """

    def __init__(self) -> None:
        remove_abandoned()
        self.path, self._lock = _make()

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove_abandoned() -> None:
    """Remove this user's scratch folders whose run is no more.

    A folder stays while a docker command of that run goes on: ``stop_leftovers`` finds it there.
    What cannot be removed is left.
    """
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            if _is_scratch(folder):
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(folder)


def stop_leftovers(folder: Path) -> int:
    """Stop the docker commands of a run that is no more, and remove its scratch folder.

    Args:
        folder: Its scratch folder. One that is none is left alone.

    Returns:
        How many of them still ran.
    """
    if not _is_scratch(folder):
        return 0
    stopped = 0
    for pidfile in sorted(folder.glob("*.pid")):
        pid = recorded_pid(pidfile)
        if pid and is_docker(pid):  # numbers are used again: else it is somebody else's
            stop(pid, lambda pid: not is_docker(pid))
            stopped += 1
    shutil.rmtree(folder, ignore_errors=True)
    return stopped


def _make() -> tuple[Path, int | None]:
    """Make a folder and lock it; another run may take it for abandoned just before that."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        except OSError:  # a file system without locks: nobody can take it there
            return folder, lock
        if (folder / _LOCK).exists():
            return folder, lock
        os.close(lock)


def _remove_if_abandoned(folder: Path) -> None:
    """Remove a folder.

    Raises:
        OSError: It has no lock, or somebody holds it.
    """
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not any(_goes_on(pidfile) for pidfile in folder.glob("*.pid")):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _goes_on(pidfile: Path) -> bool:
    """Whether the recorded docker command runs, or the shell that is about to become it."""
    pid = recorded_pid(pidfile)
    return pid is not None and (is_docker(pid) or str(pidfile) in command_line(pid))


def _is_scratch(folder: Path) -> bool:
    """Whether a folder has the name of a scratch folder, and is this user's."""
    try:
        found = folder.lstat()
    except (OSError, ValueError):
        return False
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return own and _NAME.fullmatch(folder.name) is not None
