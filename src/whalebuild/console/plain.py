"""Progress and notes on standard error: plain lines, BuildKit's own stream, or nothing.

Standard output belongs to results.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO

from whalebuild.buildkit.events import BuildWarning, Event, Log, Step
from whalebuild.buildkit.progress import BuildState, StepState
from whalebuild.console.base import ConsoleBase
from whalebuild.console.pace import Pace
from whalebuild.text import human_seconds

_PROGRESS_SECONDS = 5.0


class RawConsole(ConsoleBase):
    """BuildKit's rawjson as it comes, for programs."""

    def raw(self, line: str) -> None:
        """See ``buildkit.console.Console``."""
        self._stream.write(line)
        self._stream.flush()


class PlainConsole(ConsoleBase):
    """One line an event, in the manner of buildx's ``--progress plain``, for CI and pipes."""

    def __init__(self, stream: TextIO, *, ci: bool = False) -> None:
        super().__init__(stream)
        # The log of a CI service keeps every line; what a pipe does with them is not known.
        self.shows_logs = ci
        self._count = 0
        self._last_progress = ("", 0.0)
        self._pace = Pace()
        self.begin(())

    def begin(self, targets: Sequence[str]) -> None:
        """See ``buildkit.console.Console``."""
        self._state = BuildState(targets)
        self._numbers: dict[str, int] = {}
        self._ended: set[str] = set()

    def event(self, event: Event) -> None:
        """See ``buildkit.console.Console``."""
        self._state.apply(event)
        match event:
            case Step() if event.started:
                self._show_step(self._state.steps[event.digest])
            case Log():
                self._show_log(event)
            case BuildWarning():
                self._line(f"warning: {event.text} {event.url}".rstrip())
            case _:
                pass

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        """Print a line at the beginning and every five seconds: lines in a log stay."""
        now = time.monotonic()
        words = self._pace.words(what, how_far, done)
        before, at = self._last_progress
        if what != before or now - at >= _PROGRESS_SECONDS:
            self._print(f"whalebuild: {what}: {words}")
            self._last_progress = (what, now)

    def _show_step(self, step: StepState) -> None:
        if _is_housekeeping(step):
            return
        if step.digest not in self._numbers:
            self._count += 1
            self._numbers[step.digest] = self._count
            self._line(f"#{self._count} {step.name}")
        # BuildKit ends a step more than once: exporting an image goes on with its push.
        if step.completed is None or (step.digest in self._ended and not step.error):
            return
        self._ended.add(step.digest)
        self._line(f"#{self._numbers[step.digest]} {_ending(step)}")

    def _show_log(self, event: Log) -> None:
        number = self._numbers.get(event.step, 0)
        for line in event.data.decode(errors="replace").splitlines():
            self._line(f"#{number} | {line}")

    def _line(self, text: str) -> None:
        """Print a line of a build."""
        self._print(text)

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def _is_housekeeping(step: StepState) -> bool:
    """BuildKit's own housekeeping, unless it fails."""
    return not step.error and ("internal]" in step.name or "resolving provenance" in step.name)


def _ending(step: StepState) -> str:
    if step.error:
        return f"ERROR: {step.error}"
    if step.cached:
        return "CACHED"
    return f"DONE {human_seconds((step.completed or 0) - (step.started or 0))}"
