"""The plot of docs/benchmarks.md: seconds and bytes by way, as SVG that suits light and dark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from wbbench.report import title
from wbbench.samples import Summary
from wbbench.selection import DOCKER, FROM, OURS, WAN
from wbbench.units import seconds, size
from wbbench.wan import THE_WAN

#: What users have; where that was not measured, the same without the slow link.
SCENARIOS = ("code", "nothing", "dependency", "cold", "services-10")
WIDTH, NAMES, GAP, LABEL = 860, 96, 24, 110
ROW, BAR, HEAD, BETWEEN = 19, 13, 26, 16
BARS = (WIDTH - NAMES - GAP) // 2 - LABEL
STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.muted, .axis { fill: #59636e }
.bar { fill: #b1bac4 }
.ours { fill: #0969da }
.own { font-weight: 600 }
.range { stroke: #59636e; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .muted, .axis { fill: #9198a1 }
  .bar { fill: #57606a }
  .ours { fill: #4493f8 }
  .range { stroke: #d1d7e0 }
}"""


@dataclass(frozen=True)
class Panel:
    """One column of bars."""

    name: str
    left: int
    value: Callable[[Summary], float]
    words: Callable[[float], str]
    #: The least and the most, where runs differ.
    ends: Callable[[Summary], tuple[float, float]] | None = None


PANELS = (
    Panel(
        "seconds",
        NAMES,
        lambda summary: summary.seconds,
        lambda value: f"{seconds(value)} s",
        lambda summary: (
            min(sample.seconds for sample in summary.good),
            max(sample.seconds for sample in summary.good),
        ),
    ),
    Panel(
        "bytes, down and up",
        NAMES + BARS + LABEL + GAP,
        lambda summary: summary.down + summary.base_down + summary.up,
        size,
    ),
)


def chart(summaries: Sequence[Summary]) -> str:
    """The plot; nothing where none of its scenarios was measured."""
    groups = _groups(summaries)
    if not groups:
        return ""
    slow = groups[0][0].scenario.startswith(WAN)
    link = f", over {THE_WAN.words}" if slow else ""
    parts = [_text(panel.left, 14, f"{panel.name}{link}", "muted") for panel in PANELS]
    top = HEAD
    for rows in groups:
        parts += _group(rows, top)
        top += HEAD + ROW * len(rows) + BETWEEN
    what = "Seconds and bytes of each way of publishing, by scenario; the tables have the numbers"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" '
        f'height="{top}" role="img" aria-label="{what}">'
    )
    return "\n".join(
        [head, f"<title>{what}</title>", f"<style>{STYLE}</style>", *parts, "</svg>\n"]
    )


def _groups(summaries: Sequence[Summary]) -> list[list[Summary]]:
    known = {(s.scenario, s.shape, s.way): s for s in summaries if s.good}
    for prefix in (WAN, ""):
        groups = []
        for scenario in SCENARIOS:
            found = [known.get((f"{prefix}{scenario}", FROM[0], way)) for way in DOCKER]
            if rows := [row for row in found if row]:
                groups.append(rows)
        if groups:
            return groups
    return []


def _group(rows: Sequence[Summary], top: int) -> list[str]:
    """One scenario: each of its two columns has a scale of its own."""
    parts = [_text(0, top + 14, title(rows[0].scenario, rows[0].shape), "head")]
    top += HEAD
    for number, row in enumerate(rows):
        kind = "own" if row.way == OURS else ""
        parts.append(_text(NAMES - 8, top + number * ROW + 11, row.way, kind, anchor="end"))
    for panel in PANELS:
        most = max(_most(panel, row) for row in rows) or 1
        for number, row in enumerate(rows):
            parts += _bar(panel, row, top + number * ROW, BARS / most)
    return parts


def _most(panel: Panel, row: Summary) -> float:
    return panel.ends(row)[1] if panel.ends else panel.value(row)


def _bar(panel: Panel, row: Summary, top: int, scale: float) -> list[str]:
    value = panel.value(row)
    own = row.way == OURS
    # What is next to nothing is still to be seen.
    width = max(value * scale, 1.5)
    kind = "ours" if own else "bar"
    box = f'x="{panel.left}" y="{top}" width="{width:.1f}" height="{BAR}"'
    parts = [f'<rect class="{kind}" {box} rx="2"/>']
    end = width
    if panel.ends and len(row.good) > 1:
        low, high = (panel.left + each * scale for each in panel.ends(row))
        y = top + BAR / 2
        parts.append(f'<line class="range" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>')
        end = max(end, high - panel.left)
    kind = "own" if own else "muted"
    return [*parts, _text(panel.left + end + 6, top + 11, panel.words(value), kind)]


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    chosen = f' class="{kind}"' if kind else ""
    placed = f'x="{x:.1f}" y="{y}"' + (' text-anchor="end"' if anchor == "end" else "")
    return f"<text{chosen} {placed}>{escape(words.replace('`', ''))}</text>"
