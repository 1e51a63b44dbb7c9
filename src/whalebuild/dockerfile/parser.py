"""A Dockerfile's stages and instructions, as BuildKit's own parser reads them.

``dockerfile.lines`` splits the text into instructions, ``dockerfile.instructions`` reads what a
single one says. https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from functools import lru_cache

from whalebuild.dockerfile.directives import Directives, read_directives
from whalebuild.dockerfile.lines import Instruction, split_instructions
from whalebuild.dockerfile.words import blank_separated
from whalebuild.values import dataclass

_NAMED = 3  # base AS name
_LONGEST_LINE = 65535  # bytes: bufio.MaxScanTokenSize of Go, which BuildKit reads lines with
_NO_DIRECTIVES = Directives()
_MANY = 1000  # more than the services of most bake files


@dataclass(frozen=True)
class Stage:
    """One build stage.

    Attributes:
        index: Its position among the stages, from 0.
        name: In lower case, as BuildKit compares names; None where it has none.
        base: What FROM names, as written.
        line: The line of its FROM.
        instructions: Those after FROM.
        opening: FROM itself.
    """

    index: int
    name: str | None
    base: str
    line: int
    instructions: tuple[Instruction, ...]
    opening: Instruction

    @property
    def label(self) -> str:
        """What to call it in a message."""
        return self.name or f"stage {self.index} (line {self.line}, unnamed)"


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile's stages, in order; ``before`` has the instructions before the first FROM."""

    stages: tuple[Stage, ...]
    before: tuple[Instruction, ...] = ()
    directives: Directives = _NO_DIRECTIVES
    text: str = field(default="", repr=False, compare=False)

    def stage(self, name: str) -> Stage | None:
        """Find a stage by its name, in any case, or by its index written as a number."""
        wanted = name.lower()
        # Of several with one name BuildKit takes the last.
        by_name = (stage for stage in reversed(self.stages) if stage.name == wanted)
        by_index = (stage for stage in self.stages if str(stage.index) == wanted)
        return next(by_name, None) or next(by_index, None)

    def chain(self, stage: Stage) -> list[Stage]:
        """The stage, the one that it is built FROM, and so on, as far as names tell."""
        found = [stage]
        while True:
            before = self.stages[: found[-1].index]
            parent = [other for other in before if other.name == found[-1].base.lower()]
            if not parent:
                return found
            found.append(parent[-1])


@lru_cache(maxsize=_MANY)
def parse_dockerfile(text: str) -> Dockerfile:
    """Split a Dockerfile into stages. Never raises: reporting what is wrong is left to BuildKit.

    A plan asks several times for the one of each target.
    """
    directives = read_directives(text)
    too_long = _too_long_line(text)
    if too_long:
        refused = f"line {too_long} is longer than {_LONGEST_LINE} bytes"
        directives = replace(directives, refused=directives.refused or refused)
    before: list[Instruction] = []
    opened: list[tuple[Instruction, list[Instruction]]] = []
    for instruction in split_instructions(text, directives.escape):
        if instruction.keyword == "FROM":
            opened.append((instruction, []))
        else:
            (opened[-1][1] if opened else before).append(instruction)
    stages = (_stage(opening, at, steps) for at, (opening, steps) in enumerate(opened))
    return Dockerfile(tuple(stages), tuple(before), directives, text)


def _too_long_line(text: str) -> int | None:
    if len(text) < _LONGEST_LINE // 4:
        return None
    sizes = (len(line.encode(errors="surrogateescape")) for line in text.split("\n"))
    return next((number for number, size in enumerate(sizes, 1) if size >= _LONGEST_LINE), None)


def _stage(opening: Instruction, index: int, steps: Iterable[Instruction]) -> Stage:
    words = blank_separated(opening.rest)
    named = len(words) == _NAMED and words[1].lower() == "as"
    name = words[2].lower() if named else None
    base = words[0] if named or len(words) == 1 else opening.text
    return Stage(index, name, base, opening.line, tuple(steps), opening)
