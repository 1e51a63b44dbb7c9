"""The commands of a RUN that set modes and owners, and those that may stand before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whalebuild.dockerfile.lines import Instruction
from whalebuild.inputs.values import FileEntry
from whalebuild.rewrite.shell import commands, words
from whalebuild.values import dataclass

_OCTAL = re.compile(r"0?[0-7]{3}")
_SYMBOLIC = re.compile(r"([ugoa]*)\+([rx]+)")
_BITS = {"u": 0o700, "g": 0o070, "o": 0o007, "r": 0o444, "x": 0o111}
_OWNER = re.compile(r"[\w.-]+(?::[\w.-]+)?")
_PATH = re.compile(r"[\w./*?@+${}-]+")
_USERS = frozenset({"useradd", "adduser", "groupadd", "addgroup"})
# Flags by which a home directory is another than /home/NAME.
_HOMES = ("-d", "-h", "-b", "--home", "--base-dir")


@dataclass(frozen=True)
class Change:
    """A command, and one path that it is about.

    Attributes:
        command: As written.
        path: The path; None for one that makes a user or a group.
        flag: ``chmod``, ``chown`` or ``mkdir``; empty for one that makes a user or a group.
        value: The mode or owner, as written.
        recursive: Whether it is about all below the path.
    """

    command: str
    path: str | None = None
    flag: str = ""
    value: str = ""
    recursive: bool = False

    @property
    def of_user(self) -> bool:
        """Whether it makes a user or a group."""
        return self.path is None

    def flag_value(self, entry: FileEntry | None) -> str | None:
        """What a flag of COPY says for the same; None where there is none.

        Args:
            entry: The file that it is for; None for all files.
        """
        if self.flag == "chown":
            # The group stays as it was: of what COPY brings in, that of root.
            return self.value if ":" in self.value else f"{self.value}:0"
        if _OCTAL.fullmatch(self.value):
            return self.value
        symbolic = _SYMBOLIC.fullmatch(self.value)
        if entry is None or symbolic is None:
            return None
        who, what = symbolic.groups()
        of = 0o777 if not who or "a" in who else sum(_BITS[each] for each in set(who))
        return f"{entry.mode | sum(_BITS[each] for each in set(what)) & of:o}"


def changes_of(step: Instruction) -> list[Change] | None:
    """What a RUN does, path by path; None where it does anything else."""
    found = commands(step) if not step.flags else None
    changes: list[Change] = []
    for command in found or ():
        given = words(command) or [""]
        parsed = [Change(command)] if makes_user(command) else list(_parsed(command, given))
        if not parsed:
            return None
        changes += parsed
    return changes or None


def makes_user(command: str) -> bool:
    """Whether a command makes a user or a group, with a home directory that is not named."""
    given = words(command) or [""]
    other = any(word.startswith(_HOMES) for word in given)
    return given[0] in _USERS and not other and "$" not in command and "/app" not in command


def _parsed(command: str, given: list[str]) -> Iterator[Change]:
    name, rest = given[0], given[1:]
    recursive = bool(rest) and rest[0] in {"-R", "--recursive"}
    if name == "mkdir" and rest[:1] == ["-p"]:
        yield from (Change(command, path, name) for path in _paths(rest[1:]))
    rest = rest[1:] if recursive else rest
    fits = name in {"chmod", "chown"} and rest
    if fits and name == "chown" and not _OWNER.fullmatch(rest[0]):
        return
    if fits and name == "chmod" and not (_OCTAL.fullmatch(rest[0]) or _SYMBOLIC.fullmatch(rest[0])):
        return
    if fits:
        yield from (Change(command, p, name, rest[0], recursive) for p in _paths(rest[1:]))


def _paths(given: list[str]) -> list[str]:
    fits = all(_PATH.fullmatch(path) and not path.startswith("-") for path in given)
    return given if fits else []
