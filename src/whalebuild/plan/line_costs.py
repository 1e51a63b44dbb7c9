"""What each instruction after the boundary costs a machine that has nothing yet."""

from __future__ import annotations

from enum import StrEnum

from whalebuild.appbase.limits import needs
from whalebuild.appbase.values import Boundary, Kind, WhyNot
from whalebuild.bakefile.tail import TailLine
from whalebuild.plan.plan import AppPlan, Plan
from whalebuild.text import human_bytes
from whalebuild.values import dataclass


class Needs(StrEnum):
    """What an instruction has to have, beside the stub."""

    NOTHING = "nothing"
    CODE = "code"
    ELSEWHERE = "elsewhere"
    TOOLS = "tools"
    APP_BASE = "app-base"


@dataclass(frozen=True)
class LineCost:
    """The cost of one instruction, when code has changed.

    Attributes:
        needs: What it has to have.
        cost: The same in words.
        bytes: What of that is downloaded, where it is known.
    """

    line: int
    instruction: str
    needs: Needs
    cost: str
    bytes: int | None = None


def tail_lines(boundary: Boundary, archive: WhyNot | None) -> tuple[TailLine, ...]:
    """The instructions after a boundary.

    Args:
        boundary: The boundary.
        archive: The ADD that may unpack an archive, if there is one.
    """
    whole = {why.line for why in (*needs(boundary).standing, *([archive] if archive else []))}
    return tuple(
        TailLine(
            each.step.line,
            " ".join(each.step.whole.split()),
            str(each.kind),
            each.origin,
            whole=each.kind is Kind.RUN or each.step.line in whole,
        )
        for each in boundary.tail
    )


def line_costs(plan: Plan, app: AppPlan) -> tuple[LineCost, ...]:
    """The costs of the instructions after an application's app base; none where it has none."""
    base = app.image.app_base
    if base is None:
        return ()
    size = plan.deps_of(app).image_bytes
    short = not plan.long_because(app)
    return tuple(_cost(line, size, short=short, pinned=bool(app.pins)) for line in base.lines)


def _cost(line: TailLine, size: int | None, *, short: bool, pinned: bool) -> LineCost:
    kind = Kind(line.kind)
    if kind is Kind.METADATA:
        needs, words = Needs.NOTHING, "nothing"
    elif not pinned:
        # Built as it is written: what a step finds in the caches is not built.
        run = "runs with every code change"
        needs, words = Needs.ELSEWHERE, run if kind is Kind.RUN else "what its step needs"
    elif kind is Kind.RUN and short:  # a small one: see ``appbase.small_runs``
        needs, words = Needs.TOOLS, "its tools, a megabyte or two, and runs with every code change"
    elif line.whole:
        weight = f" ({human_bytes(size)})" if size is not None else ""
        words = f"needs the app base{weight}"
        words += ", and runs with every code change" if kind is Kind.RUN else ""
        return LineCost(line.line, line.instruction, Needs.APP_BASE, words, size)
    else:
        needs, words = _of_copy(line, kind)
        words += "" if short else ", put on the app base"
    return LineCost(line.line, line.instruction, needs, words)


def _of_copy(line: TailLine, kind: Kind) -> tuple[Needs, str]:
    if kind is Kind.CONTEXT:
        return Needs.CODE, "code alone"
    if kind is Kind.STAGE:
        return Needs.ELSEWHERE, f"what stage {line.origin} makes"
    if kind is Kind.IMAGE:
        return Needs.ELSEWHERE, f"what {line.origin} has"
    if line.instruction.upper().startswith("ADD"):
        return Needs.ELSEWHERE, "what is at the address"
    return Needs.NOTHING, "nothing from elsewhere"
