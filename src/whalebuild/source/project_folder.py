"""Where a project is that a command is given in a folder of: it is found upwards.

As with cargo and uv. A folder with a bake file or a Dockerfile of its own is a project of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from whalebuild.bakefile.file_names import DOCKERFILES
from whalebuild.source.bake_files import find_bake_files
from whalebuild.source.settings_file import OWN_FILE, PYPROJECT, has_settings
from whalebuild.values import dataclass


@dataclass(frozen=True)
class ProjectFolder:
    """Where a command runs.

    Attributes:
        start: Where the user stands.
        root: Where it runs as if it were typed there.
        settings: The folder whose settings hold; that of a project need not have any.
    """

    start: Path
    root: Path
    settings: Path

    @property
    def prefix(self) -> str:
        """Where the user stands, relative to where it runs; empty where that is the same."""
        return "" if self.start == self.root else os.path.relpath(self.start, self.root)

    @property
    def above(self) -> str:
        """What stands before the name of the settings file where it is not in ``root``: ``../``."""
        where = os.path.relpath(self.settings, self.root)
        return "" if where == os.curdir else f"{where}/"

    @property
    def note(self) -> str | None:
        """One line on a folder that is not where the user stands."""
        if self.settings == self.start:
            return None
        where = os.path.relpath(self.settings, self.start)
        if not has_settings(self.settings):
            name = _baked(self.settings, {})
            return f"running in {where}, which has {name}: nothing here is to be baked"
        name = OWN_FILE if (self.settings / OWN_FILE).exists() else PYPROJECT
        if self.root == self.start:
            return f"settings are those of {where}/{name}"
        return f"running in {where}, whose {name} has the settings: nothing here is to be baked"


def find_project(start: Path, environment: Mapping[str, str], *, stay: bool) -> ProjectFolder:
    """Find the folder that a command is about.

    It is the nearest one upwards with settings or with something to bake, not above the git
    repository or the home folder; outside of both nothing is looked for, since anyone may write
    there.

    Args:
        start: Where the user stands.
        environment: Its ``HOME`` is a limit.
        stay: Whether it runs where the user stands in any case, as where he names bake files: paths
            in them start there, as they do with buildx.

    Raises:
        UsageError: A settings file cannot be read.
    """
    here = ProjectFolder(start, start, start)
    if has_settings(start) or (not stay and _baked(start, environment)):
        return here
    for folder in _above(start, environment):
        if has_settings(folder):
            return ProjectFolder(start, start if stay else folder, folder)
        if _baked(folder, {}):
            return here if stay else ProjectFolder(start, folder, folder)
    return here


def bake_file_above(root: Path, environment: Mapping[str, str]) -> Path | None:
    """The bake file of the nearest folder above that has one, as far up as a project is found."""
    for folder in _above(root, environment):
        if found := find_bake_files(folder, {}):
            return folder / found[0]
    return None


def _baked(folder: Path, environment: Mapping[str, str]) -> str | None:
    """The first file that says what is baked in a folder."""
    dockerfiles = (name for name in DOCKERFILES if (folder / name).is_file())
    return next(iter((*find_bake_files(folder, environment), *dockerfiles)), None)


def _above(start: Path, environment: Mapping[str, str]) -> list[Path]:
    """The folders above one, the nearest first, up to the top of the git repository or to home."""
    if (start / ".git").exists():
        return []
    parents = list(start.parents)
    for number, folder in enumerate(parents):
        if (folder / ".git").exists():
            return parents[: number + 1]
    home = Path(environment.get("HOME") or os.devnull)
    return parents[: parents.index(home)] if home in parents else []
