"""Writes the page of the fault table: a pure function over what was seen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OK = "ok"


@dataclass(frozen=True)
class Side:
    """What came of one tool's bake.

    Attributes:
        outcome: ``ok``, with what it went without; or its exit code and words.
        ok: Whether both tags are whole, with the new content.
        strikes: How many requests met the fault.
        tries: One more than its retries; 0 where they are not told (plain buildx).
        waited: Seconds between them.
    """

    outcome: str
    ok: bool
    seconds: float
    strikes: int
    tries: int = 0
    waited: float = 0.0


@dataclass(frozen=True)
class Row:
    """One cell of the table, with both tools."""

    place: str
    fault: str
    passes: bool
    whalebuild: Side
    plain: Side


def row_of(kept: Mapping[str, Any]) -> Row:
    """A row from what ``dataclasses.asdict`` made of it."""
    sides = {name: Side(**kept[name]) for name in ("whalebuild", "plain")}
    return Row(**{**kept, **sides})


_HEAD = """\
# Faults: whalebuild and plain buildx

Written by `make soak` from docs/faults.json, its record; not edited by hand. The cells of one place
are renewed by `.venv/bin/pytest tests/integration/test_fault_table.py -m soak -k PLACE`.

Every row is one fault at one place, made by a proxy before a real registry, while one real bake
rebuilds the dependencies (3.5 MB) and the application. The engine has none of the layers that are
asked for at the place. For *reused :deps* the code alone has changed; in its stead plain buildx has
its cache, and the fault is there.

- **whalebuild** is `whalebuild bake --format json` with its default budget. *tries* is one more
  than the retries that it announced (of any of its steps), *waited* the seconds between them.
- **plain** is `docker buildx bake` of a bake file that pushes `:deps` and `:latest`, imports
  `:cache` and exports it (`mode=max`, `ignore-error=true`). Nothing but BuildKit itself retries.
- A fault that passes strikes the first {strikes} requests at its place, and then all is well. The
  engine sends one request up to five times, so that {strikes} are more than one of them survives,
  though not more than several blobs at once do. One that stays strikes always.
- `ok`: exit code 0, and all that is behind both tags has the right digests and the new content.
  *cache not used*: a step ran that was in the cache. *no new cache*: the next bake has none, or an
  old one.
- BuildKit does not check a cache's manifest and configuration against their digests: *wrong
  content* there may be a cache that fits nothing, and nobody is told.
- *(by digest)*: through a builder that pushes by digest, instead of the docker driver.
- *seconds* are the wall time of the whole command. Several cells run at once on a busy machine:
  they are no benchmark.
- *not met*: the tool makes no such request.
"""
_STAYING = """\
The right outcome is a stop at the first try (a login that is refused may be tried once more) or,
where only a cache is concerned, a bake without it.
"""


def page(rows: Sequence[Row], strikes: int) -> str:
    """The whole page."""
    passing, staying = _parted(rows, lambda row: row.passes)
    parts = [
        _HEAD.format(strikes=strikes),
        _counts(passing, staying),
        "## Faults that pass\n",
        _table(passing),
        "## Faults that stay\n",
        _STAYING,
        _table(staying),
    ]
    return "\n".join(parts)


def _counts(passing: Sequence[Row], staying: Sequence[Row]) -> str:
    met = [row for row in passing if row.plain.strikes]
    survived = sum(row.whalebuild.ok for row in passing)
    by_hand = sum(row.plain.ok for row in met)
    stopped = [row for row in staying if not row.whalebuild.ok]
    at_once = sum(row.whalebuild.tries == 1 for row in stopped)
    without = sum(row.whalebuild.ok for row in staying)
    return (
        f"{len(passing) + len(staying)} cells. Of {len(passing)} faults that pass, whalebuild "
        f"survived {survived}; plain buildx met {len(met)} and\nsurvived {by_hand}. "
        f"Of {len(staying)} that stay, whalebuild stopped at {len(stopped)}, {at_once} of them at "
        f"the first try,\nand published without the cache at {without}.\n"
    )


def _table(rows: Iterable[Row]) -> str:
    lines = [
        "| place | fault | whalebuild | tries | waited | seconds | plain buildx | seconds |",
        "|---|---|---|---:|---:|---:|---|---:|",
    ]
    for row in rows:
        mine, theirs = row.whalebuild, row.plain
        outcome = theirs.outcome if theirs.strikes else "not met"
        lines.append(
            f"| {row.place} | {row.fault} | {_cell(mine.outcome)} | {mine.tries} "
            f"| {mine.waited:.1f} | {mine.seconds:.1f} | {_cell(outcome)} | {theirs.seconds:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _parted(rows: Iterable[Row], is_first: Callable[[Row], bool]) -> tuple[list[Row], list[Row]]:
    first: list[Row] = []
    second: list[Row] = []
    for row in rows:
        (first if is_first(row) else second).append(row)
    return first, second


_ADDRESS = re.compile(r"(?:https?://)?(?:127\.0\.0\.1|localhost):\d+")
_DIGEST = re.compile(r"sha256:([0-9a-f]{6})[0-9a-f]{58}")
_LONGEST = 90


def said(words: str) -> str:
    """A tool's words without what is of one machine or one run."""
    one_line = " ".join(words.split())
    plain = _DIGEST.sub("sha256:…", _ADDRESS.sub("registry", one_line))
    plain = re.sub(r"tests/[\w./-]+(?:(?:@sha256)?:…)?", "…", plain)
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST].rstrip()}…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
