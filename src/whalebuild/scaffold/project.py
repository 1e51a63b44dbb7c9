"""A project's files as they are looked at, and what is concluded from them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from whalebuild.errors import UsageError
from whalebuild.values import dataclass

#: Folders whose code is not what is run.
_ASIDE = frozenset({"tests", "test", "docs", "examples", "scripts", "migrations", "alembic"})


@dataclass(frozen=True)
class Project:
    """The files of a folder.

    Attributes:
        name: The folder's name.
        files: Paths below the folder, sorted.
        read: The text of a file; None where it is no text or too large.
    """

    name: str
    files: tuple[str, ...]
    read: Callable[[str], str | None]

    def has(self, *paths: str) -> bool:
        """Whether all these files are there."""
        return all(path in self.files for path in paths)

    def text(self, path: str) -> str:
        """A file's text; empty where there is none."""
        return (self.read(path) if path in self.files else None) or ""

    def toml(self, path: str) -> Mapping[str, Any]:
        """A TOML document; empty where there is none.

        Raises:
            UsageError: It is not well formed.
        """
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError) as failed:  # or numbers too long, nested too deeply
            raise UsageError(
                f"{path} is not well formed", cause=str(failed), next_step="correct it"
            ) from None

    def code(self, suffix: str) -> Iterator[str]:
        """Paths of source files that may be run: those least deep first, tests aside."""
        named = [path for path in self.files if path.endswith(suffix)]
        for path in sorted(named, key=lambda each: (each.count("/"), each)):
            if not is_aside(path) and not path.rpartition("/")[2].startswith("test_"):
                yield path


@dataclass(frozen=True)
class Guess:
    """A conclusion, and what it was made from.

    Attributes:
        what: What it is about, such as ``entry point``.
        value: The conclusion.
        because: What it was made from.
        sure: Whether that leaves no doubt.
    """

    what: str
    value: str
    because: str
    sure: bool = True


@dataclass(frozen=True)
class Start:
    """How the application is started.

    Attributes:
        command: The command, word by word.
        port: Where it listens; None where it is not known to listen.
        guess: The same for people.
        notes: What to know about it.
        packages: Where its packages are below the project, for Python; empty for the top.
    """

    command: tuple[str, ...]
    port: int | None
    guess: Guess
    notes: tuple[str, ...] = ()
    packages: str = ""


@dataclass(frozen=True)
class Recipe:
    """What a project's Dockerfile is made from.

    Attributes:
        template: The template's name.
        values: What is put into it.
    """

    template: str
    values: Mapping[str, str]
    start: Start
    guesses: tuple[Guess, ...]
    notes: tuple[str, ...] = ()


def is_aside(path: str) -> bool:
    """Whether a file is in a folder of tests, examples and the like."""
    return not _ASIDE.isdisjoint(path.split("/")[:-1])


def inner(value: object, *names: str) -> Mapping[str, Any]:
    """The table under these names; empty where there is none, or something else."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def named_in(text: str, package: str) -> bool:
    """Whether a manifest or a lock names a package."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(package)}(?![\w-])", text, re.IGNORECASE))
