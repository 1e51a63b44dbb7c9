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
rows is a test that gives one project to both on a real engine, each with repositories of its own,
and compares what they leave: tags, the files, configuration, annotations and attestations behind
them, images in the engine, files on disk. The page is written from the tests' list by
`.venv/bin/python -m tests.integration.compatibility.page`; it is not edited by hand.

- Of the targets that are asked for, each application that is published gets its [pair](pairs.md).
  Every other one is built as buildx builds it.
- buildx is given `--push` unless the row says otherwise; whalebuild publishes without it.
- **same**: all that buildx leaves and nothing else. **same, and `:deps`**: with the dependencies
  published beside it.
- *pushes* and *loads* name repositories (and tags other than `latest`), and platforms that are not
  the builder's own alone. *nothing*: no tag, image or file. *says*, and what follows an exit code:
  words of the output.
- Where buildx fails with exit code 1, whalebuild's code tells
  [the kind of failure](../README.md#what-it-does-when-things-go-wrong). What it refuses itself
  (code 2), it refuses before anything runs.

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
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", "\\n")


if __name__ == "__main__":
    PAGE.write_text(page(GROUPS))
