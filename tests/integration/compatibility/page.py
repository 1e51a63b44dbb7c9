"""Renders docs/compatibility.md: ``.venv/bin/python -m tests.integration.compatibility.page``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.integration.compatibility.rows import GROUPS
from tests.integration.compatibility.situation import PAIR, SAME, Group, Situation

PAGE = Path(__file__).parents[3] / "docs" / "compatibility.md"
_HEAD = """\
# whalebuild beside buildx

What `docker buildx bake` makes of a construct, and what `whalebuild bake` does. Each of the {count}
rows is a test that gives the same project to both on a real engine, each with repositories of its own, and
compares what they leave: tags and the files, configuration, annotations and attestations behind
them, images in the engine, files on disk. This page is written from the tests' list by
`.venv/bin/python -m tests.integration.compatibility.page`; do not edit it by hand.

- Of the targets that are asked for, an application that is published gets its [pair](pairs.md). Every
  other one is built as buildx does it.
- buildx is given `--push`, unless the row says otherwise; whalebuild publishes without being told to.
- **same**: all that buildx leaves and nothing else, and the same exit code. **same, and
  `:deps`**: with the dependencies published beside it.
- *pushes* and *loads* name repositories (and tags other than `latest`); platforms are named where
  they are not the builder's own. *nothing*: no tag, image or file.
- Refusals have other exit codes than buildx's 1: [the list](../README.md#what-it-does-when-things-go-wrong).
  They come before anything is run.

"""


def page(groups: Iterable[Group]) -> str:
    """The whole page."""
    listed = list(groups)
    count = sum(len(group.situations) for group in listed)
    return _HEAD.format(count=count) + "\n".join(map(_section, listed))


def _section(group: Group) -> str:
    lines = [f"## {group.title}", ""]
    lines += [group.note, ""] if group.note else []
    lines += ["| situation | buildx | whalebuild |", "|---|---|---|"]
    lines += [_row(each) for each in group.situations]
    return "\n".join(lines) + "\n"


def _row(row: Situation) -> str:
    mine = row.whalebuild if row.whalebuild in {SAME, PAIR} else _readable(row.whalebuild)
    mine += f". {row.why}" if row.why else ""
    theirs = _readable(row.buildx) + (f"; or by chance exit 1: {row.chance}" if row.chance else "")
    return f"| {_cell(row.title)} | {_cell(theirs)} | {_cell(mine)} |"


def _readable(clauses: str) -> str:
    return clauses.replace("$REPO/", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(GROUPS))
