"""The results as tables: plain for the terminal, Markdown for docs/benchmarks.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from wbbench.aims import Verdict
from wbbench.project import ALL_SHAPES
from wbbench.samples import Summary
from wbbench.selection import OURS, SCALE, SCENARIOS
from wbbench.units import seconds, size

HEAD = ("way", "seconds", "min–max", "runs", "× time", "down", "base down", "up", "requests")
SUFFIXES = {"-cold": "all of it for the first time", "-plan": "the plan alone"}
_FAMILY = "scale"
#: Of a `RUN`; what it runs says more.
_MOUNTS = re.compile(r"--mount=\S+ ")


def title(scenario: str, shape: str) -> str:
    """A headline for one table."""
    if scenario == _FAMILY:
        return "Fresh runner: the plan of bake files with many services, one changed"
    if known := SCENARIOS.get(scenario):
        several = len(known.shapes) > 1
        return f"{known.title} (shape `{shape}`)" if several else known.title
    for suffix, words in SUFFIXES.items():
        if scenario.endswith(suffix):
            return f"{SCENARIOS[scenario.removesuffix(suffix)].title.split(',')[0]}: {words}"
    raise KeyError(scenario)


Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
#: Columns that only some scenarios have: what stands there, and what is above.
EXTRA: tuple[tuple[str, Callable[[Summary], str]], ...] = (
    ("distinct bytes", lambda row: "" if row.distinct is None else size(row.distinct)),
    ("up, × distinct", lambda row: f"{row.up / row.distinct:.2f}" if row.distinct else ""),
    ("no answer for", lambda row: "" if row.gap is None else f"{seconds(row.gap)} s"),
    ("docker commands", lambda row: "" if row.commands is None else f"{row.commands:.0f}"),
    ("memory", lambda row: "" if row.memory is None else size(row.memory)),
)


def tables(summaries: Iterable[Summary]) -> list[Table]:
    """A title, the head and rows for each scenario and shape."""
    names = [f"{name}{suffix}" for name in SCENARIOS for suffix in ("", *SUFFIXES)]
    place = {name: number for number, name in enumerate(names)}
    known = [summary for summary in summaries if summary.scenario in place]
    ordered = sorted(known, key=lambda s: (place[s.scenario], ALL_SHAPES.index(s.shape)))
    found = []
    for (scenario, shape), group in groupby(ordered, key=lambda s: (_family(s), s.shape)):
        rows = list(group)
        subject = next((row for row in rows if row.way == OURS and row.good), None)
        lines = [_row(row, subject) for row in rows]
        head = HEAD
        if scenario == _FAMILY:
            head = ("services", *HEAD[1:])
            counts = [str(SCALE[row.scenario]) for row in rows]
            lines = [(count, *line[1:]) for count, line in zip(counts, lines, strict=True)]
        for name, value in EXTRA:
            column = [value(row) if row.good else "" for row in rows]
            if any(column):
                head = (*head, name)
                lines = [(*line, cell) for line, cell in zip(lines, column, strict=True)]
        found.append((title(scenario, shape), head, lines))
    return found


def steps(summaries: Iterable[Summary], shown: int = 4) -> list[tuple[str, ...]]:
    """The longest steps of the builds whose steps are known; of the run that came first."""
    rows = []
    for summary in summaries:
        taken = next((sample.steps for sample in summary.good if sample.steps), {})
        longest = sorted(taken.items(), key=lambda item: -item[1])[:shown]
        words = "; ".join(f"{seconds(value)} s {_short(name)}" for name, value in longest)
        if words:
            rows.append((summary.way, seconds(summary.seconds), words))
    return rows


def _short(step: str, most: int = 60) -> str:
    step = _MOUNTS.sub("", step)
    text = step if len(step) <= most else f"{step[:most].rstrip()}…"
    return f"`{text.replace('`', '')}`"


def _family(summary: Summary) -> str:
    return _FAMILY if summary.scenario in SCALE else summary.scenario


def _row(summary: Summary, subject: Summary | None) -> tuple[str, ...]:
    if not summary.good:
        return (summary.way, f"failed: {summary.error}", *[""] * (len(HEAD) - 2))
    times = [sample.seconds for sample in summary.good]
    failed = len(summary.samples) - len(times)
    return (
        summary.way,
        seconds(summary.seconds),
        f"{seconds(min(times))}–{seconds(max(times))}",
        f"{len(times)} of {len(summary.samples)}" if failed else str(len(times)),
        f"{summary.seconds / subject.seconds:.1f}" if subject else "",
        size(summary.down),
        size(summary.base_down),
        size(summary.up),
        str(summary.requests),
    )


def plain(rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD) -> str:
    """Columns for the terminal: names to the left, numbers to the right."""
    everything = [head, *rows]
    # A failure's message is as long as it is: it does not widen the column.
    fitting = [row for row in everything if len(row) < 3 or row[2]]  # noqa: PLR2004
    widths = [max(len(row[column]) for row in fitting) for column in range(len(head))]
    widths[0] = max(len(row[0]) for row in everything)
    lines = []
    for row in everything:
        first, *rest = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]], head: Sequence[str] = HEAD) -> str:
    """The same as a Markdown table."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    cells = [head, rule, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def verdict_rows(verdicts: Iterable[Verdict]) -> list[tuple[str, ...]]:
    """The aims as rows."""
    return [(v.aim, v.measured, _met(v)) for v in verdicts]


def _met(verdict: Verdict) -> str:
    if not verdict.known:
        return "–"
    return "met" if verdict.met else MISSED


MISSED = "missed"
VERDICT_HEAD = ("aim", "measured", "met?")
