"""Which files docker compose reads in a folder, and which of them whalebuild wrote.

``WithConfigFileEnv`` and ``WithDefaultConfigPath`` in ``cli/options.go`` of compose-go: of several
override files it reads the first one alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from whalebuild.bakefile.file_names import COMPOSE_FILES
from whalebuild.errors import UsageError
from whalebuild.override.file import is_own
from whalebuild.source.plain_file import read_plain_text
from whalebuild.values import dataclass

_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
#: What is written where there is no override yet, and beside one of somebody else's.
DEFAULT_OUTPUT = "compose.override.yaml"
BESIDE = "compose.whalebuild.yaml"
_IN_ENV_FILE = re.compile(
    r"""^\s*(?:export\s+)?COMPOSE_FILE\s*=\s*(["']?)(.*?)\1\s*$""", re.MULTILINE
)


@dataclass(frozen=True)
class ComposeFiles:
    """The files that compose reads.

    Attributes:
        files: Those of the project itself; empty where there are none that are found here.
        own: Those that whalebuild wrote.
        named: Whether somebody names them (``--compose-file``, ``COMPOSE_FILE``).
    """

    files: tuple[Path, ...]
    own: tuple[Path, ...]
    named: bool

    @property
    def folder(self) -> Path | None:
        """The folder of the first one."""
        return self.files[0].absolute().parent if self.files else None

    def arguments(self) -> tuple[str, ...]:
        """What ``--file`` is to have compose read the project alone, wherever it runs."""
        return tuple(map(str, self.files))


def find_compose_files(
    root: Path, environment: Mapping[str, str], given: Sequence[str] = ()
) -> ComposeFiles:
    """Find the files of the project in a folder.

    Args:
        root: The folder.
        environment: For ``COMPOSE_FILE``.
        given: Files that are named on the command line.
    """
    named = [root / file for file in given or _of_environment(root, environment)]
    every = named or _by_default(root)
    own = tuple(file for file in every if read_own(file) is not None)
    return ComposeFiles(tuple(f for f in every if f not in own), own, bool(named))


def output_of(found: ComposeFiles, given: Path | None) -> Path:
    """Where the override goes.

    Args:
        found: The project's files.
        given: What the command line names.

    Raises:
        UsageError: There is no compose file, or the file is somebody else's.
    """
    if given:
        _check_own(given)
        return given
    existing = existing_override(found)
    if existing:
        return existing
    if found.folder is None:
        raise UsageError(
            "there is no compose file here",
            cause=f"none of {', '.join(COMPOSE_FILES)} is in this folder or above it",
            next_step="run it in the project's folder, or name the file with --compose-file",
        )
    beside = found.folder / BESIDE
    if found.named or _has_override(found.folder):
        _check_own(beside)
        return beside
    return found.folder / DEFAULT_OUTPUT


def existing_override(found: ComposeFiles) -> Path | None:
    """The override that whalebuild wrote for a project before, where it has the usual name."""
    if found.own or found.folder is None:
        return next(iter(found.own), None)
    beside = found.folder / BESIDE
    return beside if read_own(beside) is not None else None


def is_read(path: Path, found: ComposeFiles) -> bool:
    """Whether compose reads the override by itself."""
    if path in found.own:
        return True
    default = found.folder is not None and path.absolute() == found.folder / DEFAULT_OUTPUT
    return default and not found.named


def read_own(path: Path) -> str | None:
    """The text of a file that whalebuild wrote; None where it is not there, or not whalebuild's."""
    try:
        text = read_plain_text(path)
    except (OSError, UnicodeDecodeError):
        return None
    return text if is_own(text) else None


def _check_own(path: Path) -> None:
    """Refuse to write over what whalebuild did not write."""
    if not os.path.lexists(path) or read_own(path) is not None:
        return
    raise UsageError(
        f"{path} is there, and whalebuild did not write it",
        cause="it does not begin with the line that whalebuild writes",
        next_step="name another file with --output; compose reads it with -f or COMPOSE_FILE",
    )


def _of_environment(root: Path, environment: Mapping[str, str]) -> list[str]:
    value = environment.get("COMPOSE_FILE")
    if value is None:
        try:
            found = _IN_ENV_FILE.search(read_plain_text(root / ".env"))
        except (OSError, UnicodeDecodeError):
            found = None
        value = found[2] if found else ""
    separator = environment.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    return [file for file in value.split(separator) if file not in {"", "-"}]


def _by_default(root: Path) -> list[Path]:
    for folder in (root, *root.parents):
        files = [folder / name for name in COMPOSE_FILES if (folder / name).is_file()]
        if files:
            overrides = [folder / name for name in _OVERRIDES if (folder / name).is_file()]
            return [files[0], *overrides[:1]]
    return []


def _has_override(folder: Path) -> bool:
    return any(os.path.lexists(folder / name) for name in _OVERRIDES)
