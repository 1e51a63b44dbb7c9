"""The results as tables: plain for the terminal, Markdown for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from wbbench.aims import Verdict
from wbbench.project import ALL_SHAPES
from wbbench.samples import Summary
from wbbench.selection import DEPLOY, PLATFORMS, SCENARIOS
from wbbench.units import seconds, size

HEAD = ("way", "seconds", "min–max", "runs", "× time", "down", "base down", "up", "requests")
#: Of services that are switched.
GAP = "no answer for"
COMMANDS = "docker commands"
SUBJECT = "whalebuild"


def title(scenario: str, shape: str) -> str:
    """A headline for one table."""
    for suffix, words in (("-cold", "all of it for the first time"), ("-plan", "the plan alone")):
        if scenario.endswith(suffix):
            return f"{SCENARIOS[scenario.removesuffix(suffix)].split(',')[0]}: {words}"
    if scenario.startswith(("services", PLATFORMS, f"{DEPLOY}-")):
        return SCENARIOS[scenario]
    return f"{SCENARIOS[scenario]} (shape `{shape}`)"


Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def tables(summaries: Iterable[Summary]) -> list[Table]:
    """A title, the head and rows for each scenario and shape."""
    order = {name: number for number, name in enumerate(SCENARIOS)}
    place = {
        f"{name}{suffix}": (order[name], suffix)
        for name in order
        for suffix in ("", "-cold", "-plan")
    }
    ordered = sorted(summaries, key=lambda s: (place[s.scenario], ALL_SHAPES.index(s.shape)))
    found = []
    for (scenario, shape), group in groupby(ordered, key=lambda s: (s.scenario, s.shape)):
        rows = list(group)
        subject = next((row for row in rows if row.way == SUBJECT and row.good), None)
        lines = [_row(row, subject) for row in rows]
        head = HEAD
        if any(row.gap is not None for row in rows):
            head = (*HEAD, GAP)
            lines = [(*line, _gap(row)) for line, row in zip(lines, rows, strict=True)]
        if any(row.commands is not None for row in rows):
            head = (*head, COMMANDS)
            lines = [(*line, str(row.commands)) for line, row in zip(lines, rows, strict=True)]
        found.append((title(scenario, shape), head, lines))
    return found


def _gap(summary: Summary) -> str:
    return "" if summary.gap is None else f"{seconds(summary.gap)} s"


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
    return [(v.aim, v.measured, "met" if v.met else "not met") for v in verdicts]


VERDICT_HEAD = ("aim", "measured", "met?")
