"""Uploads of large blobs that were begun, in small files of the user's cache folder.

A run that is killed, or that gives up, leaves behind where the registry takes the rest; the next
one of the same blob goes on from there. It is only a memory: without it, uploads begin anew.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_FOLDER = "uploads"
# Docker's registry keeps an upload for a week, others for a day.
_KEPT_SECONDS = 24 * 3600.0
_MOST_BYTES = 1 << 14  # of a location: a URL with the registry's own state in it


def cache_folder(env: Mapping[str, str]) -> Path:
    """``whalebuild`` in the XDG cache folder."""
    home = env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or Path.home()) / ".cache"
    return Path(home) / "whalebuild"


class FileBegunUploads:
    """Notes in ``$XDG_CACHE_HOME/whalebuild``; see ``oci.blobs.BegunUploads``."""

    def __init__(
        self, env: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = cache_folder(env) / _FOLDER
        self._clock = clock

    def claim(self, repository: str, digest: str) -> FileBegunUpload:
        """See ``oci.blobs.BegunUploads``."""
        name = sha256(f"{repository}@{digest}".encode()).hexdigest()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_old()
            return FileBegunUpload.of(self._folder / name)
        except OSError:  # another run has it, or it cannot be written
            return FileBegunUpload()

    def _remove_old(self) -> None:
        for file in self._folder.iterdir():
            with suppress(OSError):
                if self._clock() - file.stat().st_mtime > _KEPT_SECONDS:
                    file.unlink()


class FileBegunUpload:
    """One upload's note, which is this run's alone; see ``oci.blobs.BegunUpload``.

    The kernel frees the lock however the run ends. The location may be all that is asked for to
    write to it, so that nobody else may read the file.
    """

    def __init__(self, file: Path | None = None, opened: int | None = None) -> None:
        self._file, self._opened = file, opened

    @classmethod
    def of(cls, file: Path) -> FileBegunUpload:
        """Open a note and lock it.

        Raises:
            OSError: Another run holds it, or it cannot be written.
        """
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(opened)
            raise
        return cls(file, opened)

    @property
    def location(self) -> str | None:
        """See ``oci.blobs.BegunUpload``."""
        if self._opened is None:
            return None
        with suppress(OSError, ValueError):
            return os.pread(self._opened, _MOST_BYTES, 0).decode() or None
        return None

    def keep(self, location: str) -> None:
        """See ``oci.blobs.BegunUpload``."""
        if self._opened is not None and len(location) < _MOST_BYTES:
            with suppress(OSError):
                os.ftruncate(self._opened, 0)
                os.pwrite(self._opened, location.encode(), 0)

    def drop(self) -> None:
        """See ``oci.blobs.BegunUpload``."""
        if self._file is not None and self._opened is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
            os.close(self._opened)
            self._opened = None
