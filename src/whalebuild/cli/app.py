"""The Typer application. Imports of verbs' machinery wait until a verb runs: ``--help`` is fast."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from whalebuild import __version__
from whalebuild.cli import (
    bake,
    builder,
    ci,
    deploy,
    diff,
    history,
    inspect,
    merge,
    plan,
    prune,
    rollback,
)
from whalebuild.cli.boundary import asks_for_json, print_json_error
from whalebuild.errors import ExitCode, UsageError

_GONE = int(ExitCode.INTERRUPTED)
_HELP = "see `whalebuild --help`, or `whalebuild VERB --help`"

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
app.command()(ci.ci)
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
    _open_streams()
    code = _run()
    # Look-ups that nobody waits for any more. An interpreter that ends under a thread in compiled
    # code may crash: https://github.com/python/cpython/issues/87135
    if threading.active_count() > 1:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _open_streams() -> None:
    """Have all three standard streams be there, and take any text.

    The number of one that is closed (``>&-``) would be given to the next file that is opened, and
    what is printed would be written into that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            file = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(file, True)
            setattr(sys, name, os.fdopen(file, "r" if number == 0 else "w"))
    # A file's name may have bytes that are no text.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run() -> int:
    """Run a verb; return the exit code."""
    try:
        code = _run_verb()
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has gone, as in `whalebuild plan | head -1`.
        code = _GONE
    except OSError as failed:
        with suppress(OSError):
            print(f"error: cannot write: {failed.strerror}", file=sys.stderr)  # noqa: T201
        code = int(ExitCode.ENGINE)
    else:
        return code
    # What could not be written is still there, and the interpreter would fail of it at its end.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _run_verb() -> int:
    try:
        ended = app(prog_name="whalebuild", standalone_mode=False)
    except SystemExit as exiting:
        # Typer's own way with a reader that has gone is to exit with 1.
        return exiting.code if isinstance(exiting.code, int) and exiting.code != 1 else _GONE
    except typer.Abort:
        return _GONE
    except Exception as failed:
        # The base of typer's own errors about a command line is not public.
        if not isinstance(failed, typer.BadParameter.__mro__[2]):
            raise
        wrong: Any = failed
        with suppress(OSError):
            wrong.show()
        if asks_for_json(sys.argv[1:]):
            print_json_error(UsageError(wrong.format_message(), next_step=_HELP))
        return int(ExitCode.USAGE)
    return ended if isinstance(ended, int) else 0
