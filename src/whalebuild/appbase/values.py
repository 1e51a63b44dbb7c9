"""Where a Dockerfile is cut, as values; ``appbase.boundary`` finds it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from whalebuild.appbase.stages import Stages
from whalebuild.dockerfile.gopath import clean
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Stage
from whalebuild.values import dataclass

_SCRATCH = "scratch"
_WITH_LAYER = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})


@dataclass(frozen=True)
class WhyNot:
    """Why a short way cannot be taken, and the line that is the reason."""

    reason: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.reason} (line {self.line})" if self.line else self.reason


class Kind(StrEnum):
    """What an instruction after the boundary needs."""

    METADATA = "metadata"
    NOTHING = "reads nothing"
    CONTEXT = "reads the context"
    STAGE = "copies from a stage"
    IMAGE = "copies from an image"
    RUN = "run"


@dataclass(frozen=True)
class TailStep:
    """An instruction after the boundary.

    Attributes:
        stage: The stage of the chain that it belongs to.
        step: The instruction.
        kind: What it needs.
        origin: The stage, image or context that it copies from, as written.
    """

    stage: Stage
    step: Instruction
    kind: Kind
    origin: str | None = None


@dataclass(frozen=True)
class Place:
    """A place in a chain of stages: before an instruction of a stage, or at the stage's end.

    Attributes:
        stage: The stage's position in the chain.
        step: How many of its instructions stand before the place.
    """

    stage: int
    step: int


@dataclass(frozen=True)
class Boundary:
    """Where the final stage's chain is cut.

    Attributes:
        text: The Dockerfile.
        stages: Its stages, and what they refer to.
        chain: The final stage last, before it the stage that it is built FROM, and so on.
        base: What the first of them stands on, variables replaced: an image, a named context or
            ``scratch``.
        place: The cut.
        reason: Why there, in words for the plan.
        tail: The instructions after the cut, through the chain.
    """

    text: str
    stages: Stages
    chain: tuple[Stage, ...]
    base: str
    place: Place
    reason: str
    tail: tuple[TailStep, ...]

    @property
    def stage(self) -> Stage:
        """The stage that is cut."""
        return self.chain[self.place.stage]

    @property
    def line(self) -> int | None:
        """The line of the first instruction after the cut; None where the app base is all."""
        return self.tail[0].step.line if self.tail else None

    @property
    def before(self) -> tuple[Instruction, ...]:
        """The instructions of the app base in the stage that is cut."""
        return self.stage.instructions[: self.place.step]

    @property
    def after(self) -> tuple[Instruction, ...]:
        """The instructions after the cut in the stage that is cut."""
        return self.stage.instructions[self.place.step :]

    def parts(self) -> Iterator[tuple[Stage, tuple[Instruction, ...]]]:
        """The stages of the chain that the app base has, and their instructions in it."""
        for stage in self.chain[: self.place.stage]:
            yield stage, stage.instructions
        yield self.stage, self.before

    @property
    def is_external(self) -> bool:
        """Whether the app base is the external base image as it is."""
        return self.base != _SCRATCH and not any(steps for _, steps in self.parts())

    @property
    def is_empty(self) -> bool:
        """Whether there is no app base: nothing was added to ``scratch``."""
        steps = (step for _, steps in self.parts() for step in steps)
        return self.base == _SCRATCH and not any(map(_has_layer, steps))


def _has_layer(step: Instruction) -> bool:
    to_root = step.keyword == "WORKDIR" and clean(step.rest) == "/"
    return step.keyword in _WITH_LAYER and not to_root
