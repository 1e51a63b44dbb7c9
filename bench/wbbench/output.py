"""Where the results go: the terminal and a JSON file here, docs/benchmarks.md in page.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from wbbench import report
from wbbench.aims import verdicts
from wbbench.errors import BenchError
from wbbench.samples import Sample, summarize
from wbbench.units import clock

SCHEMA = 1


@dataclass(frozen=True)
class Results:
    """All that a run gave."""

    samples: Sequence[Sample]
    ways: Mapping[str, str]
    not_run: Mapping[str, str]
    machine: Mapping[str, str]
    notes: Mapping[str, object]
    took: float
    link: bool
    small: bool = False


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
        "small": results.small,
        "seconds": round(results.took, 1),
        "ways": dict(results.ways),
        "not_run": dict(results.not_run),
        "notes": dict(results.notes),
        "aims": [asdict(v) for v in verdicts(summarize(results.samples), results.notes)],
        "samples": [asdict(sample) for sample in results.samples],
    }
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def read_json(paths: Sequence[Path]) -> Results:
    """Recorded results as one: what a later file has of a scenario, shape and way counts alone."""
    samples: dict[tuple[str, str, str], list[Sample]] = {}
    machine: dict[str, str] = {}
    ways, not_run, notes = {}, {}, {}
    took, link = 0.0, True
    for path in paths:
        data = json.loads(path.read_text())
        if data.get("small"):
            raise BenchError(f"{path} is of a run with --small, which measures nothing")
        own = summarize(Sample(**sample) for sample in data["samples"])
        samples |= {(each.scenario, each.shape, each.way): list(each.samples) for each in own}
        for name, value in data["machine"].items():
            seen = machine.get(name, value)
            machine[name] = seen if value in seen else f"{seen}; {value}"
        ways |= data["ways"]
        not_run |= data["not_run"]
        notes |= {name: value for name, value in data["notes"].items() if value}
        took, link = took + data["seconds"], link and data["link"]
    not_run = {way: why for way, why in not_run.items() if way not in ways}
    together = [sample for group in samples.values() for sample in group]
    return Results(together, ways, not_run, machine, notes, took, link)
