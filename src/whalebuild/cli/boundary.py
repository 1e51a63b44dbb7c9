"""The one place where errors and signals become messages and exit codes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

from whalebuild import __version__
from whalebuild.cli.signals import SIGNALS, DeploySignals, Handler
from whalebuild.errors import (
    EngineError,
    ExitCode,
    InterruptedRunError,
    UsageError,
    WhalebuildError,
)
from whalebuild.settings import DEBUG

ERROR_SCHEMA = "whalebuild.error/1"
#: By which docker and buildx print where an error comes from.
_DEBUG_OF_DOCKER = "DEBUG"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def boundary(output_format: str, signals: DeploySignals | None = None) -> Iterator[None]:
    """Run a verb: expected errors are shown and end the process with their exit code.

    Args:
        output_format: ``json`` also prints the error to standard output for machines.
        signals: What takes signals, where a verb has something to put back.
    """
    takes: Handler = signals.handle if signals else _interrupt
    numbers = SIGNALS if signals else _SIGNALS
    before = {number: signal.signal(number, takes) for number in numbers if _is_heard(number)}
    try:
        _check_folder()
        yield
    except WhalebuildError as error:
        _end_with(error, output_format)
    except BrokenPipeError:
        raise
    except OSError as failed:
        if os.environ.get(DEBUG):
            raise
        _end_with(_of_the_machine(failed), output_format)
    except typer.Exit:
        raise
    except Exception as slip:
        if os.environ.get(DEBUG):
            raise
        _end_with(_InternalError(slip), output_format)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def begin_debug() -> None:
    """Have errors of docker, of buildx and of whalebuild itself say where they come from."""
    os.environ[DEBUG] = os.environ[_DEBUG_OF_DOCKER] = "1"


class _InternalError(WhalebuildError):
    """A fault of whalebuild's own, that nobody has foreseen."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, slip: Exception) -> None:
        import traceback

        from whalebuild.failures.failure import redact

        where = next(iter(reversed(traceback.extract_tb(slip.__traceback__))), None)
        place = f" at {Path(where.filename).name}:{where.lineno}" if where else ""
        super().__init__(
            f"a fault in whalebuild {__version__}{place}",
            cause=redact(f"{type(slip).__name__}: {slip}"),
            next_step=f"report it with the output of this command under {DEBUG}=1",
        )


def _of_the_machine(failed: OSError) -> WhalebuildError:
    """The error for a file, a folder or a process that this machine does not let us use."""
    named = f": {failed.filename}" if failed.filename else ""
    return EngineError(
        f"{failed.strerror or failed}{named}",
        cause="whalebuild could not use a file or start a process on this machine",
        next_step="check its permissions, the free space of its disk, and HOME and TMPDIR",
    )


def _check_folder() -> None:
    try:
        Path.cwd()
    except OSError as failed:
        raise UsageError(
            "the working folder cannot be used",
            cause=f"{failed.strerror}; it may have been deleted or replaced",
            next_step="change into the project's folder again: cd",
        ) from None


def _end_with(error: WhalebuildError, output_format: str) -> NoReturn:
    """Show an error, and end with its exit code."""
    from whalebuild.cli.output.error import error_text
    from whalebuild.cli.screen import in_github, screen_width

    text = error_text(error, screen_width(sys.stderr))
    with suppress(OSError):  # nobody reads it, or its disk is full: machines may still be told
        if in_github(os.environ):
            _tell_actions(error, text)
        else:
            _say(text)
    if output_format == "json":
        print_json_error(error)
    raise typer.Exit(int(error.exit_code)) from None


def _tell_actions(error: WhalebuildError, text: str) -> None:
    """Show an error in the log of GitHub Actions, where lines of a build may look like commands."""
    from whalebuild.ci.commands import resume, stop
    from whalebuild.cli.output.github import write_failure

    token = os.urandom(16).hex()
    for line in (stop(token), text, resume(token)):
        _say(line)
    write_failure(error, text, _as_json(error), os.environ, _say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def print_json_error(error: WhalebuildError) -> None:
    """Print an error to standard output for machines."""
    print(json.dumps(_as_json(error)))  # noqa: T201


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line that cannot be read has ``--format json``."""
    pairs = itertools.pairwise(words)
    return "--format=json" in words or ("--format", "json") in pairs


def _is_heard(number: signal.Signals) -> bool:
    """Whether a signal is to be taken: ``nohup`` has the process ignore that of its terminal."""
    return number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Unwind, so that every ``with`` stops what it started; a second signal has to wait."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise InterruptedRunError(
        f"interrupted by {signal.Signals(number).name}",
        next_step="run it again: steps that were done come from the cache",
    )


def _as_json(error: WhalebuildError) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "schema": ERROR_SCHEMA,
        "error": {
            "what": error.what,
            "cause": error.cause,
            "next": error.next_step,
            "exit_code": int(error.exit_code),
            "retries": [asdict(retry) for retry in error.retries],
        },
    }
