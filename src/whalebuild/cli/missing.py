"""A command line with a word of docker's or buildx's that whalebuild has not: what does it here."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from whalebuild.cli.boundary import asks_for_json, print_json_error
from whalebuild.cli.pages import PROGRAM
from whalebuild.cli.words import answer_to_flag, answer_to_verb
from whalebuild.errors import UsageError

_FEW = 3
_NO_COMMAND = re.compile(r"No such command '([^']*)'")


def answer_missing(wrong: Any, program: Any) -> int | None:
    """Say what does here what a missing word does elsewhere.

    Args:
        wrong: Typer's error about the command line; its base is not public.
        program: The command that has all verbs.

    Returns:
        The exit code; None where nothing is known about the word.
    """
    missing = _NO_COMMAND.match(wrong.format_message())
    flag = getattr(wrong, "option_name", None)
    where = wrong.ctx.command_path if wrong.ctx else PROGRAM
    answer = None
    if missing and not (wrong.ctx and wrong.ctx.parent):
        answer = answer_to_verb(missing[1])
    elif isinstance(flag, str):
        answer = answer_to_flag(flag, _verbs_with(flag, program))
    if answer is None:
        return None
    from whalebuild.cli.output.error import error_text

    error = UsageError(f"{where} has no {missing[1] if missing else flag}", next_step=answer)
    with suppress(OSError):
        print(error_text(error), file=sys.stderr)  # noqa: T201
    if asks_for_json(sys.argv[1:]):
        print_json_error(error)
    return int(error.exit_code)


def _verbs_with(flag: str, program: Any) -> list[str]:
    """The verbs that have a flag, if they are few."""
    commands: Mapping[str, Any] = getattr(program, "commands", {})
    having = [
        name
        for name, command in commands.items()
        if any(flag in parameter.opts for parameter in command.params)
    ]
    return having if len(having) <= _FEW else []
