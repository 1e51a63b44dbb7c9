"""The values of build arguments at the boundary, and the ARGs that give a tail the same ones.

A stage hands its ARGs down to stages built FROM it, an image does not. Follows ``dispatchArg``,
``dispatchEnv`` and ``dispatchStages`` in ``frontend/dockerfile/dockerfile2llb/convert.go`` of
BuildKit: ARG replaces the value that an earlier ENV has set, until the next FROM, which sets the
variables of the image once more.

A value that only the engine knows is kept as the text that it is made from, so that two of them can
be compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace

from whalebuild.appbase.values import Boundary
from whalebuild.dockerfile.instructions import read_args
from whalebuild.dockerfile.lexer import Lexer
from whalebuild.dockerfile.lines import Instruction, split_instructions
from whalebuild.dockerfile.words import name_values, quoted_words
from whalebuild.inputs.build_args import DEFAULT_PATH, Environment
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Unknown:
    """A value that only the engine knows: a text, and the values of the variables in it."""

    text: str
    of: tuple[tuple[str, str | Unknown | None], ...] = ()


Value = str | Unknown | None


@dataclass
class _Variables:
    """The variables of a stage; ``of_image`` are those that ENV has set."""

    lexer: Lexer
    given: Mapping[str, str]
    globals: Environment
    of_base: Collection[str] | None
    values: dict[str, Value] = field(default_factory=dict)
    of_image: dict[str, Value] = field(default_factory=dict)

    def get(self, name: str) -> Value:
        if name in self.values:
            return self.values[name]
        return Unknown(f"${name} of the base") if self._may_be_of_base(name) else None

    def arg(self, step: Instruction) -> None:
        for name, default in read_args(step, self.lexer.escape):
            if name in self.given:
                self.values[name] = self.given[name]
            elif default is not None:
                self.values[name] = self._expand(default)
            elif name in self.globals.values:
                value = self.globals.values[name]
                self.values[name] = Unknown(f"${name} of all") if value is None else value

    def env(self, step: Instruction) -> None:
        pairs = name_values(step.rest, self.lexer.escape) or []
        found = {name: self._expand(value) for name, value in pairs}
        self.values |= found
        self.of_image |= found

    def next_stage(self) -> None:
        """FROM a stage: the image's variables are set once more."""
        for name, value in self.values.items():
            if name not in self.of_image and self._may_be_of_base(name):
                known = self.of_base is not None
                after = () if known else ((name, value),)
                self.values[name] = Unknown(f"${name} of the base", after)
        self.values |= self.of_image

    def on_image(self) -> _Variables:
        """The variables of a stage made from the image of this one."""
        return _Variables(
            self.lexer,
            self.given,
            self.globals,
            self.of_base,
            dict(self.of_image),
            dict(self.of_image),
        )

    def _may_be_of_base(self, name: str) -> bool:
        return self.of_base is None or name in self.of_base

    def _expand(self, text: str) -> Value:
        used: dict[str, Value] = {}

        def lookup(name: str) -> str | None:
            used[name] = value = self.get(name)
            return "unknown" if isinstance(value, Unknown) else value

        word = self.lexer.word(text, lookup)  # looks all of its variables up, whatever they are
        unknown = any(isinstance(value, Unknown) for value in used.values())
        return Unknown(text, tuple(sorted(used.items()))) if unknown else word


@dataclass(frozen=True)
class Arguments:
    """The ARGs to repeat.

    Attributes:
        steps: Instructions of the app base; one with another text has line 0.
        lost: Names whose value at the boundary they do not give, and the lines of their last ARG.
    """

    steps: tuple[Instruction, ...]
    lost: Mapping[str, int]


def repeated(boundary: Boundary, of_base: Collection[str] | None, *, in_history: bool) -> Arguments:
    """Find the ARGs that give a stage made from the app base's image the values of the chain.

    Args:
        boundary: The boundary.
        of_base: Names of the variables in the configuration of the app base; None where it is not
            known.
        in_history: Whether a RUN follows, whose history names all arguments.
    """
    escape, given = boundary.stages.lexer.escape, boundary.stages.build.args
    steps = [step for _, part in boundary.parts() for step in part if step.keyword == "ARG"]
    ends = [_at_the_cut(boundary, known, of_base) for known in boundary.stages.globals.values()]
    wrong = _wrong(ends, steps)
    shadowed = {name for name in wrong if all(e.on_image().get(name) == e.get(name) for e in ends)}
    drop = shadowed if not in_history else shadowed & given.keys()
    kept = [new for step in steps for new in _rewritten(step, shadowed, drop, escape)]
    lost = {*_wrong(ends, kept), *(drop if in_history else ())}
    last = {name: step.line for step in steps for name, _ in read_args(step, escape)}
    return Arguments(tuple(kept), {name: line for name, line in last.items() if name in lost})


def _rewritten(
    step: Instruction, shadowed: Collection[str], drop: Collection[str], escape: str
) -> Iterator[Instruction]:
    """An ARG in which names that an ENV has replaced take the value of that."""
    words = [(word.partition("=")[0], word) for word in quoted_words(step.rest, escape)]
    if all(name not in shadowed for name, _ in words):
        yield step
        return
    new = [f"{n}=${{{n}}}" if n in shadowed else word for n, word in words if n not in drop]
    if new:
        (found,) = split_instructions(f"ARG {' '.join(new)}", escape)
        yield replace(found, line=0)


def _at_the_cut(
    boundary: Boundary, known: Environment, of_base: Collection[str] | None
) -> _Variables:
    stages = boundary.stages
    scratch = {"PATH": DEFAULT_PATH} if boundary.base == "scratch" else {}
    names = () if boundary.base == "scratch" else of_base
    found = _Variables(stages.lexer, stages.build.args, known, names, dict(scratch), dict(scratch))
    for at, (_, part) in enumerate(boundary.parts()):
        if at:
            found.next_stage()
        for step in part:
            if step.keyword == "ARG":
                found.arg(step)
            elif step.keyword == "ENV":
                found.env(step)
    return found


def _wrong(ends: list[_Variables], steps: Iterable[Instruction]) -> list[str]:
    """Names whose value is another one after these ARGs on the image."""
    wrong: dict[str, None] = {}
    every = list(steps)
    for end in ends:
        begun = end.on_image()
        for step in every:
            begun.arg(step)
        names = dict.fromkeys([*end.values, *begun.values])
        wrong |= dict.fromkeys(name for name in names if begun.get(name) != end.get(name))
    return list(wrong)
