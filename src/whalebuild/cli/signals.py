"""Signals during a deploy: the first one puts back what was changed, the second ends at once."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from whalebuild.errors import AbandonedRunError, InterruptedRunError

Handler = Callable[[int, FrameType | None], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DeploySignals:
    """See ``deploy.course.Interrupts``; the handler of the signals of one command."""

    def __init__(self) -> None:
        self._count = 0
        self._held = 0
        self._noted: InterruptedRunError | None = None

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Raise where the work is, unless things are put back already."""
        name = signal.Signals(number).name
        if number == signal.SIGHUP:
            _drop_terminal()
        self._count += 1
        if self._count == 1:
            stopped = InterruptedRunError(
                f"interrupted by {name}", next_step="nothing was changed; run it again"
            )
            if not self._held:
                raise stopped
            self._noted = stopped
            with suppress(OSError):
                os.write(2, f"whalebuild: {name}: a second signal ends at once\n".encode())
            return
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise AbandonedRunError(
            f"ended by {name}, the second signal: what was changed was not put back",
            next_step="see `docker compose ps`",
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """See ``deploy.course.Interrupts``."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def check(self) -> None:
        """See ``deploy.course.Interrupts``."""
        noted, self._noted = self._noted, None
        if noted:
            raise noted

    @property
    def puts_back(self) -> bool:
        """Whether a signal is noted only, since things are put back already."""
        return self._held > 0

    def drop_output(self) -> None:
        """See ``deploy.course.Interrupts``."""
        _to_nowhere(sys.stderr.fileno())

    @property
    def came(self) -> bool:
        """See ``deploy.course.Interrupts``."""
        return self._count > 0


def _drop_terminal() -> None:
    """Have output go nowhere: the terminal is gone, and writing to it would be an error."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            if not _can_be_written(stream.fileno()):
                _to_nowhere(stream.fileno())


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _can_be_written(descriptor: int) -> bool:
    try:
        os.write(descriptor, b"")
    except OSError:
        return False
    # A terminal that is gone takes an empty text, and is no terminal any more.
    return not _is_device(descriptor) or os.isatty(descriptor)


def _is_device(descriptor: int) -> bool:
    return stat.S_ISCHR(os.fstat(descriptor).st_mode)
