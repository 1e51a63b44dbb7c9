"""Locks between processes, so that two calls at once do not trip over each other."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wbsandbox import paths


@contextmanager
def _held(path: Path, flags: int) -> Iterator[None]:
    # O_CLOEXEC (Python's default) keeps daemons from inheriting, and so holding, the lock.
    descriptor = os.open(path, flags, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Hold a folder. The folder itself is locked: there is no lock file to delete too early."""
    directory.mkdir(parents=True, exist_ok=True)
    with _held(directory, os.O_RDONLY | os.O_DIRECTORY):
        yield


@contextmanager
def machine_lock() -> Iterator[None]:
    """Hold what all clones on the machine share: ports, bridge numbers, the package manager.

    The file stays behind, empty: deleting it would let two processes lock two files.
    """
    paths.MACHINE_LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _held(paths.MACHINE_LOCK, os.O_RDWR | os.O_CREAT):
        yield
