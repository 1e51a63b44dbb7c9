"""Finds the boundary of an application: the first instruction that is not in its app base.

A read of the context is *broad* if a source is a folder, the whole context, a pattern with more
than six hits, or the application's own source; ``COPY --from`` and mounts of a stage that reads
broadly are broad too. The boundary is the first broad read of the chain if a RUN comes with it or
after it. Else it is the first read of the context after the last instruction that runs something,
or brings something in from elsewhere (an image, an address, a stage that reads only what
dependencies are made from): what took time stays in the app base, what is quick to repeat does not.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from whalebuild.appbase.override import place_of_comment, place_of_setting
from whalebuild.appbase.stages import Stages
from whalebuild.appbase.taken import taken
from whalebuild.appbase.values import Boundary, Kind, Place, TailStep
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, Stage, parse_dockerfile
from whalebuild.inputs.values import (
    AnalysisError,
    Build,
    ContextFiles,
    ContextRead,
    FileEntry,
    StageInputs,
    Undetermined,
)

_TARGET = "target:"
_FILES = frozenset({"COPY", "ADD", "WORKDIR"})


def find_boundary(
    text: str,
    target: str | None,
    build: Build,
    inputs: StageInputs,
    files: ContextFiles,
    *,
    override: str | None = None,
    without_code: Container[str] = (),
) -> Boundary | Undetermined:
    """Find where the chain of a target's final stage is cut.

    Args:
        text: The Dockerfile.
        target: The name of the target's stage; None is the last stage.
        build: What the bake target gives.
        inputs: The inputs of that stage.
        files: The files of the inputs' reads.
        override: The setting, see ``appbase.override``; it goes before a comment in the file.
        without_code: Names of bake targets that are known to take in no code; other targets that
            stand in the place of named contexts are taken for code.

    Returns:
        The boundary; or why the inputs, or the chain, cannot be told.

    Raises:
        UsageError: The setting or the comment is not well formed, or names no place or several.
    """
    dockerfile = parse_dockerfile(text)
    named = [s for s in dockerfile.stages if target is None or s.name == target.lower()]
    if not named:
        return Undetermined(f"there is no stage {target}" if target else "there is no stage")
    try:
        stages = Stages(dockerfile, build, named[-1].name or "")
        code = _Code(stages, inputs, files, without_code)
        chain, base = _chain(stages, named[-1], code)
        place, reason = _overridden(text, chain, stages, override) or _found(chain, code)
        place = _canonical(chain, place, stages)
        return Boundary(text, stages, chain, base, place, reason, _tail(chain, place, code))
    except AnalysisError as error:
        return error.undetermined


def standing_on(
    dockerfile: Dockerfile, target: str | None, build: Build, inputs: StageInputs
) -> Boundary | Undetermined:
    """The boundary at the very beginning of a target's chain: all of it is put on an image.

    Args:
        dockerfile: The Dockerfile.
        target: The name of the target's stage; None is the last stage.
        build: What the bake target gives, with the image as a named context.
        inputs: The inputs of that stage.
    """
    final = dockerfile.stage(target) if target else dockerfile.stages[-1]
    if final is None:
        return Undetermined(f"there is no stage {target}")
    try:
        stages = Stages(dockerfile, build, final.name or "")
        code = _Code(stages, inputs, ContextFiles(), ())
        chain, base = _chain(stages, final, code)
        place = Place(0, 0)
        tail = _tail(chain, place, code)
        return Boundary(dockerfile.text, stages, chain, base, place, "its base", tail)
    except AnalysisError as error:
        return error.undetermined


class _Code:
    """Which instructions and stages take code in."""

    def __init__(
        self,
        stages: Stages,
        inputs: StageInputs,
        files: ContextFiles,
        without_code: Container[str],
    ) -> None:
        self.stages = stages
        self.without_code = without_code
        self.remotes = {remote.line for remote in inputs.remotes}
        known = dict(files.by_read)
        self.reads: dict[int, list[tuple[ContextRead, tuple[FileEntry, ...] | None]]] = {}
        for read in inputs.reads:
            self.reads.setdefault(read.line, []).append((read, known.get(read)))
        self._stages: dict[int, str | None] = {}

    def refuse_from(self, stage: Stage) -> None:
        """Raise where a stage takes files in before its first instruction."""
        if stage.line in self.reads:
            raise AnalysisError(f"FROM {stage.base} takes files of a context in", stage.line)

    def broad(self, step: Instruction) -> str | None:
        """What an instruction takes in that is code, in words."""
        made = (self._of_stage(o.stage) for o in self.stages.origins(step) if o.stage)
        return self._direct(step) or next((words for words in made if words), None)

    def reads_context(self, step: Instruction) -> bool:
        """Whether an instruction itself reads a context."""
        return step.line in self.reads

    def works(self, step: Instruction) -> bool:
        """Whether an instruction that takes no code in takes time, or brings something in."""
        elsewhere = not self.reads_context(step) and bool(self.stages.origins(step))
        return step.keyword == "RUN" or elsewhere or step.line in self.remotes

    def _of_stage(self, stage: Stage) -> str | None:
        if stage.index not in self._stages:
            words = next(self._in_closure(stage), None)
            self._stages[stage.index] = (
                f"what stage {stage.label} makes of {words}" if words else None
            )
        return self._stages[stage.index]

    def _in_closure(self, stage: Stage) -> Iterator[str]:
        for _, part in sorted(self.stages.closure([stage]).items()):
            below = self._of_context(self.stages.context_below(part))
            if below or part.line in self.reads:
                yield f"{below or part.base} (line {part.line})"
            for step in part.instructions:
                if words := self._direct(step):
                    yield f"{words} (line {step.line})"

    def _direct(self, step: Instruction) -> str | None:
        for read, entries in self.reads.get(step.line, ()):
            words = "files that are not known" if entries is None else taken(read, entries)
            if words:
                return words
        found = (self._of_context(origin.context) for origin in self.stages.origins(step))
        return next((words for words in found if words), None)

    def _of_context(self, value: str | None) -> str | None:
        if not value or not value.startswith(_TARGET):
            return None
        name = value.removeprefix(_TARGET)
        return None if name in self.without_code else f"what target {name} makes"


def _chain(stages: Stages, final: Stage, code: _Code) -> tuple[tuple[Stage, ...], str]:
    """The final stage's chain, and what is below it; raises where one of them cannot be told."""
    chain, base = stages.chain(final)
    stages.closure(chain)  # once, for what cannot be told
    for stage in chain:
        code.refuse_from(stage)
    return chain, base


def _overridden(
    text: str, chain: tuple[Stage, ...], stages: Stages, override: str | None
) -> tuple[Place, str] | None:
    if override:
        return place_of_setting(chain, override), f"set: app-base = {override}"
    marked = place_of_comment(text, stages.dockerfile, chain)
    return (marked, "marked by a comment in the Dockerfile") if marked else None


def _found(chain: tuple[Stage, ...], code: _Code) -> tuple[Place, str]:
    steps = [(Place(i, p), s) for i, c in enumerate(chain) for p, s in enumerate(c.instructions)]
    broad = next((at for at, (_, step) in enumerate(steps) if code.broad(step)), len(steps))
    first, after = broad, None
    if not any(step.keyword == "RUN" for _, step in steps[broad:]):
        worked = [at for at, (_, step) in enumerate(steps[:broad]) if code.works(step)]
        after = steps[worked[-1]][1].line if worked else None
        begin = worked[-1] + 1 if worked else 0
        reads = (at for at in range(begin, broad) if code.reads_context(steps[at][1]))
        first = next(reads, broad)
    if first == len(steps):
        return Place(len(chain) - 1, len(chain[-1].instructions)), "no instruction takes code in"
    place, step = steps[first]
    if first == broad:
        return place, f"the first instruction that takes code in: {code.broad(step)}"
    if after is None:
        return place, "the first instruction that reads the context"
    return place, f"the first instruction that reads the context after the work on line {after}"


def _canonical(chain: tuple[Stage, ...], place: Place, stages: Stages) -> Place:
    """Of the end of a stage and the beginning of the next one, the right one to cut at.

    Both give the same image. What ran must not run again for other stages that stand on it, so a
    stage with a RUN is cut at its end, and they stand on the app base; one without is left as it
    is.
    """
    at, step = place.stage, place.step
    while step == 0 and at > 0 and stages.runs(chain[at - 1]):
        at, step = at - 1, len(chain[at - 1].instructions)
    while (
        step == len(chain[at].instructions) and at + 1 < len(chain) and not stages.runs(chain[at])
    ):
        at, step = at + 1, 0
    return Place(at, step)


def _tail(chain: tuple[Stage, ...], place: Place, code: _Code) -> tuple[TailStep, ...]:
    rest = [(chain[place.stage], chain[place.stage].instructions[place.step :])]
    rest += [(stage, stage.instructions) for stage in chain[place.stage + 1 :]]
    return tuple(_tail_step(stage, step, code) for stage, steps in rest for step in steps)


def _tail_step(stage: Stage, step: Instruction, code: _Code) -> TailStep:
    if step.keyword == "RUN":
        return TailStep(stage, step, Kind.RUN)
    if code.reads_context(step):
        return TailStep(stage, step, Kind.CONTEXT)
    for origin in code.stages.origins(step):
        kind = Kind.STAGE if origin.stage else Kind.IMAGE
        return TailStep(stage, step, kind, origin.stage.label if origin.stage else origin.name)
    return TailStep(stage, step, Kind.NOTHING if step.keyword in _FILES else Kind.METADATA)
