"""The live view of a build on a terminal, with rich."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from whalebuild.buildkit.events import BuildWarning, Event
from whalebuild.buildkit.progress import BuildState, StepState, pulled_bytes
from whalebuild.console.base import ConsoleBase
from whalebuild.console.pace import Pace, rate
from whalebuild.text import human_bytes, human_seconds

_LOG_LINES = 3


class LiveConsole(ConsoleBase):
    """Finished steps scroll by, running ones stay below with their last lines of output."""

    draws = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._console = Console(file=stream, highlight=False)
        self._live = Live(
            self, console=self._console, refresh_per_second=8, transient=True, redirect_stdout=False
        )
        # rich draws from a thread of its own.
        self._lock = threading.Lock()
        self._state = BuildState(())
        self._shown: set[str] = set()
        self._begun = time.monotonic()
        self._spinner = Spinner("dots")
        self._progress_text = ""
        self._waiting = ("", 0.0)
        self._builds = False
        self._pace = Pace()

    def begin(self, targets: Sequence[str]) -> None:
        """See ``buildkit.console.Console``."""
        with self._lock:
            self._state = BuildState(targets)
            self._shown.clear()
            self._progress_text = ""
            self._builds = True
        self._live.start()  # does nothing where it is started
        self._console.print(Text(", ".join(targets), "bold"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def event(self, event: Event) -> None:
        """See ``buildkit.console.Console``."""
        with self._lock:
            self._state.apply(event)
            ended = [s for s in self._state.steps.values() if _has_just_ended(s, self._shown)]
            self._shown.update(step.digest for step in ended)
        for step in ended:
            self._console.print(_finished(step), no_wrap=True, overflow="ellipsis")
        if isinstance(event, BuildWarning):
            self._console.print(Text.assemble(("warning ", "yellow"), event.text))

    def note(self, text: str) -> None:
        """See ``buildkit.console.Console``."""
        self._console.print(Text.assemble(("whalebuild: ", "yellow"), text))

    def wait(self, what: str) -> None:
        """See ``ConsoleBase``; what is printed to standard output after it is not drawn over."""
        with self._lock:
            self._waiting = (what, time.monotonic())
        if what:
            self._live.start()
        elif not self._builds:
            self._live.stop()

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        """See ``buildkit.console.Console``."""
        with self._lock:
            self._progress_text = f"{what}: {self._pace.words(what, how_far, done)}"
        self._live.start()  # does nothing where it is started

    def __rich__(self) -> Group:
        with self._lock:
            if self._waiting[0]:
                what, begun = self._waiting
                return Group(self._row(what, human_seconds(time.monotonic() - begun)))
            if self._progress_text:
                return Group(self._row(self._progress_text, ""))
            running = [s for s in self._state.steps.values() if s.running and _is_shown(s)]
            rows = [row for step in running for row in self._rows(step)]
            if not rows:
                rows = [self._row(self._waits_for(), "")]
            return Group(*rows, self._footer())

    def _waits_for(self) -> str:
        """What is being done while no step runs."""
        if not self._state.steps:
            return "starting docker buildx"
        if any(step.running for step in self._state.steps.values()):
            return "reading the Dockerfile"
        return "waiting for the registry"

    def _row(self, text: str, right: str) -> Table:
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(width=1)
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True)
        row.add_row(self._spinner, Text(text), Text(right, "cyan"))
        return row

    def _rows(self, step: StepState) -> list[Table | Text]:
        seconds = max(0.0, time.time() - (step.started or time.time()))
        row = self._row(step.name, f"{_transferred(step, seconds)}{human_seconds(seconds)}")
        log = step.log[-4000:].decode(errors="replace").splitlines()[-_LOG_LINES:]
        return [
            row,
            *(Text(f"    {line}", "dim", no_wrap=True, overflow="ellipsis") for line in log),
        ]

    def _footer(self) -> Text:
        instructions = [s for s in self._state.steps.values() if s.is_instruction and s.completed]
        cached = sum(step.cached for step in instructions)
        elapsed = human_seconds(time.monotonic() - self._begun)
        pulled = human_bytes(pulled_bytes(self._state.steps.values()))
        count = len(instructions)
        steps = f"{count} step{'' if count == 1 else 's'}, {cached} cached"
        return Text(f"{elapsed} · {steps} · {pulled} pulled", "bold")


def _is_shown(step: StepState) -> bool:
    return "internal]" not in step.name


def _has_just_ended(step: StepState, shown: set[str]) -> bool:
    ended = step.completed is not None and step.digest not in shown
    return ended and (step.is_instruction or bool(step.error) or "exporting" in step.name)


def _finished(step: StepState) -> Text:
    seconds = human_seconds((step.completed or 0) - (step.started or 0))
    if step.error:
        return Text.assemble(("✗ ", "red"), step.name)
    if step.cached:
        return Text.assemble(("✓ ", "green"), step.name, (" CACHED", "green"))
    return Text.assemble(("✓ ", "green"), step.name, (f" {seconds}", "cyan"))


def _transferred(step: StepState, seconds: float) -> str:
    """Bytes of layers on their way, such as ``12 MB / 50 MB, 4.1 MB/s  ``."""
    current = sum(done for done, _ in step.layers.values())
    total = sum(whole for _, whole in step.layers.values())
    if not total:
        return ""
    speed = f", {found}" if (found := rate(current, seconds)) else ""
    return f"{human_bytes(current)} / {human_bytes(total)}{speed}  "
