"""Blocks of options in the signatures of verbs."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.testing import CliRunner

from whalebuild.cli.options import with_blocks


@dataclass(frozen=True)
class Block:
    one: Annotated[str | None, typer.Option(help="First.")] = None
    two: Annotated[list[int] | None, typer.Option("--two", "-t")] = None


def test_a_verb_gets_a_block_as_one_value_and_the_user_sees_options() -> None:
    given: dict[str, Any] = {}

    def verb(*, name: str, block: Block, last: bool = False) -> None:
        """Do it."""
        given.update(name=name, block=block, last=last)

    verb.__annotations__ = {"name": str, "block": Block, "last": bool, "return": None}
    command = with_blocks(verb)
    assert list(inspect.signature(command).parameters) == ["name", "one", "two", "last"]
    assert command.__doc__ == "Do it."
    app = typer.Typer(add_completion=False)
    app.command()(command)
    ran = CliRunner().invoke(app, ["x", "--one", "1", "-t", "2", "-t", "3", "--last"])
    assert ran.exit_code == 0, ran.output
    assert given == {"name": "x", "block": Block("1", [2, 3]), "last": True}
    CliRunner().invoke(app, ["x"])
    assert given == {"name": "x", "block": Block(), "last": False}
