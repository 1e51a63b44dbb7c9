"""The Typer application. Imports of verbs' machinery wait until a verb runs: ``--help`` is fast."""

from __future__ import annotations

from typing import Annotated

import typer

from whalebuild import __version__
from whalebuild.cli import bake, inspect, plan

app = typer.Typer(
    name="whalebuild",
    help="Publish a service image as two tags, :deps and :latest, so that a code change moves "
    "only code.",
    no_args_is_help=True,
    add_completion=False,
    # Plain help: rich would take longer to import than all the rest.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(bake.bake)
app.command()(plan.plan)
app.command()(inspect.inspect)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"whalebuild {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the console script."""
    app(prog_name="whalebuild")
