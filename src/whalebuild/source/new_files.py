"""Writes files that are not there yet, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from whalebuild.errors import UsageError


def write_new_files(root: Path, files: Iterable[tuple[str, str]]) -> None:
    """Write all files, or none: what is there is never replaced.

    Args:
        root: The folder.
        files: Names in it, with their texts.

    Raises:
        UsageError: One is there by now, or cannot be written.
    """
    written: list[Path] = []
    try:
        for name, text in files:
            _write(root / name, text)
            written.append(root / name)
    except OSError as failed:
        for path in written:
            path.unlink(missing_ok=True)
        if (root / name).is_dir():
            raise UsageError(
                f"cannot write {name}",
                cause="a folder is in its place",
                next_step="nothing was written; move the folder away, and run whalebuild init "
                "again",
            ) from None
        there = isinstance(failed, FileExistsError)
        raise UsageError(
            f"cannot write {name}",
            cause="it is there by now" if there else failed.strerror or str(failed),
            next_step="nothing was written; run whalebuild init again"
            + ("" if there else " when the folder can be written"),
        ) from None
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _write(path: Path, text: str) -> None:
    """A file beside it is written first, and then gets the name, unless that is taken."""
    opened, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(opened, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # The usual mode of new files; a temporary one is for this user alone.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        try:
            os.link(name, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if os.path.lexists(path):
                raise FileExistsError(path) from None
            Path(name).rename(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
