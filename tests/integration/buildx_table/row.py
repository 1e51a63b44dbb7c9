"""A row of docs/buildx.md: a flag or an attribute of buildx's, what it does here, what holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Printed:
    """The definition that buildx is given has of the target what buildx's own has.

    Attributes:
        attribute: Which of the target's.
        bakefile: A line of the target ``app`` in the bake file.
        words: After ``bake --print`` of both tools.
        buildx: Further ones of buildx alone, ``own`` of whalebuild alone.
        deps: Whether the dependencies have the same.
        more: Whether whalebuild's list may be longer.
        files: Files beside those of the project.
    """

    attribute: str
    bakefile: str = ""
    words: str = ""
    buildx: str = ""
    own: str = ""
    deps: bool = True
    more: bool = False
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """whalebuild has it not, and says what does it."""

    said: str


@dataclass(frozen=True)
class Tried:
    """A row of docs/compatibility.md: both tools on a real engine."""

    title: str


@dataclass(frozen=True)
class OwnTest:
    """A test of its own.

    Attributes:
        file: Below ``tests/``.
        name: The function's.
    """

    file: str
    name: str


@dataclass(frozen=True)
class Row:
    """One flag or attribute.

    Attributes:
        name: As buildx has it.
        here: What it does here.
        held: What holds that.
        since: The version of buildx that has it, where an older one has not.
    """

    name: str
    here: str
    held: Printed | Answered | Tried | OwnTest
    since: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of one subject."""

    title: str
    rows: tuple[Row, ...]
