"""Digests of the files of contexts, in a file for each context in the user's cache folder.

It is only a memory: one that is damaged, not the user's own or cannot be written is as good as
none. A file has no names: digests by what files are known by (``source.content_digests``), and the
day on which each was last of use. It is read and written whole, 76 bytes for each file.
"""

from __future__ import annotations

import os
import secrets
import stat
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import compress
from pathlib import Path

from whalebuild.state.begun_uploads import cache_folder

_FOLDER = "files"
_HEAD = b"whalebuild files 1\n"
_DIGEST = 32
_RECORD = struct.Struct("<40s36s")  # an identity; a digest, and a day since the epoch
_MOST_BYTES = 64 << 20  # of one context: 880,000 files
_MOST_BYTES_IN_ALL = 256 << 20
_DAY = 24 * 3600
_KEPT_DAYS = 30
# A file that is of use is written anew as often, so that its days are about right.
_RENEWED_DAYS = 7
_MODE = 0o600
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class CachedDigests:
    """Digests in ``$XDG_CACHE_HOME/whalebuild``, for ``source.context.LocalContextFiles``."""

    def __init__(
        self, env: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.time
    ) -> None:
        self._place = cache_folder(env) / _FOLDER
        self._clock = clock
        self._opened: dict[str, ContextDigests] = {}

    def of(self, context: str) -> ContextDigests:
        """What is known of the files of a context, by its folder's real path."""
        name = sha256(os.fsencode(context)).hexdigest()[:_DIGEST]
        if name not in self._opened:
            self._opened[name] = ContextDigests(self._place, name, int(self._clock() // _DAY))
        return self._opened[name]

    def save(self) -> None:
        """Write what was found out; what has not been of use for long is removed."""
        with suppress(OSError):
            if sum(each.save() for each in self._opened.values()):
                self._remove_old()

    def _remove_old(self) -> None:
        """Remove files that no run has used for long, and the oldest where they take much room."""
        found = []
        for file in self._place.iterdir():
            with suppress(OSError):
                status = file.lstat()
                found.append((status.st_mtime, status.st_size, file))
        room = _MOST_BYTES_IN_ALL
        for written, size, file in sorted(found, reverse=True):
            room -= size
            if room < 0 or self._clock() - written > _KEPT_DAYS * _DAY:
                with suppress(OSError):
                    file.unlink()


class ContextDigests:
    """Digests of one context's files; see ``source.content_digests.FileDigests``."""

    def __init__(self, place: Path, name: str, today: int) -> None:
        self._place, self._name, self._today = place, name, today
        self._known: dict[bytes, bytes] | None = None
        self._written = today
        self._used: set[bytes] = set()
        self._new: dict[bytes, bytes] = {}

    def find(self, identities: Iterable[bytes]) -> list[str | None]:
        """See ``source.content_digests.FileDigests``."""
        if self._known is None:
            self._known = self._read()
        wanted = list(identities)
        found = list(map(self._known.get, wanted))
        self._used.update(compress(wanted, found))
        return [each[:_DIGEST].hex() if each else None for each in found]

    def keep(self, identity: bytes, digest: str) -> None:
        """See ``source.content_digests.FileDigests``."""
        self._new[identity] = bytes.fromhex(digest)

    def save(self) -> bool:
        """Write it, if there is something new; tell whether it was written.

        Raises:
            OSError: It cannot be written.
        """
        stale = self._used and self._today - self._written >= _RENEWED_DAYS
        if not self._new and not stale:
            return False
        with _opened(self._place, make=True) as folder:
            _replace(folder, self._name, self._records())
        self._new = {}
        return True

    def _records(self) -> bytes:
        """What is to be written, what was of use last at the end."""
        today = self._today.to_bytes(4, "little")
        before = self._read()  # another run may have written it meanwhile
        known = self._known or {}
        kept = {
            identity: found
            for identity, found in before.items()
            if self._today - int.from_bytes(found[_DIGEST:], "little") < _KEPT_DAYS
            and identity not in self._used
            and identity not in self._new
        }
        kept |= {identity: known[identity][:_DIGEST] + today for identity in self._used}
        kept |= {identity: digest + today for identity, digest in self._new.items()}
        body = b"".join(part for record in kept.items() for part in record)
        return body[-(_MOST_BYTES // _RECORD.size * _RECORD.size) :]

    def _read(self) -> dict[bytes, bytes]:
        with suppress(OSError), _opened(self._place) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with open(os.open(self._name, flags, dir_fd=folder), "rb") as file:  # noqa: PTH123
                status = os.fstat(file.fileno())
                if stat.S_ISREG(status.st_mode) and _is_own(status):
                    self._written = int(status.st_mtime // _DAY)
                    return _unpack(file.read(_MOST_BYTES + len(_HEAD) + _DIGEST))
        return {}


def _unpack(raw: bytes) -> dict[bytes, bytes]:
    """The records of a file; none where it is not what was written."""
    start = len(_HEAD) + _DIGEST
    body = memoryview(raw)[start:]
    if raw[:start] != _HEAD + sha256(body).digest() or len(body) % _RECORD.size:
        return {}
    return dict(_RECORD.iter_unpack(body))


def _replace(folder: int, name: str, body: bytes) -> None:
    """Write a file whole, or not at all."""
    new = f"{name}.{secrets.token_hex(4)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    opened = os.open(new, flags, _MODE, dir_fd=folder)
    try:
        with open(opened, "wb") as to:  # noqa: PTH123
            to.writelines((_HEAD, sha256(body).digest(), body))
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(new, dir_fd=folder)
        raise


@contextmanager
def _opened(place: Path, *, make: bool = False) -> Iterator[int]:
    """Open the folder, which is the user's alone; it is not a link.

    Raises:
        OSError: It cannot be opened, or others may write there.
    """
    if make:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not _is_own(os.fstat(opened)):
            raise PermissionError
        yield opened
    finally:
        os.close(opened)


def _is_own(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE
