"""Writes docs/reference/ and docs/man/ from the pages that ``--help`` shows: ``make docs``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from whalebuild.cli.app import app
from whalebuild.cli.pages import Page, page_of

ROOT = Path(__file__).resolve().parents[2]
_MADE = "Made by `make docs` from what `--help` shows."


def reference() -> dict[Path, str]:
    """Every file, and what is to be in it."""
    root = page_of(typer.main.get_command(app))
    files = {}
    for page in _all(root):
        name = _name(page)
        files[ROOT / f"docs/reference/{name}.md"] = "\n".join(_markdown(page)) + "\n"
        files[ROOT / f"docs/man/{name}.1"] = "\n".join(_man(page, root)) + "\n"
    return files


def _all(page: Page) -> Iterator[Page]:
    yield page
    for below in page.commands:
        yield from _all(below)


def _name(page: Page) -> str:
    return page.path.replace(" ", "-")


def _summary(page: Page) -> str:
    return page.about[0] if page.about else ""


def _markdown(page: Page) -> Iterator[str]:
    yield from (f"# {page.path}", "", f"<!-- {_MADE} -->", "")
    for paragraph in page.about:
        yield from (paragraph.replace("<", "&lt;"), "")
    yield from ("```text", f"{page.path} {page.usage}", "```")
    if page.commands:
        yield from ("", "| verb | what it does |", "|---|---|")
        yield from (f"| [{p.name}]({_name(p)}.md) | {_cell(_summary(p))} |" for p in page.commands)
    for title, entries in (("Arguments", page.arguments), *page.groups):
        if entries:
            yield from ("", f"## {title}", "", "| | |", "|---|---|")
            yield from (f"| `{_cell(e.names)}` | {_cell(e.text)} |" for e in entries)
    if page.examples:
        yield from ("", "## Examples", "", "```sh")
        for line, does in page.examples:
            yield from (f"# {does}", line)
        yield "```"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _man(page: Page, root: Page) -> Iterator[str]:
    """See man(7); ``man -l docs/man/whalebuild.1`` shows it."""
    yield '.\\" Made by "make docs" from what --help shows.'
    yield f'.TH {_roff(_name(page).upper())} 1 "" whalebuild "User Commands"'
    yield from (".SH NAME", f"{_roff(_name(page))} \\- {_roff(_summary(page).rstrip('.'))}")
    yield from (".SH SYNOPSIS", f".B {_roff(page.path)}", _roff(page.usage))
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(page.about):
        yield from ([".PP"] if number else [])
        yield _roff(paragraph)
    for title, entries in (("Arguments", page.arguments), *page.groups):
        if entries:
            yield f'.SH "{title.upper()}"'
        for entry in entries:
            yield from (".TP", f"\\fB{_roff(entry.names)}\\fR", _roff(entry.text))
    if page.examples:
        yield ".SH EXAMPLES"
        for line, does in page.examples:
            yield from (".TP", _roff(does), _roff(line))
    yield ".SH SEE ALSO"
    others = [p for p in (page.commands or (root, *root.commands)) if p is not page]
    yield from (f".BR {_roff(_name(p))} (1)," for p in others[:-1])
    yield f".BR {_roff(_name(others[-1]))} (1)"


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def main() -> None:
    """Write all files, and remove those of verbs that are no more."""
    files = reference()
    for folder in {path.parent for path in files}:
        folder.mkdir(exist_ok=True)
        for old in set(folder.iterdir()) - set(files):
            old.unlink()
    for path, text in files.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
