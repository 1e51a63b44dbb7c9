"""What the stages of a Dockerfile refer to: FROM, ``COPY --from`` and mounts.

Follows ``findStateByName``, ``addState`` and ``toCommand`` in
``frontend/dockerfile/dockerfile2llb/convert.go`` of BuildKit. It is for Dockerfiles whose inputs
were found: what BuildKit would refuse is refused there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from whalebuild.dockerfile.instructions import (
    Mount,
    StepError,
    read_copy,
    read_from,
    read_mount,
    read_run,
)
from whalebuild.dockerfile.lexer import Lexer, UnknownVariableError, WordError
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.inputs.build_args import BUILDER_ARGS, Environment, global_args
from whalebuild.inputs.values import AnalysisError, Build
from whalebuild.oci.reference import familiar
from whalebuild.values import dataclass

_INDEX = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True)
class Origin:
    """Where an instruction takes files from: a stage, or something that is not in the file.

    Attributes:
        name: As written.
        stage: The stage; None for an image or a named context.
        context: The value of the named context that stands there, if one does.
    """

    name: str
    stage: Stage | None = None
    context: str | None = None


class Stages:
    """The stages of one Dockerfile for one build.

    Args:
        dockerfile: The Dockerfile.
        build: What the bake target gives.
        target: The name of the stage that is built; empty where it has none.

    Raises:
        AnalysisError: When made: the global arguments are not well formed.
    """

    def __init__(self, dockerfile: Dockerfile, build: Build, target: str) -> None:
        self.dockerfile = dockerfile
        self.build = build
        self.lexer = Lexer(dockerfile.directives.escape)
        self.globals = {
            platform: global_args(
                dockerfile.before, build, platform, target, self.lexer.escape
            ).environment
            for platform in build.targets
        }
        self._runs: dict[int, bool] = {}

    def chain(self, final: Stage) -> tuple[tuple[Stage, ...], str]:
        """The stage, before it the one that it is built FROM, and so on, and what is below.

        Raises:
            AnalysisError: It depends on the platform, or a variable has no value here.
        """
        found = [final]
        while parent := self.parent(found[0]):
            found.insert(0, parent)
        bases = self._bases(found[0])
        return tuple(found), bases[0] if len(bases) == 1 else found[0].base

    def parent(self, stage: Stage) -> Stage | None:
        """The stage that a stage is built FROM; None where it is something else.

        Raises:
            AnalysisError: See ``chain``.
        """
        parents = self._parents(stage)
        if len(parents) > 1:
            raise AnalysisError(f"FROM {stage.base} is another stage on each platform", stage.line)
        return parents[0]

    def origins(self, step: Instruction) -> list[Origin]:
        """What an instruction takes files from, other than the context."""
        if step.keyword == "COPY":
            name = read_copy(step).origin
            return [self._origin(name, by_index=True)] if name else []
        if step.keyword == "RUN":
            names = (mount.origin for mount in _mounts(step))
            return [self._origin(name, by_index=False) for name in names if name]
        return []

    def below(self, stage: Stage) -> Iterator[tuple[Stage, int]]:
        """The stages that a stage is made from directly, and the lines that say so."""
        yield from ((parent, stage.line) for parent in self._parents(stage) if parent)
        for step in stage.instructions:
            yield from ((o.stage, step.line) for o in self.origins(step) if o.stage)

    def closure(self, stages: Iterable[Stage]) -> dict[int, Stage]:
        """These stages and all that they are made from, by index."""
        found: dict[int, Stage] = {}
        pending = list(stages)
        while pending:
            stage = pending.pop()
            if stage.index not in found:
                found[stage.index] = stage
                pending += [other for other, _ in self.below(stage)]
        return found

    def only_of(self, replaced: Iterable[Stage], final: Stage) -> tuple[str, ...]:
        """Names of stages that nothing needs but the stages in whose place something else is.

        BuildKit reads what such a stage stands on nevertheless, since it looks at the instructions
        of a stage that a named context replaces (``buildStageDependencyGraph``). One whose name is
        an image's, too, is left out.
        """
        try:
            needed, below = self.closure([final]), self.closure(replaced)
            images = self._images()
        except AnalysisError:
            return ()
        names = [stage.name for stage in self.dockerfile.stages]
        idle = (stage.name for index, stage in below.items() if index not in needed)
        alone = (name for name in idle if name and names.count(name) == 1)
        return tuple(sorted(n for n in alone if n not in images and not self.replaced(n)))

    def runs(self, stage: Stage) -> bool:
        """Whether a stage, or one that it is made from, has a RUN: then no two builds are alike."""
        if stage.index not in self._runs:
            steps = (s for part in self.closure([stage]).values() for s in part.instructions)
            self._runs[stage.index] = any(step.keyword == "RUN" for step in steps)
        return self._runs[stage.index]

    def replaced(self, name: str | None) -> str | None:
        """The value of the named context that stands in the place of a stage or image, if any."""
        if not name or name.lower() in {"scratch", "context"}:
            return None
        shown = familiar(name)
        contexts = self.build.contexts.items()
        return next((v for k, v in contexts if k == shown or k.startswith(f"{shown}::")), None)

    def context_below(self, stage: Stage) -> str | None:
        """The value of the named context that a stage is built FROM, if it is one."""
        return next(filter(None, map(self.replaced, self._bases(stage))), None)

    def other_platform(self, stage: Stage) -> bool:
        """Whether FROM names another platform than the target's, or may do so elsewhere."""
        written = read_from(stage.opening).platform
        if written is None or written in {"$TARGETPLATFORM", "${TARGETPLATFORM}"}:
            return False
        names: set[str] = set()

        def value(environment: Environment) -> str:
            def lookup(name: str) -> str | None:
                names.add(name)
                return environment.lookup(name)

            return self.lexer.word(written, lookup)

        try:
            same = all(value(known) == platform for platform, known in self.globals.items())
        except (UnknownVariableError, WordError):
            return True
        return not same or bool(names & BUILDER_ARGS - self.build.args.keys())

    def _parents(self, stage: Stage) -> list[Stage | None]:
        """The stages that FROM names on each platform, without repetitions; None for others."""
        found: list[Stage | None] = []
        for base in self._bases(stage):
            earlier = [s for s in self.dockerfile.stages[: stage.index] if s.name == base]
            parent = earlier[-1] if earlier and not self.replaced(base) else None
            found += [] if parent in found else [parent]
        return found

    def _bases(self, stage: Stage) -> list[str]:
        """What FROM names, variables replaced: on each platform, without repetitions."""
        try:
            known = self.globals.values()
            found = [self.lexer.word(stage.base, environment.lookup) for environment in known]
        except UnknownVariableError as unknown:
            reason = f"FROM {stage.base} depends on {unknown.name}"
            raise AnalysisError(reason, stage.line) from None
        except WordError as bad:
            raise AnalysisError(str(bad), stage.line) from None
        return list(dict.fromkeys(found))

    def _images(self) -> set[str]:
        """What is named and is no stage, as named contexts are looked up."""
        found: set[str] = set()
        for stage in self.dockerfile.stages:
            if None in self._parents(stage):
                found |= {familiar(base) for base in self._bases(stage)}
            origins = (origin for step in stage.instructions for origin in self.origins(step))
            found |= {familiar(origin.name) for origin in origins if origin.stage is None}
        return found

    def _origin(self, name: str, *, by_index: bool) -> Origin:
        stages = self.dockerfile.stages
        if by_index and _INDEX.fullmatch(name):
            found = [stage for stage in stages if stage.index == int(name)]
        else:
            found = [stage for stage in stages if stage.name == name.lower()][-1:]
        context = self.replaced(found[0].name if found else name)
        return Origin(name, found[0] if found and context is None else None, context)


def _mounts(step: Instruction) -> list[Mount]:
    try:
        return [read_mount(value, lambda _, text: text) for value in read_run(step).mounts]
    except StepError as unclear:
        raise AnalysisError(str(unclear), step.line) from None
