"""docs/benchmarks.md: the results for readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wbbench import report
from wbbench.aims import verdicts
from wbbench.output import Results
from wbbench.samples import Summary, summarize
from wbbench.selection import DEPLOY_WAYS, LOCAL_WAYS, PLATFORM_WAYS
from wbbench.units import clock, size

HEAD = """\
# Benchmarks

Written by `make bench`; not edited by hand. The numbers are those of one run on one machine, in
the project's sandbox: a real engine and a real registry on the loopback interface, so that bytes
cost nearly nothing. Over a real network, add them up.

## The ways
"""
HOW = """\
- Seconds are the wall time of the whole commands of a way, downloads from the package index
  included: where a way installs packages, the index is part of the number.
- A fresh runner is a new engine with an empty disk and an empty home folder.
- Bytes are HTTP bodies, counted by a proxy that all ways go through; *base down* is what came from
  the base image's repository, *down* everything else. Requests are all of them. A way's first
  upload has the base image in it, unless the way mounts its layers from where they are.
- After each run the code in `:latest` was compared with the project's, and where dependencies were
  to be built, `:deps` had to have other layers than before. Of each way and shape, the production
  host started once what it had pulled, and the service had to answer with the changed release.
- While a host is switched over, a client asks the service every 50 ms, over a new connection each
  time: *no answer for* is its longest time between two answers. The new release has to answer.
- Shape `plain` is for switching over alone: `RUN pip install -r requirements.txt` in the stage of
  the dependencies, as most Dockerfiles have it. Each build of it makes another layer; the example's
  own makes the same one again, so that a host has it already, whoever built it.
- Shapes `one-stage`, `copy-plain` and `django` are Dockerfiles as people write them: no stage
  `dependencies`, no `--link`, `COPY . .`. `one-stage` installs in its only stage, `copy-plain`
  takes a virtual environment from a stage `builder`, and `django` runs `python manage.py
  collectstatic --noinput` after the code too; a few lines stand for Django's own `manage.py`.
  Today's ways have no `:deps` there; for the floor the Dockerfile was written anew, with a stage
  `dependencies` that is pinned by digest, and with `--link`.
- Each way begins with a repository of its own; the state of the registry is carried on from one
  scenario to the next, always with new code.
- The small services have 1 MB of random bytes in place of packages, so that the package index has
  no part in their numbers.
"""


def write_page(results: Results, path: Path) -> None:
    """Write it, as a whole."""
    summaries = summarize(results.samples)
    lines = [HEAD, *_ways(results), "", "## How it was measured", "", *_how(results)]
    machine = report.markdown(list(results.machine.items()), ("", ""))
    lines += ["", "## The machine", "", machine, "", "## The numbers", "", *_numbers(summaries)]
    rows = report.verdict_rows(verdicts(summaries, results.notes))
    lines += ["## The aims", "", report.markdown(rows, report.VERDICT_HEAD), ""]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines))


def _ways(results: Results) -> Iterator[str]:
    for way in results.ways:
        yield f"- **{way.name}**: {way.title}."
    yield "- In the table of platforms `whalebuild bake` publishes `:deps` alone:"
    for name, what in PLATFORM_WAYS.items():
        yield (
            f"  **{name}** {what};" if name != list(PLATFORM_WAYS)[-1] else f"  **{name}** {what}."
        )
    yield "- Services are switched over by:"
    yield "  " + "; ".join(f"**{name}**: {what}" for name, what in DEPLOY_WAYS.items()) + "."
    yield "- Developers build, after what was published, by:"
    yield "  " + "; ".join(f"**{name}**: {what}" for name, what in LOCAL_WAYS.items()) + "."
    for way, why in results.not_run.items():
        yield f"- **{way}** was not run: {why}."


def _how(results: Results) -> Iterator[str]:
    yield (
        "- All ways in turn, round after round; medians, of as many runs as the tables say. "
        f"The run took {clock(results.took)} minutes."
    )
    yield HOW.rstrip()
    link = "--link " if results.link else ""
    yield (
        "- The application is `examples/production-control`. Shape `from`: the final stage is "
        "`FROM dependencies`. Shape `copy`: it is `FROM base` and takes the packages by "
        f"`COPY {link}--from=dependencies`. Compressed sizes: {_sizes(results.notes['sizes'])}."
    )
    yield f"- Tags at the end: {_tags(results.notes['tags'])}."
    overhead = results.notes["proxy"]
    yield (
        f"- The proxy itself costs {overhead['milliseconds_per_request']} ms a request and "
        f"{overhead['milliseconds_per_100_megabytes']} ms for 100 MB."
    )


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size(count)}" for name, count in sizes.items())


def _tags(tags: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{way}: {', '.join(names)}" for way, names in tags.items())


def _numbers(summaries: Sequence[Summary]) -> Iterator[str]:
    for title, head, rows in report.tables(summaries):
        yield from (f"### {title}", "", report.markdown(rows, head), "")
