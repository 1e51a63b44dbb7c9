"""Tables of all verbs, and how they fit a terminal. In a pipe they are full: a row a line.

A width is that of the terminal; None is no terminal.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

_GAP = "  "
# What stays as it is: sizes, durations, counts, digests. All else that is long is a name.
_WHOLE = re.compile(r"(sha256:)?[0-9a-f]{12,}|[\d.]+( \w+)?( \d+ s)?")
# Names are shortened down to this, and no further: a row is a block of lines then.
_SHORTEST = 24
# A label and the text behind it: "  cause: ", "  platforms ", "  line 12   ".
_LABEL = re.compile(r"\s*(?:[\w-]+: (?=\S)|\S+(?: \S+)?\s{2,}|[\w-]+ {3,})")
_NARROWEST = 30
# A number and its unit stay in one line.
_WITH_UNIT = re.compile(r"(\d) ([KMG]?B|s|min)\b")
_GLUE = "\N{NO-BREAK SPACE}"


def columns(
    rows: Sequence[Sequence[str]], width: int | None = None, *, head: bool = False
) -> list[str]:
    """Rows in columns, each as wide as its widest cell, as far as the terminal goes.

    Long names are shortened in the middle. Where that is not enough, a row of a table with a head
    becomes a block of lines, ``name: value``, with whole names; in one without, the last column is
    wrapped.

    Args:
        rows: Cells. A row with one cell alone goes on with the row above it.
        width: Of the terminal.
        head: Whether the first row names the columns.
    """
    lines = _aligned(rows)
    if width is None or _fits(lines, width):
        return lines
    if not head:
        return [line for each in lines for line in wrapped(each, width, _last_column(rows))]
    rooms = _rooms(rows, width)
    if sum(rooms) + len(_GAP) * (len(rooms) - 1) > width:
        return list(_blocks(rows, width))
    return _aligned([line for row in rows for line in _lines(row, rooms)])


def _fits(lines: Sequence[str], width: int) -> bool:
    return max(map(len, lines)) <= width


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(rows)
    padded = (_GAP.join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in padded]


def _last_column(rows: Sequence[Sequence[str]]) -> int:
    return sum(_widths(rows)[:-1]) + len(_GAP) * (len(rows[0]) - 1)


def _rooms(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide each column may be: the widest ones give way, one after the other."""
    rooms = _widths(rows)
    least = [_least([row[at] for row in rows]) for at in range(len(rooms))]
    while (over := sum(rooms) + len(_GAP) * (len(rooms) - 1) - width) > 0:
        give = [at for at, room in enumerate(rooms) if room > least[at]]
        if not give:
            break
        at = max(give, key=lambda each: rooms[each])
        others = [rooms[each] for each in give if each != at]
        rooms[at] = max(rooms[at] - over, min(max(others, default=0), rooms[at] - 1), least[at])
    return rooms


def _least(cells: Sequence[str]) -> int:
    """How narrow a column may become."""
    words = (max(map(len, cell.split()), default=0) if _wraps(cell) else 0 for cell in cells)
    whole = (len(cell) for cell in cells if _WHOLE.fullmatch(cell) or len(cell) <= _SHORTEST)
    longest = max((len(cell) for cell in cells), default=0)
    return min(longest, max(_SHORTEST, *words, *whole))


def _wraps(cell: str) -> bool:
    """Whether it is words, and no name: it goes on in further lines."""
    return cell.count(" ") > 1 or (" " in cell and "sha256:" in cell)


def _lines(row: Sequence[str], rooms: Sequence[int]) -> Iterator[list[str]]:
    """A row as one line, or as many as its longest text needs."""
    cells = [
        textwrap.wrap(cell, room, break_long_words=False, break_on_hyphens=False)
        if _wraps(cell) and len(cell) > room
        else [cell if _WHOLE.fullmatch(cell) else shortened(cell, room)]
        for cell, room in zip(row, rooms, strict=True)
    ]
    for number in range(max(map(len, cells))):
        yield [cell[number] if number < len(cell) else "" for cell in cells]


def shortened(name: str, room: int) -> str:
    """A name without its middle: its end says more, as in ``registry.exa…op/web:latest``."""
    if len(name) <= room:
        return name
    end = (room - 1) * 3 // 5
    return f"{name[: room - 1 - end]}…{name[len(name) - end :]}"


def _blocks(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Each row as lines of ``name: value``, with an empty line between."""
    names = [name.strip().lower() for name in rows[0]]
    indent = " " * (len(rows[0][0]) - len(rows[0][0].lstrip()))
    column = len(indent) + max(map(len, names)) + len(": ")
    for number, record in enumerate(_records(rows[1:])):
        yield from [""] if number else []
        for name, cells in zip(names, record, strict=True):
            for at, cell in enumerate(cells):
                label = f"{indent}{name}:" if at == 0 else ""
                yield from wrapped(f"{label:<{column}}{cell}", width, column)


def _records(rows: Sequence[Sequence[str]]) -> list[list[list[str]]]:
    """Cells by column, without empty ones; a row with one cell alone belongs to that above it."""
    records: list[list[list[str]]] = []
    for row in rows:
        filled = [at for at, cell in enumerate(row) if cell.strip()]
        if not (records and len(filled) == 1 and not row[0].strip()):
            records.append([[] for _ in row])
        for at in filled:
            records[-1][at].append(row[at].strip())
    return records


def wrapped(line: str, width: int, column: int) -> list[str]:
    """A line in several, where it is too long; what follows the first begins at a column.

    Words are never cut: who copies a reference or a command gets all of it.
    """
    if len(line) <= width or width - column < _NARROWEST:
        return [line]
    broken = textwrap.wrap(
        _WITH_UNIT.sub(rf"\1{_GLUE}\2", line),
        width,
        subsequent_indent=" " * column,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
    return [each.replace(_GLUE, " ") for each in broken] or [line]


def fit(text: str, width: int | None) -> str:
    """A text whose lines fit: what follows a label goes on under it."""
    if width is None:
        return text
    lines = []
    for line in text.split("\n"):
        label = _LABEL.match(line)
        column = label.end() if label else len(line) - len(line.lstrip()) + 2
        lines += wrapped(line, width, column)
    return "\n".join(lines)
