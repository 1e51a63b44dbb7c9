"""Running helper programs, and saying what goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from wbsandbox.errors import SandboxError

SHOWN_LINES = 15


def say(message: str) -> None:
    """One plain progress line. Standard output is left to whoever calls the command."""
    print(f"sandbox: {message}", file=sys.stderr, flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say what was done and how long it took, once it is done."""
    start = time.monotonic()
    yield
    say(f"{what} ({time.monotonic() - start:.1f} s)")


def last_lines(text: str) -> str:
    """The end of a log, indented, for an error message."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-SHOWN_LINES:])


def run(
    command: Sequence[str | Path],
    *,
    cause: str,
    next_step: str,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program that is expected to succeed and return its standard output."""
    argv = [str(word) for word in command]
    # Programs are asked for untranslated output, because some of it is parsed.
    environment = {**(os.environ if env is None else env), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            argv,
            env=environment,
            cwd=cwd,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise SandboxError(
            f"could not run {argv[0]}: {error.strerror}", cause=cause, next_step=next_step
        ) from error
    if done.returncode != 0:
        shown = last_lines(done.stderr + done.stdout)
        raise SandboxError(
            f"'{argv[0]}' failed with exit code {done.returncode}:\n{shown}",
            cause=cause,
            next_step=next_step,
        )
    return done.stdout


def succeeds(command: Sequence[str | Path]) -> bool:
    """Run a program for its exit code alone."""
    argv = [str(word) for word in command]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0
