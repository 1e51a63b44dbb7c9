"""The bake files that buildx would find by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from whalebuild.bakefile.file_names import BAKE_FILES, COMPOSE_FILES


def find_bake_files(root: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files that ``BUILDX_BAKE_FILE`` names, or else existing ones with default names."""
    separator = environment.get("BUILDX_BAKE_PATH_SEPARATOR") or os.pathsep
    named = environment.get("BUILDX_BAKE_FILE", "").split(separator)
    if found := tuple(name.strip() for name in named if name.strip()):
        return found
    return tuple(name for name in (*COMPOSE_FILES, *BAKE_FILES) if (root / name).is_file())
