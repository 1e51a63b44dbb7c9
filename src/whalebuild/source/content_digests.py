"""The digests of files' contents: several files at a time, and none that has not changed since.

A file is taken for unchanged as git's index does it: by device, inode, size and both of its times.
A change within the same tick of the file system's clock leaves them as they are, so that a file
that was written just now is not remembered. https://git-scm.com/docs/racy-git
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from hashlib import sha256
from typing import NamedTuple, Protocol

from whalebuild.runtime.threads import Submit

_CHUNK = 1 << 18
_AT_ONCE = 8
_WORTH_THREADS = 4 << 20  # bytes
# The coarsest clock of a file system (FAT), and some more for clocks that differ.
_TICK = 3_000_000_000
_pack = struct.Struct("<QQQqq").pack


class FileDigests(Protocol):
    """Digests of files that earlier runs have read, by identity."""

    def find(self, identities: Iterable[bytes]) -> list[str | None]:
        """The sha256 of each file's content; None where it is not known."""

    def keep(self, identity: bytes, digest: str) -> None:
        """Remember one."""


class Hashed(NamedTuple):
    """What was read; the identity is empty where a later change might not be seen by it."""

    digest: str
    identity: bytes


def identity_of(status: os.stat_result) -> bytes:
    """What a file is taken for unchanged by; empty where a time or size is out of all bounds."""
    size, changed = status.st_size, status.st_ctime_ns
    try:
        return _pack(status.st_dev, status.st_ino, size, status.st_mtime_ns, changed)
    except struct.error:
        return b""


def hash_files(
    paths: Sequence[str], total: int, clock: Callable[[], int] = time.time_ns
) -> list[Hashed | OSError]:
    """Read regular files.

    Args:
        paths: The files; links are not followed.
        total: Their size in bytes, about.
        clock: Nanoseconds since the epoch.

    Returns:
        For each file its digest, or why it cannot be read.
    """
    workers = min(_AT_ONCE, os.cpu_count() or 1, len(paths))
    if workers < 2 or total < _WORTH_THREADS:  # noqa: PLR2004 - one works here
        return _hash_all(paths, clock)
    submit = Submit(workers)
    results: list[Hashed | OSError] = [OSError()] * len(paths)
    parts: list[Future[list[Hashed | OSError]]] = [
        submit(lambda part=paths[at::workers]: _hash_all(part, clock))  # type: ignore[misc]
        for at in range(workers)
    ]
    for at, part in enumerate(parts):
        results[at::workers] = part.result()
    return results


def _hash_all(paths: Sequence[str], clock: Callable[[], int]) -> list[Hashed | OSError]:
    buffer = memoryview(bytearray(_CHUNK))
    return [_hash(path, buffer, clock) for path in paths]


def _hash(path: str, buffer: memoryview, clock: Callable[[], int]) -> Hashed | OSError:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as failed:
        return failed
    try:
        begun = clock()
        status = os.fstat(opened)
        digest = sha256()
        while count := os.readv(opened, [buffer]):
            digest.update(buffer[:count])
    except OSError as failed:
        failed.filename = path
        return failed
    finally:
        os.close(opened)
    settled = max(status.st_mtime_ns, status.st_ctime_ns) < begun - _TICK
    return Hashed(digest.hexdigest(), identity_of(status) if settled else b"")
