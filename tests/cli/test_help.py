"""``--help`` of every verb: its width, its words, its examples."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from whalebuild.cli.app import app
from whalebuild.cli.help import help_text
from whalebuild.cli.pages import GROUPS, PROGRAM, Page, page_of


def pages(page: Page) -> Iterator[Page]:
    yield page
    for below in page.commands:
        yield from pages(below)


ROOT = page_of(typer.main.get_command(app))
PAGES = {page.path: page for page in pages(ROOT)}
VERBS = [page for page in PAGES.values() if not page.commands]
BLOCKS = re.compile(r"<(?!Dockerfile)[a-z]+(\[|\|\w|>)")


@pytest.mark.parametrize("path", PAGES)
def test_help_names_things_and_no_types(path: str) -> None:
    text = CliRunner().invoke(app, [*path.split()[1:], "--help"], prog_name=PROGRAM).stdout
    assert text.startswith(f"Usage: {path} ")
    assert not BLOCKS.search(text)
    assert not re.search(r"\b(TEXT|STR|INT|FLOAT|INTEGER|BOOLEAN)\b", text)


@pytest.mark.parametrize("page", VERBS, ids=lambda page: page.path)
def test_every_verb_has_an_example_that_is_one_of_it(page: Page) -> None:
    assert page.examples
    assert all(f"{page.path} " in f"{line} " for line, _ in page.examples)


def test_every_example_is_in_the_help_of_some_verb() -> None:
    shown = {example for page in VERBS for example in page.examples}
    modules = [module for name, module in sys.modules.items() if "whalebuild.cli." in name]
    written = {example for module in modules for example in getattr(module, "EXAMPLES", ())}
    assert written
    assert written <= shown


@pytest.mark.parametrize("page", VERBS, ids=lambda page: page.path)
def test_everything_is_explained(page: Page) -> None:
    assert all(entry.about for entry in (*page.arguments, *page.options))


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.path)
def test_help_fits_and_fills_the_terminal(page: Page, width: int) -> None:
    lines = help_text(page, width).splitlines()
    commands = {f"  {line}" for line, _ in page.examples}
    longest = max(len(line) for line in lines if line not in commands)
    assert longest <= width
    wanted = "".join(help_text(page, 1000).split())
    found = "".join("".join(lines).split())
    assert found.replace("#", "") == wanted.replace("#", "")  # nothing is lost in wrapping


def test_a_wide_terminal_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    text = CliRunner().invoke(app, ["deploy", "--help"], prog_name=PROGRAM).stdout
    assert max(map(len, text.splitlines())) > 120


EXAMPLES = [(page, *example) for page in VERBS for example in page.examples]


@pytest.mark.parametrize(("page", "line", "does"), EXAMPLES, ids=lambda value: str(value)[:60])
def test_an_example_fits_80_columns_and_the_command_line_takes_it(
    page: Page, line: str, does: str
) -> None:
    assert len(line) <= 78
    assert not does.endswith(".")
    line = re.sub(r"<\((.*)\)", r"\1", line)  # what bash gives as a file
    words = shlex.split(re.split(r"[|>]", line)[0])
    words = words[words.index(PROGRAM) + len(page.path.split()) :]
    command: Any = typer.main.get_command(app)
    for name in page.path.split()[1:]:
        command = command.commands[name]
    command.make_context(page.path, words)  # parses, and runs nothing


def test_groups_name_options_that_are_there() -> None:
    flags = {flag for page in VERBS for entry in page.options for flag in entry.flags}
    assert {flag for group in GROUPS.values() for flag in group} <= flags


def test_a_wrong_command_line_names_the_usage_in_the_same_words() -> None:
    wrong = CliRunner().invoke(app, ["deploy", "--nope"], prog_name=PROGRAM)
    assert wrong.exit_code == 2
    assert "Usage: whalebuild deploy [OPTIONS] [SERVICE...]" in wrong.stderr
