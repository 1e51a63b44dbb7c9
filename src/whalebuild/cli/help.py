"""``--help`` as text. Plain, as rich would take longer to import than all the rest."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from whalebuild.cli.pages import Page

# Where no terminal says how wide it is, as in a pipe. The same as uv and cargo take.
_NO_TERMINAL = (100, 24)
_LONGEST_NAME = 30


def help_text(page: Page, width: int) -> str:
    """A page as text of so many columns."""
    lines = [*_wrapped(f"Usage: {page.path} {page.usage}", width, "       ")]
    for paragraph in page.about:
        lines += ["", *_wrapped(paragraph, width, "", "")]
    commands = [(each.name, each.about[0] if each.about else "") for each in page.commands]
    arguments = [(each.names, each.text) for each in page.arguments]
    options = [(title, [(e.names, e.text) for e in group]) for title, group in page.groups]
    sections = [("Commands", commands), ("Arguments", arguments), *options]
    names = [name for _, rows in sections for name, _ in rows]
    column = max(len(name) for name in names if len(name) <= _LONGEST_NAME) + 2
    for title, rows in sections:
        if rows:
            lines += ["", f"{title}:", *_definitions(rows, column, width)]
    if page.examples:
        lines += ["", "Examples:"]
    for command, does in page.examples:
        lines += [*_wrapped(f"# {does}", width, "  # ", "  "), f"  {command}"]
    if page.commands:
        more = f"Options and examples of each: {page.path} {page.commands[0].name} --help"
        lines += ["", *_wrapped(more, width, "  ")]
    return "\n".join(lines)


def _definitions(rows: Sequence[tuple[str, str]], column: int, width: int) -> Iterator[str]:
    """Two columns; a name that is too long for its column has a line of its own."""
    rest = " " * (2 + column)
    for name, text in rows:
        about = _wrapped(text, width, rest, rest) if text else [""]
        if len(name) + 2 > column:
            yield f"  {name}"
            yield from about
        else:
            yield f"  {name:<{column}}{about[0].strip()}".rstrip()
            yield from about[1:]


def _wrapped(text: str, width: int, indent: str, first: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        max(width, len(indent) + 20),
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def terminal_width() -> int:
    """Columns of the terminal, or what is taken where there is none; ``COLUMNS`` goes first."""
    return shutil.get_terminal_size(_NO_TERMINAL).columns
