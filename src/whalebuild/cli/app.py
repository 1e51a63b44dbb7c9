"""The Typer application. A verb is imported when it is called: see ``commands``."""

from __future__ import annotations

from typing import Annotated

import typer

from whalebuild import __version__
from whalebuild.cli.boundary import begin_debug
from whalebuild.cli.commands import Program
from whalebuild.cli.verbs import ABOUT, DEBUG, HELP_FLAGS, VERSION

app = typer.Typer(
    name="whalebuild",
    cls=Program,
    help=ABOUT,
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": list(HELP_FLAGS)},
    # Plain help: rich would take longer to import than all the rest.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"whalebuild {__version__}")
        raise typer.Exit


def _debug(value: bool) -> None:
    if value:
        begin_debug()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=VERSION)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", "-D", callback=_debug, help=DEBUG)] = False,
) -> None:
    pass
