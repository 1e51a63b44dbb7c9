"""Where the user has the Dockerfile cut: a setting, or a comment in the file itself.

The setting names an instruction, and no line number: ``before:COPY . .`` or ``after:RUN make``. The
comment is ``# whalebuild: app-base``, directly above the first instruction that is not in the app
base.
"""

from __future__ import annotations

import re

from whalebuild.appbase.values import Place
from whalebuild.dockerfile.lexer import GO_SPACE
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.errors import UsageError

_COMMENT = re.compile(r"#\s*whalebuild:\s*app-base\s*", re.IGNORECASE)
_FORM = "write before:INSTRUCTION or after:INSTRUCTION, as in before:COPY . ."
_SHOWN = 5  # instructions in a message


def place_of_setting(chain: tuple[Stage, ...], setting: str) -> Place:
    """The place that a setting names in a chain of stages.

    Args:
        chain: The final stage last.
        setting: ``before:`` or ``after:``, and the beginning of an instruction: white space is as
            good as any other, the keyword may be in any case.

    Raises:
        UsageError: It is not of that form, or names no instruction of the chain, or several.
    """
    side, _, wanted = setting.partition(":")
    side, wanted = side.strip().lower(), _normal(wanted)
    if side not in {"before", "after"} or not wanted:
        raise UsageError(f"app-base = {setting!r} is not well formed", next_step=_FORM)
    every = [(i, at) for i, s in enumerate(chain) for at in range(-1, len(s.instructions))]
    exact = [place for place in every if _text(chain, *place) == wanted]
    found = exact or [place for place in every if _text(chain, *place).startswith(wanted)]
    if len(found) != 1:
        raise _not_one(setting, chain, found)
    stage, step = found[0]
    if side == "after":
        return Place(stage, step + 1)
    return _before(chain, stage, step, setting)


def place_of_comment(text: str, dockerfile: Dockerfile, chain: tuple[Stage, ...]) -> Place | None:
    """The place that a comment marks in a chain; None where there is none.

    A comment in a stage that is not of this chain is for other targets.

    Raises:
        UsageError: There are several in the chain, or it stands above the first FROM.
    """
    steps = sorted(_all(dockerfile), key=lambda step: step.line)
    taken = {n for step in steps for n in range(step.line, step.end + 1)}
    found: dict[Place, int] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if number in taken or not _COMMENT.fullmatch(line.strip(GO_SPACE)):
            continue
        place = _above(number, steps, chain)
        if place:
            found[place] = number
    if len(found) > 1:
        lines = " and ".join(map(str, found.values()))
        raise UsageError(
            "several comments say where the app base ends",
            cause=f"# whalebuild: app-base stands on lines {lines}",
            next_step="keep one of them for each chain of stages",
        )
    return next(iter(found), None)


def _above(number: int, steps: list[Instruction], chain: tuple[Stage, ...]) -> Place | None:
    below = next((step for step in steps if step.line > number), None)
    for at, stage in enumerate(chain):
        if below is stage.opening:
            return _before(chain, at, -1, "# whalebuild: app-base")
        if below in stage.instructions:
            return Place(at, stage.instructions.index(below))
    above = [step for step in steps if step.line < number][-1:]
    ends = (
        at for at, s in enumerate(chain) if above and above[0] in (s.opening, *s.instructions)[-1:]
    )
    return next((Place(at, len(chain[at].instructions)) for at in ends), None)


def _before(chain: tuple[Stage, ...], stage: int, step: int, what: str) -> Place:
    if step >= 0:
        return Place(stage, step)
    if stage == 0:
        raise UsageError(
            f"{what} leaves nothing for the app base",
            cause=f"nothing stands before FROM on line {chain[0].line}",
            next_step=_FORM,
        )
    return Place(stage - 1, len(chain[stage - 1].instructions))


def _not_one(setting: str, chain: tuple[Stage, ...], found: list[tuple[int, int]]) -> UsageError:
    steps = [(chain[i].opening, *chain[i].instructions)[at + 1] for i, at in found]
    if not steps:
        labels = ", ".join(stage.label for stage in chain)
        return UsageError(
            f"app-base = {setting!r} names no instruction",
            cause=f"none of the instructions of {labels} begins like that",
            next_step=_FORM,
        )
    shown = "; ".join(f"line {s.line}: {' '.join(s.whole.split())}" for s in steps[:_SHOWN])
    return UsageError(
        f"app-base = {setting!r} names {len(steps)} instructions",
        cause=shown,
        next_step="write more of the instruction, or put # whalebuild: app-base above it",
    )


def _text(chain: tuple[Stage, ...], stage: int, step: int) -> str:
    steps = (chain[stage].opening, *chain[stage].instructions)
    return _normal(steps[step + 1].whole)


def _normal(text: str) -> str:
    words = text.split()
    return " ".join([*(word.upper() for word in words[:1]), *words[1:]])


def _all(dockerfile: Dockerfile) -> list[Instruction]:
    stages = (s for stage in dockerfile.stages for s in (stage.opening, *stage.instructions))
    return [*dockerfile.before, *stages]
