"""The bake files that buildx would find by itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from whalebuild.bakefile.file_names import BAKE_FILES, COMPOSE_FILES


def find_bake_files(root: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files that ``BUILDX_BAKE_FILE`` names, or else existing ones with default names."""
    separator = environment.get("BUILDX_BAKE_PATH_SEPARATOR") or os.pathsep
    named = environment.get("BUILDX_BAKE_FILE", "").split(separator)
    if found := tuple(name.strip() for name in named if name.strip()):
        return found
    return tuple(name for name in (*COMPOSE_FILES, *BAKE_FILES) if (root / name).is_file())


def bake_text(root: Path, files: Iterable[str]) -> str | None:
    """What is in bake files; None where one of them is no file that can be read again."""
    paths = [root / file for file in files]
    if not all(path.is_file() for path in paths):  # a pipe is read once, a device has no end
        return None
    try:
        return "\n".join(path.read_text("utf-8", "replace") for path in paths)
    except OSError:
        return None
