"""Which files say what a project depends on, and which stage installs it."""

from __future__ import annotations

import re

_MANIFESTS = re.compile(
    r"(?:.*[-_.])?requirements(?:[-_.].*)?\.(?:txt|in|lock)|constraints(?:[-_.].*)?\.txt"
    r"|requirements/[^/]*\.(?:txt|in)|pyproject\.toml|setup\.(?:cfg|py)|uv\.(?:lock|toml)"
    r"|poetry\.(?:lock|toml)|pdm\.lock|pylock(?:\..*)?\.toml|Pipfile(?:\.lock)?|hatch\.toml"
    r"|\.python-version|(?:conda-lock|environment)(?:[-_.].*)?\.ya?ml|pixi\.(?:toml|lock)"
    r"|package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|\.yarnrc(?:\.yml)?|\.npmrc"
    r"|bun\.lockb?|pnpm-(?:lock|workspace)\.yaml|go\.(?:mod|sum|work)|go\.work\.sum"
    r"|Cargo\.(?:toml|lock)|rust-toolchain(?:\.toml)?|Gemfile(?:\.lock)?|composer\.(?:json|lock)"
    r"|pip\.conf|(?:apt|packages)\.txt"
)


def is_manifest(path: str) -> bool:
    """Tell manifests and locks of dependencies from code, by the file's name."""
    folder, _, name = path.rpartition("/")
    inside = f"{folder.rpartition('/')[2]}/{name}"
    return any(_MANIFESTS.fullmatch(shape) for shape in (name, inside))
