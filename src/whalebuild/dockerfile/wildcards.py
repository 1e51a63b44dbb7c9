"""Matches paths without backtracking: in time by the pattern's length and the path's, as Go does.

Where wildcards stay between slashes, a pattern becomes a regular expression that takes no choice
back: of what stands between two wildcards, the first place where it fits is as good as any later
one, which is how ``fnmatch`` does it. Any other pattern is followed in all its states at once
(https://swtch.com/~rsc/regexp/regexp1.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from whalebuild.values import dataclass


@dataclass(frozen=True)
class One:
    """One character; ``text`` is the regular expression of a character."""

    text: str

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.text, re.ASCII)

    def takes(self, char: str) -> bool:
        """Whether it matches a character."""
        return self._compiled.fullmatch(char) is not None


@dataclass(frozen=True)
class Many(One):
    """As many of such characters as there are, also none."""


@dataclass(frozen=True)
class Folders:
    """Nothing, or anything but a line's end, up to a slash: ``(.*/)?``."""


Piece = One | Many | Folders
SLASH, NOT_SLASH = One("/"), "[^/]"
STAR = Many(NOT_SLASH)
ANYTHING = Many(".")

_FOLDERS = r"(?:[^/\n]*/)*?"


class Wildcards:
    """A pattern of paths, made of pieces.

    Attributes:
        expression: The regular expression, without its end; None where there is none.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = tuple(pieces)
        self.expression = _expression(self._pieces)
        self._compiled = self.expression and re.compile(self.expression, re.ASCII)

    def fullmatch(self, path: str) -> bool:
        """Whether a path matches, all of it."""
        if self._compiled:
            return self._compiled.fullmatch(path) is not None
        states = self._with_next({(0, False)})
        for char in path:
            states = self._with_next({each for at, _ in states for each in self._after(at, char)})
        return (len(self._pieces), False) in states

    def _after(self, at: int, char: str) -> Iterator[tuple[int, bool]]:
        """The states after a character at a piece; after the last one nothing matches.

        A state is a piece's number, and whether something of this piece's folders is taken already.
        """
        piece = self._pieces[at] if at < len(self._pieces) else None
        if isinstance(piece, Folders):
            if char != "\n":
                yield at, True
            if char == "/":
                yield at + 1, False
        elif piece and piece.takes(char):
            yield at if isinstance(piece, Many) else at + 1, False

    def _with_next(self, states: set[tuple[int, bool]]) -> set[tuple[int, bool]]:
        """These states, and those that nothing needs to be taken for."""
        found = set(states)
        for state in states:
            at, inside = state
            while not inside and at < len(self._pieces) and self._may_be_nothing(at):
                at += 1
                found.add((at, False))
        return found

    def _may_be_nothing(self, at: int) -> bool:
        return isinstance(self._pieces[at], Many | Folders)


def _expression(pieces: Sequence[Piece]) -> str | None:
    """A regular expression that takes no choice back; None where a wildcard may match a slash."""
    blocks: list[list[str]] = [[]]  # the segments between two `**/`
    segment: list[One] = []
    last = len(pieces) - 1
    for at, piece in enumerate(pieces):
        if isinstance(piece, Folders):
            if segment:
                return None
            blocks.append([])
        elif piece == SLASH:
            blocks[-1].append(f"{_segment(segment)}/")
            segment = []
        elif piece == ANYTHING and at == last and not segment:
            blocks[-1].append(".*")
        elif piece.takes("/") or (isinstance(piece, Many) and piece != STAR):
            return None
        else:
            segment.append(piece)
    blocks[-1].append(_segment(segment))
    first, *others = ("".join(block) for block in blocks)
    if not others:
        return first
    middle = "".join(f"(?>{_FOLDERS}{each})" for each in others[:-1])
    return f"{first}{middle}{_FOLDERS}{others[-1]}"


def _segment(pieces: Sequence[One]) -> str:
    """The expression of what stands between two slashes, and none of it is one."""
    chunks = [""]
    for piece in pieces:
        if isinstance(piece, Many):
            chunks.append("")
        else:
            chunks[-1] += piece.text
    first, *others = chunks
    if not others:
        return first
    middle = "".join(f"(?>{NOT_SLASH}*?{each})" for each in others[:-1])
    return f"{first}{middle}{NOT_SLASH}*{others[-1]}"
