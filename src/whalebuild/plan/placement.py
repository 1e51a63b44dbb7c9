"""Where the steps of an image run: natively, under emulation, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from whalebuild.builder.nodes import Execution, Node, NodePlacement, places
from whalebuild.inputs.values import Closure, StageInputs
from whalebuild.values import dataclass


@dataclass(frozen=True)
class RunLines:
    """RUN instructions of an image for one target platform.

    Attributes:
        platform: The target's.
        lines: By the platform whose programs they run: None is the builder's own.
    """

    platform: str
    lines: tuple[tuple[str | None, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Placement:
    """Where one platform of an image is built.

    Attributes:
        platform: The target's.
        node: The node's name.
        how: How the target's programs run there.
        emulated: Lines of the RUN instructions that run under emulation there.
        impossible: Lines of those that cannot run there at all.
    """

    platform: str
    node: str
    how: Execution
    emulated: tuple[int, ...] = ()
    impossible: tuple[int, ...] = ()


def runs_of(inputs: StageInputs) -> tuple[RunLines, ...]:
    """The RUN instructions of a stage and of those that it is built on, for each platform."""
    return tuple(_runs(closure) for closure in inputs.closures)


def left_of(runs: Sequence[RunLines], done: Sequence[RunLines]) -> tuple[RunLines, ...]:
    """The RUN instructions of an image without those of its app base, which has run them.

    Args:
        runs: Of the image.
        done: Of the app base; they are on the same lines.
    """
    ran = {line for each in done for _, own in each.lines for line in own}

    def left(lines: Sequence[int]) -> tuple[int, ...]:
        return tuple(line for line in lines if line not in ran)

    return tuple(
        RunLines(each.platform, tuple((p, left(own)) for p, own in each.lines if left(own)))
        for each in runs
    )


def placements_of(runs: Sequence[RunLines], nodes: Sequence[Node]) -> tuple[Placement, ...]:
    """Tell where each platform of a build is built, as far as it is known what the nodes can do."""
    known = {each.platform: each for each in runs}
    return tuple(_placement(known[where.platform], where) for where in places(nodes, known))


def _runs(closure: Closure) -> RunLines:
    lines: dict[str | None, list[int]] = {}
    for part in closure.stages:
        named = closure.platform if part.platform is None else part.platform
        # "$BUILDPLATFORM" and the like: the machine that builds must not matter.
        lines.setdefault(None if "$" in named else named, []).extend(part.runs)
    return RunLines(
        closure.platform, tuple((key, tuple(sorted(v))) for key, v in lines.items() if v)
    )


def _placement(runs: RunLines, where: NodePlacement) -> Placement:
    lines: dict[Execution, list[int]] = {how: [] for how in Execution}
    for platform, own in runs.lines:
        how = Execution.NATIVE if platform is None else where.node.how(platform)
        lines[how] += own
    return Placement(
        runs.platform,
        where.node.name,
        where.how,
        tuple(sorted(lines[Execution.EMULATED])),
        tuple(sorted(lines[Execution.UNABLE])),
    )
