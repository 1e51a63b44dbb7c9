"""The command line, and the order in which everything runs."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from wbbench.buildah import Buildah
from wbbench.errors import BenchError
from wbbench.facts import note_facts
from wbbench.machine import describe
from wbbench.measuring import Bench
from wbbench.output import Results, show, write_json
from wbbench.overhead import measure_overhead
from wbbench.page import write_page
from wbbench.platforms import run_platforms
from wbbench.project import ALL_SHAPES
from wbbench.proxy import counting_proxy
from wbbench.registry import Registry
from wbbench.sandbox import ROOT, Sandbox, clear_leftovers
from wbbench.scenarios import SCENARIOS as STEPS
from wbbench.scenarios import Scenario
from wbbench.selection import DEPLOY, PLATFORM_WAYS, SCENARIOS, Selection
from wbbench.services import COUNTS, ManyTrack, run_services
from wbbench.switching import run_switching
from wbbench.track import Track
from wbbench.ways import DOCKER_WAYS, Way

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
JSON = ROOT / "bench/results.json"
MARKDOWN = ROOT / "docs/benchmarks.md"


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    selection = Selection(tuple(options.only), options.quick, options.rounds)
    ways, not_run = _ways(selection)
    began = time.monotonic()
    clear_leftovers()
    with tempfile.TemporaryDirectory(prefix="whalebuild-bench-") as folder:
        sandbox = Sandbox(Path(folder))
        try:
            first = sandbox.fresh()
            with counting_proxy(sandbox.registry) as proxy:
                bench = Bench(
                    sandbox, proxy, Registry(sandbox.registry), Path(folder), f"{time.time():.0f}"
                )
                machine = describe(first, buildah=any(w.name == "buildah" for w in ways))
                sandbox.down(first)
                bench.notes["proxy"] = asdict(measure_overhead(bench))
                complete = _try_rounds(bench, ways, selection, options)
        finally:
            sandbox.close()
    took = time.monotonic() - began
    results = Results(bench.samples, ways, not_run, machine, bench.notes, took, options.link)
    show(results)
    write_json(results, options.json)
    if options.markdown and complete:
        write_page(results, options.markdown)
    failed = not complete or any(sample.error for sample in bench.samples)
    return EXIT_FAILED if failed else 0


def _try_rounds(
    bench: Bench, ways: Sequence[Way], selection: Selection, options: argparse.Namespace
) -> bool:
    """Run all rounds. What was measured before something broke is worth showing all the same."""
    try:
        _rounds(bench, ways, selection, options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return False
    return True


def _rounds(
    bench: Bench, ways: Sequence[Way], selection: Selection, options: argparse.Namespace
) -> None:
    """In each round every scenario, in each scenario every way: whatever drifts, drifts for all."""
    tracks = [Track(bench, way, shape, options.link) for shape in ALL_SHAPES for way in ways]
    many = [ManyTrack(bench, way, "from", count=count) for count in COUNTS for way in ways]
    tracks = [t for t in tracks if _wanted(selection, t)]
    rounds = selection.most_rounds([*(way.name for way in ways), *PLATFORM_WAYS])
    for number in range(1, rounds + 1):
        print(f"Round {number} of {rounds}", flush=True)
        for shape in ALL_SHAPES:
            ours = _rotated([t for t in tracks if t.shape == shape], number)
            for step in STEPS:
                for track in ours:
                    _step(step, track, selection, number)
        if number == rounds:
            note_facts(bench, tracks)
            # Idle engines still take memory, which forty services can use.
            for track in tracks:
                track.forget_machines()
        run_platforms(bench, selection, number)
        run_switching(bench, selection, number)
        for count in COUNTS:
            for track in _rotated([t for t in many if t.count == count], number):
                run_services(track, selection, number)


def _step(step: Scenario, track: Track, selection: Selection, number: int) -> None:
    # What failed once at the start is not tried again in each scenario: it is in the results.
    if track.broken and step is not STEPS[0]:
        return
    step(track, selection, number)


def _rotated(tracks: list[Track], number: int) -> list[Track]:
    """Another one begins in each round."""
    start = (number - 1) % max(len(tracks), 1)
    return tracks[start:] + tracks[:start]


def _wanted(selection: Selection, track: Track) -> bool:
    names = [name for name in SCENARIOS if not name.startswith(("services", f"{DEPLOY}-"))]
    return any(selection.wants(name, track.shape, track.way.name) for name in names)


def _ways(selection: Selection) -> tuple[list[Way], dict[str, str]]:
    """Those that are asked for and can run here, and why others cannot."""
    ways: list[Way] = []
    not_run = {}
    for way in (*DOCKER_WAYS, Buildah()):
        if not _asked(selection, way.name):
            continue
        if why := way.unavailable():
            not_run[way.name] = why
        else:
            ways.append(way)
    if not ways and not not_run and not any(_asked(selection, way) for way in PLATFORM_WAYS):
        raise BenchError("nothing of that name; bench/run --help lists scenarios and ways")
    return ways, not_run


def _asked(selection: Selection, way: str) -> bool:
    return any(selection.wants(name, shape, way) for name in SCENARIOS for shape in ALL_SHAPES)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. The page is only written by a run that leaves nothing out."""
    names = [way.name for way in (*DOCKER_WAYS, Buildah())]
    ways = ", ".join([*names, *(f"platforms/{way}" for way in PLATFORM_WAYS)])
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Measure whalebuild side by side with what people do today.",
        epilog=f"Scenarios: {', '.join(SCENARIOS)}. Ways: {ways}. Shapes: {', '.join(ALL_SHAPES)}.",
    )
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="rounds of everything (1 to 3, by scenario)"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="SCENARIO, SCENARIO/WAY or SCENARIO/SHAPE/WAY, with wildcards (repeatable)",
    )
    parser.add_argument("--quick", action="store_true", help="one round of few scenarios")
    parser.add_argument(
        "--no-link", dest="link", action="store_false", help="the Dockerfile without COPY --link"
    )
    parser.add_argument(
        "--json", type=Path, default=JSON, metavar="FILE", help="results (bench/results.json)"
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="the page (docs/benchmarks.md, for a run that leaves nothing out)",
    )
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error("at least one round")
    partial = options.only or options.quick or options.rounds or not options.link
    if not (options.markdown or partial):
        options.markdown = MARKDOWN
    return options
