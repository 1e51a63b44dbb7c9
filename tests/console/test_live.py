"""The live view on a terminal."""

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.console import Console

from tests.support.console import completed_step, shown
from whalebuild.buildkit.events import BuildWarning, Log
from whalebuild.console.live import LiveConsole


def test_the_live_view_shows_finished_steps() -> None:
    text = re.sub(r"\s+", " ", shown(LiveConsole, "cached"))
    assert "✓ [app base 2/2] RUN echo base > /b CACHED" in text
    assert re.search(r"✓ \[app final 1/1\] COPY --link app\.py /app\.py \d+\.\d s", text)
    assert text.count("[app final 1/1] COPY") == 1
    assert "internal]" not in text


def test_the_live_view_shows_a_step_in_every_wave_and_stops_drawing() -> None:
    stream = io.StringIO()
    before = set(threading.enumerate())
    with LiveConsole(stream) as console:
        for target in ("app-deps", "app"):
            console.begin([target])
            console.event(completed_step("shared", "[base 1/1] RUN x", cached=True))
            console.event(completed_step("shared", "[base 1/1] RUN x", cached=True))
        drawing = set(threading.enumerate()) - before
    for thread in drawing:
        thread.join(2)
    assert drawing
    assert not any(thread.is_alive() for thread in drawing)
    assert stream.getvalue().count("✓ [base 1/1] RUN x CACHED") == 2


def test_the_live_view_marks_a_failed_step() -> None:
    assert "✗ [app-deps dependencies 2/2] RUN" in shown(LiveConsole, "failed", "app-deps")


@pytest.mark.parametrize(
    "text",
    ["reading r.io/web:100: 503 Service Unavailable", "[bold]x[/]", "a \\[red] b", "[/]"],
)
def test_the_live_view_writes_notes_as_they_are(text: str) -> None:
    stream = io.StringIO()
    with LiveConsole(stream) as console:
        console.note(text)
        console.event(BuildWarning("a", text, ""))
    assert stream.getvalue() == f"whalebuild: {text}\nwarning {text}\n"


def test_the_live_view_draws_running_steps_with_their_last_output() -> None:
    console = LiveConsole(io.StringIO())
    console.begin(["app"])
    console.event(completed_step("a", "[2/3] RUN pip install", completed=None))
    console.event(Log("a", b"one\ntwo\nthree\nfour [bold]\n"))
    drawn = io.StringIO()
    Console(file=drawn, width=60).print(console)
    console.__exit__()
    assert "[2/3] RUN pip install" in drawn.getvalue()
    assert "four [bold]" in drawn.getvalue()
    assert "one" not in drawn.getvalue()
    assert "0 steps, 0 cached" in drawn.getvalue()


def test_the_live_view_draws_how_far_something_is_as_it_is_written() -> None:
    console = LiveConsole(io.StringIO())
    console.progress("pulling [bold]", "8 KB")
    drawn = io.StringIO()
    Console(file=drawn, width=60).print(console)
    console.__exit__()
    assert "pulling [bold]: 8 KB" in drawn.getvalue()


def test_the_live_view_shows_the_build_that_begins_after_a_push() -> None:
    console = LiveConsole(io.StringIO())
    console.progress("pushing web", "8 KB")
    console.begin(["api"])
    drawn = io.StringIO()
    Console(file=drawn, width=60).print(console)
    console.__exit__()
    assert "pushing" not in drawn.getvalue()
    assert "0 steps, 0 cached" in drawn.getvalue()
