"""A folder on disk as it is at one time: what is in it, and digests of what its files contain.

Whatever is looked at is looked at once in a run, however many targets have the folder as a context.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from whalebuild.source.content_digests import FileDigests, hash_files, identity_of

# What is read anew each time: that takes no longer than reading what is known.
_LITTLE = 8 << 20  # bytes
_OPENING = 1 << 15  # reading so many takes as long as opening a file


class Status(NamedTuple):
    """What the system says of a file; the identity is that of a regular file, else empty."""

    mode: int
    size: int
    identity: bytes
    device: int


class ContextFolder:
    """One folder. Paths are relative to it, with slashes; ``""`` is the folder itself.

    Args:
        root: The folder; a link to one is followed.
        known: Digests of files that earlier runs have read; None where each file is to be read.
    """

    def __init__(self, root: str | Path, known: FileDigests | None = None) -> None:
        self._root = os.path.realpath(root)  # a link to a folder is a context, too
        self._known = known
        self._cost = 0
        self._status: dict[str, Status | None] = {}
        self._paths: dict[str, list[str]] = {}
        self._digests: dict[str, str | OSError] = {}

    def status(self, path: str) -> Status | None:
        """What is at a path, a link itself; None where nothing is.

        Raises:
            OSError: It cannot be looked at.
        """
        if path not in self._status:
            try:
                self._status[path] = _status(os.lstat(self._real(path)))
            except (FileNotFoundError, NotADirectoryError, ValueError):
                self._status[path] = None
        return self._status[path]

    def paths(self, folder: str) -> list[str]:
        """The paths of all that is in a folder, by name.

        Raises:
            OSError: It cannot be read.
        """
        if folder not in self._paths:
            self._paths[folder] = self._scan(folder)
        return self._paths[folder]

    def target(self, link: str) -> str:
        """Where a symbolic link leads.

        Raises:
            OSError: It cannot be read.
        """
        return os.readlink(self._real(link))  # noqa: PTH115 - a Path would normalise it

    def digests(self, paths: Iterable[str]) -> Mapping[str, str | OSError]:
        """Digests of regular files: the sha256 of each one's content, or why it cannot be read."""
        digests = self._digests
        files = [
            (path, status)
            for path in paths
            if path not in digests and (status := self._status[path]) is not None
        ]
        self._cost += sum(status.size + _OPENING for _, status in files)
        known = self._known if self._cost > _LITTLE else None
        if known is not None:
            for path, status in files:
                digest = known.find(status.identity)
                if digest is not None:
                    digests[path] = digest
            files = [(path, status) for path, status in files if path not in digests]
        total = sum(status.size for _, status in files)
        hashed = hash_files([self._real(path) for path, _ in files], total)
        for (path, _), result in zip(files, hashed, strict=True):
            if isinstance(result, OSError):
                digests[path] = result
                continue
            digests[path] = result.digest
            if known is not None and result.identity:
                known.keep(result.identity, result.digest)
        return digests

    def _scan(self, folder: str) -> list[str]:
        """List a folder, and look at all that is in it."""
        prefix = f"{folder}/" if folder else ""
        statuses = self._status
        paths = []
        with os.scandir(self._real(folder)) as found:
            for entry in found:
                path = prefix + entry.name
                if path not in statuses:
                    try:
                        statuses[path] = _status(entry.stat(follow_symlinks=False))
                    except FileNotFoundError:  # removed meanwhile
                        continue
                paths.append(path)
        paths.sort()
        return paths

    def _real(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def _status(found: os.stat_result) -> Status:
    mode = found.st_mode
    identity = identity_of(found) if stat.S_ISREG(mode) else b""
    return Status(mode, found.st_size, identity, found.st_rdev)
