"""Runs a command whose output is shown as it comes, and that can be stopped at any moment."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial

from whalebuild.docker.processes import stop

_WATCH_SECONDS = 0.2
_STOP_SECONDS = 5.0
_AT_ONCE = 65_536


def run_streamed(
    words: Sequence[str],
    env: Mapping[str, str],
    line: Callable[[str], None],
    watch: Callable[[], None],
) -> int:
    """Run a command in a process group of its own; both its outputs go to ``line``.

    Args:
        words: The command.
        env: All of its environment.
        line: Gets each line.
        watch: Called several times a second; what it raises ends the command and all that it has
            started, and is raised.

    Returns:
        Its exit code.

    Raises:
        OSError: It cannot be started.
    """
    with subprocess.Popen(  # noqa: S603 - docker, or a command of the user's own settings
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        process_group=0,
    ) as process:
        try:
            for text in _lines(process, watch):
                line(text)
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(_WATCH_SECONDS)
                watch()
        except BaseException:
            _end_group(process)
            raise


def _lines(process: subprocess.Popen[bytes], watch: Callable[[], None]) -> Iterator[str]:
    """Lines until the end of the output, or the end of the command itself.

    What it has left running in the background may keep its output open.
    """
    assert process.stdout is not None  # noqa: S101 - it was asked for
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            watch()
            ready = selector.select(_WATCH_SECONDS)
            if not ready:
                if process.poll() is not None:
                    break
                continue
            read = os.read(process.stdout.fileno(), _AT_ONCE)
            if not read:
                break
            *whole, rest = (rest + read).split(b"\n")
            for each in whole:
                yield each.decode(errors="replace").rstrip("\r")
            if len(rest) > _AT_ONCE:  # one line without an end
                yield rest.decode(errors="replace")
                rest = b""
    if rest:
        yield rest.decode(errors="replace")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    ended = partial(_has_ended, process)
    stop(process.pid, ended, send=os.killpg, seconds=_STOP_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # those of it that do not listen


def _has_ended(process: subprocess.Popen[bytes], _pid: int) -> bool:
    return process.poll() is not None
