"""The commands of a RUN, where it is a plain list of them."""

from __future__ import annotations

import re
import shlex

from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.words import ListError, json_list

# What makes it more than commands that run one after the other.
_MORE = re.compile(r"[;|<>()`\n]|(?<!&)&(?!&)|&&&")


def commands(step: Instruction) -> list[str] | None:
    """The commands that a RUN joins with ``&&``, as written; None where it is something else."""
    if step.heredocs or step.documents or _is_list(step.rest) or _MORE.search(step.rest):
        return None
    found = [part.strip() for part in step.rest.split("&&")]
    return found if all(words(part) for part in found) else None


def words(command: str) -> list[str] | None:
    """The words of a command, quotes removed; None where they cannot be told."""
    try:
        return shlex.split(command)
    except ValueError:
        return None


def _is_list(text: str) -> bool:
    try:
        return json_list(text) is not None
    except ListError:
        return True
