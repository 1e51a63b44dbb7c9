"""The Typer application. Imports of verbs' machinery wait until a verb runs: ``--help`` is fast."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Annotated

import typer

from whalebuild import __version__
from whalebuild.cli import (
    bake,
    builder,
    deploy,
    diff,
    history,
    inspect,
    merge,
    plan,
    prune,
    rollback,
)

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
app.command()(merge.merge)
app.command()(plan.plan)
app.command()(inspect.inspect)
app.command()(diff.diff)
app.command()(deploy.deploy)
app.command()(rollback.rollback)
app.command()(history.history)
app.command()(prune.prune)
app.add_typer(builder.app)


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
    try:
        app(prog_name="whalebuild")
    except SystemExit as ended:
        # Look-ups that nobody waits for any more. An interpreter that ends under a thread in
        # compiled code may crash: https://github.com/python/cpython/issues/87135
        if threading.active_count() > 1 and isinstance(ended.code, int):
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError):
                    stream.flush()
            os._exit(ended.code)
        raise
