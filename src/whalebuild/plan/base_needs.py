"""What the build of an application needs of the image that it stands on: the stub, or all of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from whalebuild.appbase.boundary import standing_on
from whalebuild.appbase.generated import Tail
from whalebuild.appbase.limits import needs, why_whole
from whalebuild.appbase.reaches import single_files
from whalebuild.appbase.values import Boundary, Kind, WhyNot
from whalebuild.bakefile.app_base import BaseNeeds, Rest
from whalebuild.dockerfile.instructions import read_copy
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, Stage, parse_dockerfile
from whalebuild.inputs.values import ContextFiles, Undetermined
from whalebuild.oci.reference import familiar
from whalebuild.plan.read_inputs import StageReading


def needs_of_tail(boundary: Boundary, tail: Tail, files: ContextFiles) -> BaseNeeds:
    """What the rest of a Dockerfile needs of its app base.

    Args:
        boundary: Where the Dockerfile is cut.
        tail: The Dockerfile of the rest.
        files: The files that the whole Dockerfile reads.
    """
    dockerfile = parse_dockerfile(tail.text)
    stages = [dockerfile.stages[each.index] for each in boundary.chain[boundary.place.stage :]]
    steps = _steps(stages)
    # The same instructions are on other lines where what is repeated takes more room.
    copied = [step for step in steps if step.keyword != "FROM"][tail.repeated :]
    lines = zip(copied, (each.step.line for each in boundary.tail), strict=True)
    known = single_files(files)
    single = {step.line: known[line] for step, line in lines if line in known}
    return _needs(boundary, files, _rest(dockerfile, steps, single), tail.repeated)


def needs_of_dependencies(reading: StageReading, names: Collection[str]) -> BaseNeeds:
    """What an application needs of its dependencies, on which it stands as a stage or context.

    Args:
        reading: What was read of the application, with its dependencies apart.
        names: Of the named contexts that stand in their place.
    """
    boundary = standing_on(reading.dockerfile, reading.target.stage, reading.build, reading.inputs)
    if isinstance(boundary, Undetermined):
        return BaseNeeds(str(boundary))
    root = boundary.chain[0]
    if familiar(boundary.base) not in map(familiar, names):
        return BaseNeeds("it copies from its dependencies, and does not stand on them")
    if boundary.stages.other_platform(root):
        return BaseNeeds(f"FROM names a platform (line {root.line})")
    if all(_is_apart(each.step) for each in boundary.tail):
        return BaseNeeds("what it adds fits any image (COPY --link)")
    rest = _rest(reading.dockerfile, _steps(boundary.chain), single_files(reading.files))
    pinned = [stage for name in names if (stage := reading.dockerfile.stage(name))]
    idle = boundary.stages.only_of(pinned, boundary.chain[-1])
    return replace(_needs(boundary, reading.files, rest, 0), idle=idle)


def _needs(boundary: Boundary, files: ContextFiles, rest: Rest, repeated: int) -> BaseNeeds:
    whole = why_whole(boundary) or unpacks(boundary, files) or _links(boundary, files)
    side = bool(needs(boundary).side)
    return BaseNeeds(str(whole) if whole else "", side, rest, repeated)


def _steps(stages: Iterable[Stage]) -> list[Instruction]:
    """Instructions of stages, with the FROM of each after the first one."""
    return [step for stage in stages for step in (stage.opening, *stage.instructions)][1:]


def _rest(
    dockerfile: Dockerfile, steps: Iterable[Instruction], single: Mapping[int, tuple[str, ...]]
) -> Rest:
    return Rest(tuple(steps), dockerfile.before, dockerfile.directives.escape, single)


def unpacks(boundary: Boundary, files: ContextFiles) -> WhyNot | None:
    """The ADD that may unpack an archive; None without one.

    An archive that ADD unpacks may have hard links to files that only the app base has.
    """
    adds = {each.step.line for each in boundary.tail if each.step.keyword == "ADD"}
    for read, entries in files.by_read:
        unpacked = any(e.kind != "dir" and e.path in read.sources for e in entries)
        patterns = any(set(source) & set("*?[") for source in read.sources)
        if read.line in adds and (unpacked or patterns):
            return WhyNot("ADD may unpack an archive, which may link to other files", read.line)
    return None


def _links(boundary: Boundary, files: ContextFiles) -> WhyNot | None:
    """Through a link in the code, a small RUN may reach files that only the app base has."""
    runs = [each.step.line for each in boundary.tail if each.kind is Kind.RUN]
    kinds: dict[int, set[str]] = {}
    for read, entries in files.by_read:
        kinds.setdefault(read.line, set()).update(entry.kind for entry in entries)
    for tail in boundary.tail if runs else ():
        if tail.kind is Kind.CONTEXT and "link" in kinds.get(tail.step.line, {"link"}):
            return WhyNot("a command runs after a link may have been copied", runs[0])
    return None


def _is_apart(step: Instruction) -> bool:
    """Whether an instruction's layer is the same on every image, and needs nothing of it."""
    if step.keyword in {"COPY", "ADD"}:
        return read_copy(step).link
    return step.keyword not in {"RUN", "WORKDIR"}
