"""A folder on disk as it is at one time: what is in it, and digests of what its files contain.

Whatever is looked at is looked at once in a run, however many targets have the folder as a context.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from whalebuild.source.content_digests import FileDigests, hash_files, identity_of

# What is read anew each time: that takes no longer than reading what is known.
_LITTLE = 8 << 20  # bytes
_OPENING = 1 << 15  # reading so many takes as long as opening a file


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
        self._modes: dict[str, int] = {}  # 0 where nothing is
        self._files: dict[str, tuple[int, bytes]] = {}  # sizes and identities of regular files
        self._paths: dict[str, list[str]] = {}
        self._digests: dict[str, str | OSError] = {}

    def mode(self, path: str) -> int:
        """What is at a path, a link itself: its type and permission bits; 0 where nothing is.

        Raises:
            OSError: It cannot be looked at.
        """
        if path not in self._modes:
            try:
                self._note(path, os.lstat(self._real(path)))
            except (FileNotFoundError, NotADirectoryError, ValueError):
                self._modes[path] = 0
        return self._modes[path]

    def size(self, file: str) -> int:
        """The size of a regular file that was looked at."""
        return self._files[file][0]

    def device(self, path: str) -> int:
        """The number of a device.

        Raises:
            OSError: It cannot be looked at.
        """
        return os.lstat(self._real(path)).st_rdev

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
        """For regular files among these: the sha256 of the content, or why it cannot be read."""
        digests, files = self._digests, self._files
        unread = [path for path in paths if path in files and path not in digests]
        self._cost += sum(files[path][0] + _OPENING for path in unread)
        known = self._known if self._cost > _LITTLE else None
        if known is not None:
            found = zip(unread, known.find([files[path][1] for path in unread]), strict=True)
            digests.update((path, digest) for path, digest in found if digest)
            unread = [path for path in unread if path not in digests]
        total = sum(files[path][0] for path in unread)
        hashed = hash_files([self._real(path) for path in unread], total)
        for path, result in zip(unread, hashed, strict=True):
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
        paths = []
        with os.scandir(self._real(folder)) as found:
            for entry in found:
                path = prefix + entry.name
                if path not in self._modes:
                    try:
                        self._note(path, entry.stat(follow_symlinks=False))
                    except FileNotFoundError:  # removed meanwhile
                        continue
                if self._modes[path]:  # else it was not there before
                    paths.append(path)
        paths.sort()
        return paths

    def _note(self, path: str, status: os.stat_result) -> None:
        mode = status.st_mode
        self._modes[path] = mode
        if stat.S_ISREG(mode):
            self._files[path] = (status.st_size, identity_of(status))

    def _real(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root
