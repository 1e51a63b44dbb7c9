"""The one place where errors and signals become messages and exit codes."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType

import typer

from whalebuild.errors import InterruptedRunError, WhalebuildError

ERROR_SCHEMA = "whalebuild.error/1"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def boundary(output_format: str) -> Iterator[None]:
    """Run a verb: expected errors are shown and end the process with their exit code.

    Args:
        output_format: ``json`` also prints the error to standard output for machines.
    """
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    except WhalebuildError as error:
        from whalebuild.cli.output.bake import error_text

        print(error_text(error), file=sys.stderr)  # noqa: T201
        if output_format == "json":
            print(json.dumps(_as_json(error)))  # noqa: T201
        raise typer.Exit(int(error.exit_code)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Unwind, so that every ``with`` stops what it started; a second signal has to wait."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise InterruptedRunError(
        f"interrupted by {signal.Signals(number).name}",
        next_step="run it again: steps that were done come from the cache",
    )


def _as_json(error: WhalebuildError) -> dict[str, object]:
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
