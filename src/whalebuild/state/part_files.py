"""Part files: small JSON files between the jobs of a pipeline."""

from __future__ import annotations

from pathlib import Path

from whalebuild.errors import UsageError

_MOST_BYTES = 16 << 20  # a part has some KB; what is larger is something else


def read_part_file(path: Path) -> str:
    """Read a file's text.

    Raises:
        UsageError: It cannot be read, or it is no text.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            cause = "it is larger than any part"
        else:
            return raw.decode()
    except OSError as failed:
        cause = failed.strerror or str(failed)
    except (UnicodeDecodeError, ValueError):
        cause = "it is no text"
    raise UsageError(
        f"cannot read the part {path}",
        cause=cause,
        next_step="name the files that `whalebuild bake --partial` has written; a job whose bake "
        "failed has written none",
    )


def claim_part_file(path: Path) -> None:
    """Take away what an earlier bake has left there, so that a bake that fails leaves nothing.

    Raises:
        UsageError: The file could not be written later.
    """
    try:
        path.unlink(missing_ok=True)
        path.touch()
        path.unlink()
    except OSError as failed:
        raise _unwritable(path, failed) from None


def write_part_file(path: Path, text: str) -> None:
    """Write the file whole, or not at all.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as failed:
        path.unlink(missing_ok=True)
        raise _unwritable(path, failed) from None


def _unwritable(path: Path, failed: OSError) -> UsageError:
    return UsageError(
        f"cannot write the part {path}",
        cause=failed.strerror or str(failed),
        next_step="name another file with --part-file, in a folder that is there",
    )
