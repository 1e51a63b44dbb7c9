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
    doctor,
    history,
    init,
    inspect,
    merge,
    override,
    plan,
    plugin,
    prune,
    rollback,
)
from whalebuild.cli.boundary import asks_for_json, begin_debug, print_json_error
from whalebuild.cli.completion import verb as completion
from whalebuild.cli.help import Verb, VerbGroup
from whalebuild.cli.pages import PROGRAM
from whalebuild.errors import ExitCode, UsageError

_GONE = int(ExitCode.INTERRUPTED)

app = typer.Typer(
    name="whalebuild",
    cls=VerbGroup,
    help="Publish a service image as two tags, :deps and :latest, so that a code change moves "
    "only code.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    # Plain help: rich would take longer to import than all the rest.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for verb in (
    init.init,
    bake.bake,
    merge.merge,
    plan.plan,
    doctor.doctor,
    inspect.inspect,
    diff.diff,
    override.override,
    deploy.deploy,
    rollback.rollback,
    history.history,
    prune.prune,
    ci.ci,
    completion.completion,
):
    app.command(cls=Verb)(verb)
app.add_typer(builder.app)
app.add_typer(plugin.app)


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
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", "-D", callback=_debug, help="Show where errors come from.")
    ] = False,
) -> None:
    pass


def main(program: str = PROGRAM) -> None:
    """Run the command line; ``program`` is what it is called by."""
    _open_streams()
    code = _run(program)
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


def _run(program: str) -> int:
    """Run a verb; return the exit code."""
    try:
        code = _run_verb(program)
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


def _run_verb(program: str) -> int:
    if sys.argv[1:2] == [completion.QUESTION]:
        command: Any = typer.main.get_command(app)
        typer.echo("\n".join(completion.answer_lines(command, sys.argv[2:])))
        return 0
    try:
        ended = app(prog_name=program, standalone_mode=False)
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
        from whalebuild.cli.missing import answer_missing

        if answered := answer_missing(wrong, typer.main.get_command(app)):
            return answered
        with suppress(OSError):
            wrong.show()
        if asks_for_json(sys.argv[1:]):
            help_ = f"see `{program} --help`, or `{program} VERB --help`"
            print_json_error(UsageError(wrong.format_message(), next_step=help_))
        return int(ExitCode.USAGE)
    return ended if isinstance(ended, int) else 0
