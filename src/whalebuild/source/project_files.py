"""The files of a project, for ``init`` to look at, and the templates that it fills."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from whalebuild.scaffold.project import Project
from whalebuild.source.plain_file import read_plain_text

_ASIDE = frozenset(
    {"node_modules", "venv", "env", "__pycache__", "__pypackages__", "site-packages", "dist"}
)
_DEEP = 5  # folders below the project's own
_MANY = 5000  # files
_LARGE = 4 << 20  # bytes; a lock may have some
_ORIGIN = ".git/config"


def read_project(root: Path) -> Project:
    """List a project's files: not those of hidden folders, packages, or deep below."""
    found = [_ORIGIN] if (root / _ORIGIN).is_file() else []
    for folder, below, names in os.walk(root):
        place = Path(folder).relative_to(root)
        deep = len(place.parts) >= _DEEP
        below[:] = [] if deep else sorted(n for n in below if n not in _ASIDE and n[0] != ".")
        found += [(place / name).as_posix() for name in names]
        if len(found) > _MANY:
            break
    return Project(root.resolve().name, tuple(sorted(found)), lambda path: _text(root / path))


def _text(path: Path) -> str | None:
    try:
        return read_plain_text(path, _LARGE)
    except (OSError, UnicodeDecodeError):
        return None


def read_template(name: str) -> str:
    """The text of one of the package's own templates."""
    folder = resources.files("whalebuild.scaffold") / "templates"
    return (folder / name).read_text(encoding="utf-8")
