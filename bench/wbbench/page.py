"""docs/benchmarks.md: the results for readers, and its plot next to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wbbench import report
from wbbench.aims import verdicts
from wbbench.chart import chart
from wbbench.output import Results
from wbbench.samples import Summary, summarize
from wbbench.selection import (
    DEPLOY_WAYS,
    EVERY,
    HEAVY,
    LOCAL,
    LOCAL_WAYS,
    PLATFORM_WAYS,
    PLATFORMS,
    WAN,
)
from wbbench.units import clock, size

HEAD = """\
# Benchmarks

Written by `bench/run`; not edited by hand. One machine, real engines, a real registry: read the
numbers as ratios. Seconds are medians of whole commands; *down*, *base down* (of the base image's
repository) and *up* are bytes of HTTP bodies.
"""
WAN_WORDS = """\
This is what users have: in each direction all connections share the link. The package index is not
on it. Measured with a download and with requests on an open connection: {megabits_a_second} Mbit/s,
{milliseconds_a_request} ms.
"""
LOOPBACK = """\
Here bytes cost next to nothing, so this is the time of processes, builds and requests.
"""
STEPS = """\
The steps of the build that took longest, in the first round. Steps of different stages overlap, and
what is missing to the whole is whalebuild's own, the pull of the base image and the push of the
image's index.
"""
HOW = """\
- All ways in turn, round after round, on fresh engines: an empty disk and an empty home folder.
  The state of the registry is carried on from one scenario to the next, always with new code.
- Where a way installs packages, the package index is part of its seconds.
- A way's first upload has the base image in it, unless the way mounts its layers from where they
  are. *Distinct bytes* are all that is published at the end, each blob once.
- After each run the code in `:latest` was compared with the project's, and where dependencies were
  to be built, `:deps` had to have other layers than before. Of each way and shape, a production
  host started once what it had pulled, and the service had to answer with the changed release.
- *No answer for*: while a host is switched over, a client asks every 50 ms; its longest time
  between two answers.
- *Memory* is the peak of whalebuild's own process (`VmHWM`), looked at every 10 ms.
- Shapes of the Dockerfile of `examples/production-control`: `from` has `FROM dependencies` as its
  final stage; `copy` has `FROM base` and `COPY {link}--from=dependencies`; `plain` installs by
  `RUN pip install`, whose layer is another one each time.
- Shapes as people write them, with no stage `dependencies`, no `--link`, and `COPY . .`:
  `one-stage` installs in its only stage, `copy-plain` takes a virtual environment from a stage
  `builder`, `django` runs `collectstatic` after the code. For the floor they were written anew.
- Small services have 1 MB of random bytes in place of packages; those of the plans of many have
  none. The large service has random files of 1 MB.
"""


def write_page(results: Results, path: Path) -> None:
    """Write it, as a whole; what was not measured is left out."""
    summaries = summarize(results.samples)
    lines = [HEAD]
    path.parent.mkdir(exist_ok=True)
    if plot := chart(summaries):
        picture = path.with_suffix(".svg")
        picture.write_text(plot)
        lines += [f"![Seconds and bytes by way]({picture.name})", ""]
        lines += ["Each scenario and column has a scale of its own.", ""]
    lines += [*_wan(results, summaries), *_aims(results, summaries)]
    loopback = [each for each in summaries if not each.scenario.startswith(WAN)]
    if loopback:
        lines += ["## A registry next door", "", LOOPBACK, *_tables(loopback), *_steps(loopback)]
    lines += ["## The ways", "", *_ways(results), "", "## How it was measured", ""]
    machine = report.markdown(list(results.machine.items()), ("", ""))
    lines += [*_how(results), "", "## The machine", "", machine, ""]
    path.write_text("\n".join(lines))


def _wan(results: Results, summaries: Sequence[Summary]) -> Iterator[str]:
    over = [each for each in summaries if each.scenario.startswith(WAN)]
    link = results.notes.get("wan")
    if not over or not link:
        return
    yield from (f"## A registry {link['words']} away", "")
    yield WAN_WORDS.format(**link)
    yield from _tables(over)


def _tables(summaries: Sequence[Summary]) -> Iterator[str]:
    for title, head, rows in report.tables(summaries):
        yield from (f"### {title}", "", report.markdown(rows, head), "")


def _aims(results: Results, summaries: Sequence[Summary]) -> Iterator[str]:
    # What was not measured comes last.
    judged = sorted(verdicts(summaries, results.notes), key=lambda verdict: not verdict.known)
    known = [verdict for verdict in judged if verdict.known]
    met = sum(verdict.met for verdict in known)
    yield from ("## The aims", "")
    yield f"{met} of {len(known)} are met, {len(known) - met} missed."
    if open_ones := len(judged) - len(known):
        yield f"{open_ones} were not measured in these runs."
    bold = {report.MISSED: f"**{report.MISSED}**"}
    rows = [(*cells, bold.get(last, last)) for *cells, last in report.verdict_rows(judged)]
    yield from ("", report.markdown(rows, report.VERDICT_HEAD), "")


def _steps(summaries: Sequence[Summary]) -> Iterator[str]:
    for scenario in (PLATFORMS, HEAVY):
        if rows := report.steps(each for each in summaries if each.scenario == scenario):
            yield from (f"### Where the time goes: `{scenario}`", "", STEPS)
            yield from (report.markdown(rows, ("way", "seconds", "steps")), "")


def _ways(results: Results) -> Iterator[str]:
    for way, words in sorted(results.ways.items(), key=lambda item: EVERY.index(item[0])):
        yield f"- **{way}**: {words}."
    scenarios = {sample.scenario for sample in results.samples}
    special = {
        "Cold dependencies for other platforms, `:deps` alone": (PLATFORMS, PLATFORM_WAYS),
        "Services are switched over": ("deploy", DEPLOY_WAYS),
        "Developers build after what was published": (LOCAL, LOCAL_WAYS),
    }
    for words, (scenario, ways) in special.items():
        if any(name.startswith(scenario) for name in scenarios):
            each = "; ".join(f"**{name}** {what}" for name, what in ways.items())
            yield f"- {words}: {each}."
    for way, why in results.not_run.items():
        yield f"- **{way}** was not run: {why}."


def _how(results: Results) -> Iterator[str]:
    yield HOW.format(link="--link " if results.link else "").rstrip()
    if sizes := results.notes.get("sizes"):
        yield f"- Compressed sizes of the example: {_sizes(sizes)}."
    if tags := results.notes.get("tags"):
        yield f"- Tags at the end: {_tags(tags)}."
    if overhead := results.notes.get("proxy"):
        yield (
            "- The proxy that counts, which all ways go through, costs "
            f"{overhead['milliseconds_per_request']} ms a request and "
            f"{overhead['milliseconds_per_100_megabytes']} ms for 100 MB."
        )
    yield f"- It took {clock(results.took)} minutes."


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size(count)}" for name, count in sizes.items())


def _tags(tags: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{way}: {', '.join(names)}" for way, names in tags.items())
