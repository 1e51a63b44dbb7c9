"""The bake files that buildx would find by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# In buildx's order: https://docs.docker.com/reference/cli/docker/buildx/bake/#file
_BAKE_FILES = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
)


def find_bake_files(root: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files that ``BUILDX_BAKE_FILE`` names, or else existing ones with default names."""
    separator = environment.get("BUILDX_BAKE_PATH_SEPARATOR") or os.pathsep
    named = environment.get("BUILDX_BAKE_FILE", "").split(separator)
    if found := tuple(name.strip() for name in named if name.strip()):
        return found
    return tuple(name for name in _BAKE_FILES if (root / name).is_file())
