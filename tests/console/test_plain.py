"""Consoles that write lines, and the choice of a console."""

from __future__ import annotations

import io
import re
import sys

import pytest

from tests.support.console import completed_step, shown
from tests.support.progress import recording
from whalebuild.buildkit.events import BuildWarning
from whalebuild.console.base import ConsoleBase
from whalebuild.console.choose import make_console
from whalebuild.console.live import LiveConsole
from whalebuild.console.pace import Pace
from whalebuild.console.plain import PlainConsole, RawConsole


def test_plain_numbers_steps_and_tells_how_they_ended() -> None:
    lines = shown(PlainConsole, "cached").splitlines()
    numbered = [line.partition(" ") for line in lines]
    numbers = {number for number, _, _ in numbered}
    assert numbers == {f"#{n}" for n in range(1, len(numbers) + 1)}
    ends = {n: rest for n, _, rest in numbered if re.match(r"CACHED|DONE|ERROR", rest)}
    names = {n: rest for n, _, rest in reversed(numbered) if n not in ends or rest != ends[n]}
    by_name = {names[number]: end for number, end in ends.items()}
    assert by_name["[app base 2/2] RUN echo base > /b"] == "CACHED"
    assert re.fullmatch(r"DONE \d+\.\d s", by_name["[app final 1/1] COPY --link app.py /app.py"])
    assert len(ends) == len(names)
    assert len(lines) == len(ends) + len(names)  # each begins and ends once


def test_plain_leaves_out_buildkits_housekeeping() -> None:
    text = shown(PlainConsole, "cached")
    assert "internal]" not in text
    assert "resolving provenance" not in text


def test_plain_shows_output_and_error_of_a_failing_step() -> None:
    lines = shown(PlainConsole, "failed", "app-deps").splitlines()
    (head,) = [line for line in lines if "2/2] RUN echo hello" in line and "ERROR" not in line]
    number = head.partition(" ")[0]
    command = r"/bin/sh -c echo hello; echo \"503 Service Unavailable\" >&2; exit 3"
    error = f'ERROR: process "{command}" did not complete successfully: exit code: 3'
    assert [line for line in lines if line.startswith(f"{number} ")][1:4] == [
        f"{number} | hello",
        f"{number} | 503 Service Unavailable",
        f"{number} {error}",
    ]


def test_plain_numbers_go_on_from_wave_to_wave() -> None:
    stream = io.StringIO()
    console = PlainConsole(stream)
    for target in ("app-deps", "app"):
        console.begin([target])
        console.event(completed_step(target, "[1/1] RUN x"))
    assert stream.getvalue().splitlines() == [
        "#1 [1/1] RUN x",
        "#1 DONE 2.5 s",
        "#2 [1/1] RUN x",
        "#2 DONE 2.5 s",
    ]


def test_plain_shows_warnings_with_their_address() -> None:
    stream = io.StringIO()
    PlainConsole(stream).event(BuildWarning("a", "JSONArgsRecommended: x", "https://d.io/rule"))
    assert stream.getvalue() == "warning: JSONArgsRecommended: x https://d.io/rule\n"


def test_rawjson_is_passed_through_as_it_came() -> None:
    assert shown(RawConsole, "failed") == "".join(recording("failed"))


def test_quiet_shows_no_progress_but_notes() -> None:
    assert shown(ConsoleBase, "failed") == ""
    stream = io.StringIO()
    ConsoleBase(stream).note("retry 1/7")
    assert stream.getvalue() == "whalebuild: retry 1/7\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("mode", "stream", "ci", "expected"),
    [
        ("auto", io.StringIO, False, PlainConsole),
        ("auto", Terminal, False, LiveConsole),
        ("auto", Terminal, True, PlainConsole),
        ("tty", io.StringIO, True, LiveConsole),
        ("plain", Terminal, False, PlainConsole),
        ("rawjson", Terminal, False, RawConsole),
        ("quiet", Terminal, False, ConsoleBase),
    ],
)
def test_the_console_fits_mode_terminal_and_ci(
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    stream: type[io.StringIO],
    ci: bool,
    expected: type[ConsoleBase],
) -> None:
    monkeypatch.setattr(sys, "stderr", stream())
    console = make_console(mode, ci=ci)
    assert type(console) is expected
    # In the log of a CI service a failed step's own log is printed once.
    assert console.shows_logs == (ci and expected is PlainConsole)


def test_plain_says_how_far_something_is_now_and_then() -> None:
    """A line for each new thing at once; the same thing not with every step."""
    stream = io.StringIO()
    console = PlainConsole(stream)
    for what, how_far in [("pulling web", "9 KB"), ("pulling web", "8 KB"), ("waiting", "30 s")]:
        console.progress(what, how_far)
    assert stream.getvalue() == "whalebuild: pulling web: 9 KB\nwhalebuild: waiting: 30 s\n"


@pytest.mark.parametrize("kind", [ConsoleBase, RawConsole])
def test_no_progress_for_programs_and_the_quiet(kind: type[ConsoleBase]) -> None:
    stream = io.StringIO()
    kind(stream).progress("pulling web", "8 KB")
    assert stream.getvalue() == ""


def test_bytes_on_their_way_have_a_rate_once_it_says_something() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace.words("pushing app", "0 B of 9 MB", 0) == "0 B of 9 MB"
    now[0] = 0.4
    assert pace.words("pushing app", "1 MB of 9 MB", 1_000_000) == "1 MB of 9 MB"
    now[0] = 2.0
    assert pace.words("pushing app", "3 MB of 9 MB", 3_000_000) == "3 MB of 9 MB, 1.5 MB/s"
    # Another transfer, and one that begins again, are no part of it.
    assert pace.words("pushing web", "2 MB of 2 MB", 2_000_000) == "2 MB of 2 MB"
    now[0] = 3.0
    assert pace.words("pushing web", "0 B of 2 MB", 0) == "0 B of 2 MB"
    assert pace.words("waiting for web", "2 min", None) == "2 min"
