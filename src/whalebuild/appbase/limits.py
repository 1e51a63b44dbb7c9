"""What the rest of a Dockerfile can be built on: the stub, the app base, or neither.

Follows ``init``, ``dispatchStages`` and ``initOnBuildTriggers`` in
``frontend/dockerfile/dockerfile2llb/convert.go`` of BuildKit. In doubt it is the larger one: what
runs in a build has to see the files that it would see in the ordinary build.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import field

from whalebuild.appbase.small_runs import SmallRun, small_run
from whalebuild.appbase.values import Boundary, Kind, TailStep, WhyNot
from whalebuild.dockerfile.parser import Stage
from whalebuild.values import dataclass

_TARGET_STAGE = "TARGETSTAGE"


@dataclass
class Needs:
    """The stages that the tail needs, beside the chain itself.

    Attributes:
        side: Those that are built beside it.
        standing: Uses of what stands on the app base: of the stage that is cut or one made from it.
        shared: Stages with a RUN that the app base is made from as well, and the lines that use
            them. Built anew, they may be others than those in the app base.
    """

    side: dict[int, Stage] = field(default_factory=dict)
    standing: list[WhyNot] = field(default_factory=list)
    shared: dict[str, int] = field(default_factory=dict)


def needs(boundary: Boundary) -> Needs:
    """Find the stages that the tail needs."""
    stages = boundary.stages
    standing = {stage.index for stage in boundary.chain[boundary.place.stage :]}
    below = _below(boundary)
    found = Needs()
    pending = [(stage, line) for stage, line in _copied(boundary)]
    while pending:
        stage, line = pending.pop(0)
        if stage.index in standing:
            reason = f"it uses stage {stage.label}, which stands on the app base"
            found.standing.append(WhyNot(reason, line))
        elif stage.index in below and stages.runs(stage):
            found.shared.setdefault(stage.label, line)
        elif stage.index not in found.side:
            found.side[stage.index] = stage
            pending += stages.below(stage)
    return found


def why_whole(boundary: Boundary) -> WhyNot | None:
    """Why the tail has to be built on the app base itself; None where its stub will do.

    Instructions that copy see directories, links and names of users of what is below them, which
    the stub has; RUN, and stages that stand on the app base, see everything. A small RUN sees what
    a stub may have too: see ``appbase.small_runs``.
    """
    return _of_runs(boundary) or next(iter(needs(boundary).standing), None)


def _of_runs(boundary: Boundary) -> WhyNot | None:
    """Why commands after the boundary are not all small, or not sure to be."""
    linked = None
    runs = [tail for tail in boundary.tail if tail.kind is Kind.RUN]
    for tail in boundary.tail if runs else ():
        read = small_run(tail.step) if tail.kind is Kind.RUN else None
        if isinstance(read, WhyNot):
            return read
        if linked and tail.kind is not Kind.METADATA:
            return WhyNot("an instruction comes after a command that makes a link", linked)
        if _unsure(tail):
            return WhyNot("a command runs after the code was taken in", runs[0].step.line)
        linked = tail.step.line if isinstance(read, SmallRun) and read.links else linked
    shells = [step for _, part in boundary.parts() for step in part if step.keyword == "SHELL"]
    return WhyNot("commands are run by another SHELL", shells[0].line) if runs and shells else None


def _unsure(tail: TailStep) -> bool:
    """Whether an instruction makes it unsure what small RUNs see: of other files, or shells."""
    fetched = tail.kind is Kind.NOTHING and tail.step.keyword == "ADD"
    return fetched or tail.kind in {Kind.STAGE, Kind.IMAGE} or tail.step.keyword == "SHELL"


def why_not(boundary: Boundary, pinned: Container[str] = ()) -> WhyNot | None:
    """Why the tail cannot be built on an image, not even on the app base.

    A frontend that is not Docker's own, and a remote Dockerfile, have no boundary.

    Args:
        boundary: The boundary.
        pinned: Labels of stages in whose place the build has an image, the same one that the app
            base was made from.
    """
    return next(_obstacles(boundary, pinned), None)


def _obstacles(boundary: Boundary, pinned: Container[str]) -> Iterator[WhyNot]:
    stages, root = boundary.stages, boundary.chain[0]
    if boundary.is_empty:
        yield WhyNot("nothing stands before the boundary: there is no app base", root.line)
    if stages.other_platform(root):
        yield WhyNot("FROM names a platform, which the app base may not have", root.line)
    triggers = stages.build.onbuild.items()
    if any(key.partition(" (")[0] == boundary.base and steps for key, steps in triggers):
        yield WhyNot(f"{boundary.base} brings instructions of its own (ONBUILD)", root.line)
    for _, steps in boundary.parts():
        for step in steps:
            if step.keyword == "ONBUILD":
                yield WhyNot("ONBUILD in the app base would run again", step.line)
    yield from _of_target_stage(boundary)
    for label, line in needs(boundary).shared.items():
        if label not in pinned:
            reason = f"stage {label}, which the app base was made from too, could be built anew"
            yield WhyNot(reason, line)


def _of_target_stage(boundary: Boundary) -> Iterator[WhyNot]:
    """The app base is built as another target than the application."""
    if _TARGET_STAGE in boundary.stages.build.args:
        return
    below = _below(boundary).values()
    steps = [*boundary.stages.dockerfile.before, *boundary.before, boundary.stage.opening]
    steps += [step for stage in below for step in (stage.opening, *stage.instructions)]
    for step in steps:
        if re.search(rf"\b{_TARGET_STAGE}\b", "\n".join([step.text, *step.heredocs])):
            yield WhyNot(f"{_TARGET_STAGE} is another one in the app base", step.line)


def _below(boundary: Boundary) -> dict[int, Stage]:
    """Stages that the app base is made from, without the one that is cut."""
    used = [o.stage for step in boundary.before for o in boundary.stages.origins(step)]
    return boundary.stages.closure(
        [*boundary.chain[: boundary.place.stage], *(stage for stage in used if stage)]
    )


def _copied(boundary: Boundary) -> Iterator[tuple[Stage, int]]:
    for tail in boundary.tail:
        for origin in boundary.stages.origins(tail.step):
            if origin.stage:
                yield origin.stage, tail.step.line
