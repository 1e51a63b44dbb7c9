"""A compose override on the disk: written whole or not at all, and whether builds take it in."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import NamedTemporaryFile

from whalebuild.bakefile.contexts import is_remote, local_path
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.gopath import PatternError
from whalebuild.dockerfile.ignorefile import PatternMatcher, read_ignore_file
from whalebuild.errors import UsageError
from whalebuild.source.build_files import find_dockerfile, read_ignore_text

_MODE = 0o644  # that of a temporary file is for its owner alone


def write_override(path: Path, text: str) -> None:
    """Put a file in the place of the one before.

    Raises:
        UsageError: The folder is not there, or may not be written to.
    """
    new = None
    try:
        with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            new = Path(file.name)
            file.write(text)
        new.chmod(_MODE)
        new.replace(path)
    except OSError as failed:
        if new is not None:
            with contextlib.suppress(OSError):
                new.unlink()
        raise UsageError(
            f"cannot write {path}",
            cause=failed.strerror,
            next_step="name a file in a folder that you may write to with --output",
        ) from None


def is_sent(root: Path, path: Path, target: Target) -> bool:
    """Whether a file belongs to a target's context, and no ignore file leaves it out.

    Args:
        root: The folder that buildx runs in.
        path: The file; it need not exist.
        target: The target.
    """
    if is_remote(target.context):
        return False
    folder = (root / local_path(target.context)).resolve()
    file = path.parent.resolve() / path.name
    if not file.is_relative_to(folder):
        return False
    inline = target.dockerfile_inline is not None
    beside = None if inline else find_dockerfile(root, target.context, target.dockerfile)
    try:
        patterns = read_ignore_file(read_ignore_text(folder, beside))
        return not PatternMatcher(patterns).match(file.relative_to(folder).as_posix())[0]
    except (OSError, PatternError):
        return True
