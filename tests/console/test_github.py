"""The log of GitHub Actions."""

from __future__ import annotations

import io
from contextlib import suppress

from tests.support.actions_log import Log as Read
from tests.support.actions_log import read_log
from tests.support.console import completed_step
from tests.support.progress import recording
from whalebuild.buildkit.events import BuildWarning, Log, parse_line
from whalebuild.console.choose import make_console
from whalebuild.console.github import GithubConsole
from whalebuild.console.plain import PlainConsole


def groups(stream: io.StringIO) -> list[list[str]]:
    """The title and the lines of each group."""
    found: list[list[str]] = []
    for line in stream.getvalue().splitlines():
        if line.startswith("::group::"):
            found.append([line.removeprefix("::group::")])
        elif found and not line.startswith("::"):
            found[-1].append(line)
    return found


def read(stream: io.StringIO) -> Read:
    log = read_log(stream.getvalue().splitlines())
    assert (log.depth, log.stopped) == (0, None)
    return log


def test_a_build_is_a_group_that_ends_with_it() -> None:
    stream = io.StringIO()
    with GithubConsole(stream) as console:
        console.note("deps: build")
        for target in ("app-deps", "app"):
            console.begin([target])
            for line in recording("cached", target):
                for event in parse_line(line):
                    console.event(event)
        console.note("done")
    log = read(stream)
    assert [(c.name, c.data) for c in log.commands] == [
        ("group", "whalebuild: app-deps"),
        ("endgroup", ""),
        ("group", "whalebuild: app"),
        ("endgroup", ""),
    ]
    assert log.shown[0] == "whalebuild: deps: build"
    assert log.shown[-1] == "whalebuild: done"
    assert any("CACHED" in line for line in groups(stream)[0])


def test_a_build_cannot_give_the_runner_commands() -> None:
    stream = io.StringIO()
    with GithubConsole(stream) as console:
        console.begin(["app"])
        console.event(completed_step("a", "[1/1] RUN x ##[error]y", completed=None))
        evil = b"::add-mask::a\n ##[add-mask]b\n::stop-commands::c\n::endgroup::\n"
        console.event(Log("sha256:a", evil))
        console.note("retry: ##[error]d\n::error::e")
        console.event(Log("sha256:a", b"##[group]f\n"))
        console.progress("pushing ##[error]g", "1 of 2")
    assert {command.name for command in read(stream).commands} == {"group", "endgroup"}


def test_a_note_interrupts_the_group() -> None:
    stream = io.StringIO()
    with GithubConsole(stream) as console:
        console.begin(["app"])
        console.event(completed_step("a", "[1/2] RUN x"))
        console.note("trying again")
        console.event(completed_step("b", "[2/2] RUN y"))
    titles = [group[0] for group in groups(stream)]
    assert titles == ["whalebuild: app", "whalebuild: app"]
    assert "whalebuild: trying again" in read(stream).shown


def test_warnings_are_annotations_each_of_them_once() -> None:
    stream = io.StringIO()
    with GithubConsole(stream) as console:
        console.begin(["app"])
        console.event(completed_step("a", "[1/1] RUN x"))
        for _ in range(2):
            console.event(BuildWarning("sha256:a", "JSONArgsRecommended: 100%", "https://x.y/z"))
            console.note("warning: no cache,\nso it is slow")
    found = [(c.data, c.properties) for c in read(stream).named("warning")]
    title = {"title": "whalebuild"}
    assert found == [
        ("JSONArgsRecommended: 100% https://x.y/z", title),
        ("no cache,\nso it is slow", title),
    ]


def test_it_ends_when_an_error_passes() -> None:
    stream = io.StringIO()
    with suppress(ZeroDivisionError), GithubConsole(stream) as console:
        console.begin(["app"])
        console.event(completed_step("a", "[1/1] RUN x"))
        _ = 1 / 0
    read(stream)


def test_tokens_are_not_known_before() -> None:
    stream = io.StringIO()
    for _ in range(2):
        with GithubConsole(stream) as console:
            console.event(completed_step("a", "[1/1] RUN x"))
    tokens = [x for x in stream.getvalue().splitlines() if x.startswith("::stop-commands::")]
    assert len(set(tokens)) == 2
    assert all(len(token) >= len("::stop-commands::") + 32 for token in tokens)


def test_it_is_chosen_where_lines_are_plain() -> None:
    assert type(make_console("plain", ci=True, github=True)) is GithubConsole
    assert type(make_console("auto", ci=True, github=True)) is GithubConsole
    assert type(make_console("auto", ci=True)) is PlainConsole
    for mode in ("quiet", "rawjson", "tty"):
        assert not isinstance(make_console(mode, ci=True, github=True), GithubConsole)
