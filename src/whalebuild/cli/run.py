"""Runs a command line: streams before it, what is left of it after it.

``--help`` of the whole is answered without Typer, whose import takes longer than all else of it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import Any

from whalebuild.cli.pages import PROGRAM
from whalebuild.cli.verbs import HELP_FLAGS
from whalebuild.errors import ExitCode, UsageError

_GONE = int(ExitCode.INTERRUPTED)
# What a completion script asks: cobra's own word.
_QUESTION = "__complete"


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
    words = sys.argv[1:]
    if len(words) == 1 and words[0] in HELP_FLAGS:
        from whalebuild.cli.help import help_text, terminal_width
        from whalebuild.cli.verbs import front_page

        print(help_text(front_page(program), terminal_width()))  # noqa: T201
        return 0
    return _run_typer(program, words)


def _run_typer(program: str, words: Sequence[str]) -> int:
    import typer

    from whalebuild.cli.app import app

    if words[:1] == [_QUESTION]:
        from whalebuild.cli.completion.verb import answer_lines

        command: Any = typer.main.get_command(app)
        typer.echo("\n".join(answer_lines(command, words[1:])))
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
        return _say_wrong(failed, program, typer.main.get_command(app))
    return ended if isinstance(ended, int) else 0


def _say_wrong(wrong: Any, program: str, command: Any) -> int:
    """Say what is wrong about the command line; return the exit code."""
    from whalebuild.cli.boundary import asks_for_json, print_json_error
    from whalebuild.cli.missing import answer_missing

    if answered := answer_missing(wrong, command):
        return answered
    with suppress(OSError):
        wrong.show()
    if asks_for_json(sys.argv[1:]):
        help_ = f"see `{program} --help`, or `{program} VERB --help`"
        print_json_error(UsageError(wrong.format_message(), next_step=help_))
    return int(ExitCode.USAGE)
