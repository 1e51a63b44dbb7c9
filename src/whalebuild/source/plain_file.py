"""Reads files that other people may have put there: no pipe, no device, nothing endless."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: Bytes; no file that people write by hand is larger.
LARGEST = 16 << 20
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_plain(path: Path, most: int = LARGEST) -> bytes:
    """Read a file, or what a link leads to.

    Args:
        path: The file.
        most: Bytes; more is not read.

    Raises:
        OSError: It is not there, cannot be read, is no file, or is larger. ``strerror`` says why.
    """
    # A pipe that nobody writes to would be waited for already when it is opened.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = stat.S_IFMT(os.fstat(opened).st_mode)
    if kind != stat.S_IFREG:
        os.close(opened)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        what = _KINDS.get(kind, "something else")
        raise OSError(errno.EINVAL, f"it is {what}, and not a file", str(path))
    with os.fdopen(opened, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MB", str(path))
    return content


def read_plain_text(path: Path, most: int = LARGEST) -> str:
    """The same, as UTF-8.

    Raises:
        OSError: As of :func:`read_plain`.
        UnicodeDecodeError: It is no such text.
    """
    return read_plain(path, most).decode().replace("\r\n", "\n").replace("\r", "\n")
