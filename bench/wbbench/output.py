"""Where the results go: the terminal and a JSON file here, docs/benchmarks.md in page.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from wbbench import report
from wbbench.aims import verdicts
from wbbench.samples import Sample, summarize
from wbbench.units import clock
from wbbench.ways import Way

SCHEMA = 1


@dataclass(frozen=True)
class Results:
    """All that a run gave."""

    samples: Sequence[Sample]
    ways: Sequence[Way]
    not_run: Mapping[str, str]
    machine: Mapping[str, str]
    notes: Mapping[str, object]
    took: float
    link: bool


def show(results: Results) -> None:
    """Print the tables."""
    summaries = summarize(results.samples)
    for title, head, rows in report.tables(summaries):
        print(f"\n{title}\n{report.plain(rows, head)}")
    if judged := [v for v in verdicts(summaries, results.notes) if v.known]:
        print(f"\n{report.plain(report.verdict_rows(judged), report.VERDICT_HEAD)}")
    for way, why in results.not_run.items():
        print(f"\n{way} was not run: {why}")
    print(f"\nThe run took {clock(results.took)} minutes.")


def write_json(results: Results, path: Path) -> None:
    """Everything, each sample by itself."""
    data = {
        "schema": SCHEMA,
        "machine": dict(results.machine),
        "link": results.link,
        "seconds": round(results.took, 1),
        "ways": {way.name: way.title for way in results.ways},
        "not_run": dict(results.not_run),
        "notes": dict(results.notes),
        "aims": [asdict(v) for v in verdicts(summarize(results.samples), results.notes)],
        "samples": [asdict(sample) for sample in results.samples],
    }
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
