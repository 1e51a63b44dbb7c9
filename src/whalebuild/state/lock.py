"""One deploy at a time: a lock that the kernel frees when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from whalebuild import jsonread as values
from whalebuild.deployments.engine_lock import Holder
from whalebuild.docker.scratch import stop_leftovers
from whalebuild.errors import DeployError
from whalebuild.state.records import make_private, record_error
from whalebuild.values import dataclass

_MOST_BYTES = 1 << 14
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class LockHolder:
    """The process that holds a lock, as its file says.

    Attributes:
        verb: What it runs: ``deploy``, ``rollback``, ``prune``.
        since: Time as RFC 3339, in UTC.
        scratch: Scratch folder of its docker calls.
    """

    pid: int
    verb: str
    since: str
    scratch: str

    def __str__(self) -> str:
        return f"`whalebuild {self.verb}`, pid {self.pid}, since {self.since}"


@contextmanager
def deployment_lock(
    path: Path, note: Callable[[str], None], *, wait: bool, verb: str, scratch: Path
) -> Iterator[None]:
    """Hold a project's lock.

    A former holder that was killed may have left docker commands running, which are stopped first.

    Args:
        path: ``FileRecord.lock``; its name is the project's.
        note: Says one line: who is waited for, and what was stopped.
        wait: Whether to wait for another holder.
        verb: What this process runs.
        scratch: Of the docker calls that the lock is held for (``DockerCalls.scratch``).

    Raises:
        DeployError: Another process has it, and is not waited for.
        UsageError: The file cannot be written.
    """
    opened = _open(path)
    try:
        _take(opened, path.stem, note, wait=wait)
        former = _read(opened)
        if former and (stopped := stop_leftovers(Path(former.scratch))):
            commands = "a docker command" if stopped == 1 else f"{stopped} docker commands"
            note(f"stopped {commands} that was left by {former}: it was killed")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with _as_record_error(path):
            _write(opened, json.dumps(asdict(LockHolder(os.getpid(), verb, now, str(scratch)))))
        try:
            yield
        finally:
            os.ftruncate(opened, 0)
    finally:
        os.close(opened)


def holder_of(path: Path, verb: str) -> Holder:
    """What other machines are told of who has locked a file here.

    The file itself is what tells machines apart: it has its number for as long as it is there, and
    the kernel that locks it has another name after each start.
    """
    found = path.stat()
    where = (_kernel(), found.st_dev, found.st_ino)
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # no name for this number
        user = str(os.getuid())
    return Holder(
        f"{user}@{socket.gethostname()}",
        verb,
        datetime.now(UTC).isoformat(timespec="seconds"),
        sha256(repr(where).encode()).hexdigest()[:16],
    )


def _kernel() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:  # no Linux
        return f"{socket.gethostname()} {uuid.getnode()}"


def _open(path: Path) -> int:
    """Open the file, which is never removed: somebody may wait for it."""
    with _as_record_error(path):
        make_private(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _take(opened: int, project: str, note: Callable[[str], None], *, wait: bool) -> None:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _read(opened)
        if not wait:
            raise DeployError(
                f"another deploy of {project} is under way",
                cause=str(holder) if holder else "another process has the project's lock",
                next_step="run it again when that one has ended",
            ) from None
        note(f"waiting for another deploy of {project}{f': {holder}' if holder else ''}")
        fcntl.flock(opened, fcntl.LOCK_EX)


def _read(opened: int) -> LockHolder | None:
    """Who the file says has it; None if it says nobody, or nothing that can be read."""
    try:
        found = values.table(json.loads(os.pread(opened, _MOST_BYTES, 0)))
        verb, since, scratch = (values.text(found.get(k)) for k in ("verb", "since", "scratch"))
        return LockHolder(values.size(found.get("pid")), verb, since, scratch)
    except (ValueError, RecursionError):
        return None


def _write(opened: int, text: str) -> None:
    os.ftruncate(opened, 0)
    os.pwrite(opened, text.encode(), 0)


@contextmanager
def _as_record_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise record_error("lock", path, failed) from None
