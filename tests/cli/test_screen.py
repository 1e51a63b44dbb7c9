"""What is a terminal and what is none, and what is said while something takes long."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from whalebuild.cli.screen import in_ci, screen_width
from whalebuild.cli.waiting import said
from whalebuild.console.base import ConsoleBase
from whalebuild.console.choose import make_console
from whalebuild.console.live import LiveConsole
from whalebuild.console.plain import PlainConsole


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_and_a_ci_service_have_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    assert screen_width(Terminal(), {}) == 90
    assert screen_width(io.StringIO(), {}) is None
    assert screen_width(Terminal(), {"GITHUB_ACTIONS": "true"}) is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"CI": "true"}, True),
        ({"CI": "1"}, True),
        ({"CI": "false"}, False),
        ({"CI": ""}, False),
        ({"CI": "0"}, False),
        ({"GITHUB_ACTIONS": "true"}, True),
    ],
)
def test_ci_is_what_says_so(environment: dict[str, str], expected: bool) -> None:
    assert in_ci(environment) is expected


@pytest.mark.parametrize(
    ("term", "ci", "live"),
    [("xterm", False, True), ("dumb", False, False), ("xterm", True, False)],
)
def test_a_terminal_that_cannot_move_back_gets_plain_lines(
    term: str, ci: bool, live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", term)
    assert isinstance(make_console("auto", ci=ci), PlainConsole) is not live


def on_a_terminal(columns: int, folder: Path, **environment: str) -> str:
    """What a bake that cannot be made says on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "COLUMNS"}}
    kept |= {"TERM": "xterm-256color", **environment}
    (folder / "whalebuild.toml").write_text('plattform = "linux/amd64"\n' + "retry = 3\n")
    command = [sys.executable, "-m", "whalebuild", "plan"]
    child = subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=kept
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # Linux's way to say that nobody writes any more
        pass
    finally:
        os.close(ours)
        child.wait(20)
    return shown.decode().replace("\r\n", "\n")


def test_an_error_fits_a_real_terminal_and_has_no_colours(tmp_path: Path) -> None:
    wide = on_a_terminal(999, tmp_path)
    narrow = on_a_terminal(40, tmp_path)
    assert wide.startswith("error: ")
    assert wide.split() == narrow.split()
    assert len(narrow.splitlines()) > len(wide.splitlines())
    assert max(map(len, narrow.splitlines())) <= 40
    assert "\x1b" not in wide
    assert on_a_terminal(999, tmp_path, COLUMNS="40") == narrow
    assert on_a_terminal(40, tmp_path, CI="true") == wide


def test_live_progress_has_no_colours_where_they_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = {}
    for name, value in (("colours", ""), ("none", "1")):
        monkeypatch.setenv("NO_COLOR", value)
        monkeypatch.setattr(sys, "stderr", Terminal())
        with make_console("tty", ci=False) as console:
            console.note("read")
        shown[name] = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[33m" in shown["colours"]
    assert "\x1b[33m" not in shown["none"]


def test_what_takes_long_is_said_once_and_to_people_alone() -> None:
    stream = io.StringIO()
    console = ConsoleBase(stream)
    console.note("begun")
    with said(console, "auto", "at once"):
        pass
    with said(console, "auto", "reading"):
        time.sleep(1.2)
    with said(console, "quiet", "quietly"):
        time.sleep(1.2)
    assert stream.getvalue() == "whalebuild: begun\nwhalebuild: reading\n"


def test_a_live_view_draws_what_is_waited_for_and_then_no_more() -> None:
    stream = Terminal()
    console = LiveConsole(stream)
    with console, said(console, "auto", "reading what is published"):
        time.sleep(0.3)
        drawn = stream.getvalue()
    assert "reading what is published" in drawn
    written = len(stream.getvalue())
    time.sleep(0.3)
    assert len(stream.getvalue()) == written


def test_a_build_goes_on_being_drawn_after_something_was_waited_for() -> None:
    stream = Terminal()
    with LiveConsole(stream) as console:
        console.begin(["app"])
        with said(console, "auto", "looking"):
            pass
        console.progress("pushing app", "1 MB of 9 MB", 1_000_000)
        time.sleep(0.4)
        assert "pushing app: 1 MB of 9 MB" in stream.getvalue()
