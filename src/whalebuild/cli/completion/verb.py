"""``whalebuild completion``, and the answer to what its scripts ask."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument

if TYPE_CHECKING:
    from typer.core import TyperGroup

# What ends the answer to a script's question: cobra's own.
_FILES, _NO_FILES = ":0", ":4"

EXAMPLES = (
    ("source <(whalebuild completion bash)", "in ~/.bashrc"),
    ("source <(whalebuild completion zsh)", "in ~/.zshrc, after compinit"),
    ("whalebuild completion fish > ~/.config/fish/completions/whalebuild.fish", "for fish"),
)


class Shell(StrEnum):
    """Shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[
        Shell, Argument(metavar="bash|zsh|fish", help="The shell.", show_default=False)
    ],
) -> None:
    """Print a script that completes verbs, flags, targets, builders and platforms in a shell."""
    typer.echo(script(shell), nl=False)


def script(shell: Shell) -> str:
    """The script of a shell."""
    return Path(__file__).with_name(f"whalebuild.{shell}").read_text(encoding="utf-8")


def answer_lines(command: TyperGroup, words: Sequence[str]) -> list[str]:
    """The answer to a script: a line a candidate, then whether files are wanted.

    Whatever goes wrong, nobody who has pressed a key is to read of it.

    Args:
        command: The whole command line.
        words: What follows its name; the last one is to be completed.
    """
    from whalebuild.cli.completion.answer import answer
    from whalebuild.cli.completion.values import values
    from whalebuild.cli.pages import page_of

    with suppress(Exception):
        found = answer(page_of(command), words, values)
        lines = [f"{value}\t{about}" if about else value for value, about in found.candidates]
        return [*lines, _FILES if found.files else _NO_FILES]
    return [_NO_FILES]
