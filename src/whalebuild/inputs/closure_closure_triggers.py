"""ONBUILD: the instructions that a parent leaves for its children.

Part of ``inputs.closure``. Follows ``initOnBuildTriggers`` in
``frontend/dockerfile/dockerfile2llb`` of BuildKit.
"""

from __future__ import annotations

import re
from dataclasses import replace

from whalebuild.dockerfile.lines import Instruction, split_instructions
from whalebuild.dockerfile.parser import Stage
from whalebuild.inputs.closure_closure_findings import Origin
from whalebuild.inputs.values import UndeterminedError


def triggers(base: Origin, stage: Stage, escape: str) -> list[Instruction]:
    """The instructions that the parent left for its children.

    Those of a local stage run even where a named context replaces it, and those of the image
    in its place do not.

    Raises:
        UndeterminedError: BuildKit refuses one, or reads it otherwise than the file.
    """
    left: tuple[str, ...] = base.triggers
    if base.stage:
        steps = base.stage.instructions
        left = tuple(step.trigger for step in steps if step.keyword == "ONBUILD")
    found = []
    for text in left:
        if escape != "\\" and re.search(r"[`\\]", text):
            # BuildKit reads the trigger with another escape character than the file.
            raise UndeterminedError("ONBUILD with an escape directive", stage.line)
        read = list(split_instructions(text, "\\"))
        if len(read) != 1 or read[0].keyword in {"ONBUILD", "FROM", "MAINTAINER"}:
            raise UndeterminedError("ONBUILD takes one instruction", stage.line)
        found.append(replace(read[0], line=stage.line, end=stage.line))
    return found
