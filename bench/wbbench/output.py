"""Where the results go: the terminal, a JSON file, docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from wbbench import report
from wbbench.samples import Sample, summarize
from wbbench.targets import verdicts
from wbbench.units import clock, size
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
    for title, rows in report.tables(summaries):
        print(f"\n{title}\n{report.plain(rows)}")
    if judged := verdicts(summaries, results.notes):
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
        "promises": [asdict(v) for v in verdicts(summarize(results.samples), results.notes)],
        "samples": [asdict(sample) for sample in results.samples],
    }
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def write_markdown(results: Results, path: Path) -> None:
    """The page for readers."""
    summaries = summarize(results.samples)
    overhead = results.notes["proxy"]
    sizes = {name: size(count) for name, count in results.notes["sizes"].items()}
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; not edited by hand. The numbers are those of one run on one",
        "machine, in the project's sandbox: a real engine and a real registry on the loopback",
        "interface, so that bytes cost nearly nothing. Over a real network, add them up.",
        "",
        "## The promises",
        "",
        report.markdown(
            report.verdict_rows(verdicts(summaries, results.notes)), report.VERDICT_HEAD
        ),
        "",
        "## The ways",
        "",
        *(f"- **{way.name}**: {way.title}." for way in results.ways),
        *(f"- **{way}** was not run: {why}." for way, why in results.not_run.items()),
        "",
        "## How it was measured",
        "",
        (
            "- All ways in turn, round after round; medians, of as many runs as the tables say. "
            f"The run took {clock(results.took)} minutes."
        ),
        "- Seconds are the wall time of the whole commands of a way, downloads from the package",
        "  index included: where a way installs packages, the index is part of the number.",
        "- A fresh runner is a new engine with an empty disk and an empty home folder.",
        "- Bytes are HTTP bodies, counted by a proxy that all ways go through; *base down* is the",
        "  base image, *down* everything else. Requests are all of them. A way's first upload",
        "  has the base image in it, unless the way mounts its layers from where they are.",
        (
            f"- The proxy itself costs {overhead['milliseconds_per_request']} ms a request and "
            f"{overhead['milliseconds_per_100_megabytes']} ms for 100 MB."
        ),
        "- After each run the code in `:latest` was compared with the project's.",
        "- Each way begins with a repository of its own; the state of the registry is carried",
        "  on from one scenario to the next, always with new code.",
        "- The application is `examples/production-control`. Shape `from`: the final stage is",
        "  `FROM dependencies`. Shape `copy`: it is `FROM base` and takes the packages by",
        f"  `COPY {'--link ' if results.link else ''}--from=dependencies`. Compressed sizes: "
        + ", ".join(f"{name} {text}" for name, text in sizes.items())
        + ".",
        "- The small services have 1 MB of random bytes in place of packages, so that the package",
        "  index has no part in their numbers.",
        "- Tags at the end: "
        + "; ".join(f"{way}: {', '.join(tags)}" for way, tags in results.notes["tags"].items())
        + ".",
        "",
        "## The numbers",
        "",
    ]
    for title, rows in report.tables(summaries):
        lines += [f"### {title}", "", report.markdown(rows), ""]
    lines += ["## The machine", ""]
    lines += [report.markdown(list(results.machine.items()), ("", "")), ""]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines))
