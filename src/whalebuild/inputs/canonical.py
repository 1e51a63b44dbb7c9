"""An instruction as it enters the deps key: its meaning, not its layout or its line.

Used by ``inputs.closure``.
"""

from __future__ import annotations

from typing import Any

from whalebuild.dockerfile.instructions import StepError
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.words import json_list, name_values, quoted_words, words_or_list

_BLANK_SEPARATED = frozenset({"COPY", "ADD", "VOLUME", "EXPOSE"})
_WITH_FLAGS = frozenset({"COPY", "ADD", "RUN", "HEALTHCHECK", "ARG", "STOPSIGNAL"})
_WITH_TEXT = frozenset(
    {"RUN", "CMD", "ENTRYPOINT", "SHELL", "HEALTHCHECK", "MAINTAINER", "ONBUILD", "STOPSIGNAL"}
    | {"USER", "WORKDIR"}
)

Canonical = list[Any]


def canonical(step: Instruction, escape: str) -> Canonical:
    """The canonical form of an instruction: equal where BuildKit reads the same.

    Raises:
        StepError: BuildKit would refuse it.
        ListError: BuildKit would refuse it: its JSON form has something else than strings.
    """
    operands: Any
    if step.keyword in _BLANK_SEPARATED:
        operands = words_or_list(step.rest)
    elif step.keyword == "ARG":
        operands = quoted_words(step.rest, escape)
    elif step.keyword in {"ENV", "LABEL"}:
        operands = name_values(step.rest, escape)
    elif step.keyword in _WITH_TEXT:
        operands = json_list(step.rest) or step.rest
    else:
        raise StepError(f"{step.keyword} is not an instruction")
    if operands is None or (step.flags and step.keyword not in _WITH_FLAGS):
        raise StepError(f"{step.keyword} is not well formed")
    # A stage's index may change: the caller adds where files come from, whatever it is called.
    flags = [flag for flag in step.flags if not flag.startswith("--from=")]
    documents = [[d.name, d.descriptor, d.expands, d.chomps, d.content] for d in step.documents]
    return [step.keyword, flags, operands, documents]
