"""Renders docs/buildx.md: ``.venv/bin/python -m tests.integration.buildx_table.page``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.integration.buildx_table import attributes, flags
from tests.integration.buildx_table.row import Answered, OwnTest, Printed, Row, Table, Tried

PAGE = Path(__file__).parents[3] / "docs" / "buildx.md"
TABLES = (*flags.TABLES, *attributes.TABLES)
_HEAD = """\
# Flags and attributes of buildx

What each flag of `docker buildx bake` and `docker buildx build`, and each attribute of a target,
does in `whalebuild bake` (and in `plan`, where it has to do with what is decided). Variables are in
[settings.md](settings.md#variables-of-docker-and-buildx); whole projects beside buildx, situation
by situation, in [compatibility.md](compatibility.md).

A test takes the flags from buildx's `--help` and the attributes from buildx itself, and fails when
one is missing here. The page is written by
`.venv/bin/python -m tests.integration.buildx_table.page`; it is not edited by hand. What holds a
row:

- **printed**: `bake --print` of both tools is compared, of the application, and of the dependencies
  unless they have none of it;
- **tried**: [a row](compatibility.md) that both tools are given on a real engine;
- **answered**: whalebuild has it not, and its message says what does it;
- **tested**: a test of its own.

Words of other tools are answered in the same way: `whalebuild build`, `push`, `up`, `--no-push`.

`whalebuild bake ADDRESS TARGET…` reads a bake file from a git repository or a URL, and `--file -`
one from standard input. buildx fetches it by the builder (`--builder`), with that one's git and
`BUILDX_BAKE_GIT_AUTH_TOKEN` and its like. Its contexts are there too, so that nothing of them is
read here: an application is published with its stage `dependencies` (or `--deps-stage`) for
`:deps`, and fails where there is no such stage. For those, and for the speed of the
[app base](app-base.md), bake a clone.

"""


def page(tables: Iterable[Table] = TABLES) -> str:
    """The whole page."""
    return _HEAD + "\n".join(map(_section, tables))


def _section(table: Table) -> str:
    lines = [f"## {table.title}", "", "| buildx | here | held |", "|---|---|---|"]
    return "\n".join([*lines, *map(_line, table.rows)]) + "\n"


def _line(row: Row) -> str:
    since = f" (buildx {row.since})" if row.since else ""
    return f"| `{row.name}`{since} | {row.here.replace('|', chr(92) + '|')} | {_held(row)} |"


def _held(row: Row) -> str:
    match row.held:
        case Printed():
            return "printed"
        case Tried():
            return "tried"
        case Answered():
            return "answered"
        case OwnTest():
            return "tested"


if __name__ == "__main__":
    PAGE.write_text(page())
