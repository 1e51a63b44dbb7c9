"""The command line, and the order in which everything runs."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from wbbench.buildah import Buildah
from wbbench.errors import BenchError
from wbbench.facts import note_facts
from wbbench.large import LargeTrack, run_large
from wbbench.machine import describe
from wbbench.measuring import Bench
from wbbench.output import Results, read_json, show, write_json
from wbbench.overhead import measure_overhead, measure_wan
from wbbench.page import write_page
from wbbench.platforms import run_platforms
from wbbench.project import ALL_SHAPES
from wbbench.proxy import counting_proxy
from wbbench.registry import Registry
from wbbench.sandbox import ROOT, Sandbox, clear_leftovers
from wbbench.scale import ScaleTrack, run_scale
from wbbench.scenarios import STEPS, Step, wan_cold
from wbbench.selection import (
    AIMS,
    FROM,
    LARGE_COLD,
    ONE_APPLICATION,
    OURS,
    PLATFORM_WAYS,
    SCENARIOS,
    VERB,
    VERBS,
    WAN,
    Selection,
)
from wbbench.services import ManyTrack, run_services
from wbbench.sizes import FULL, SMALL
from wbbench.switching import run_switching
from wbbench.track import Track
from wbbench.verbs import run_verbs
from wbbench.ways import DOCKER_WAYS, Way

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
#: Ways that are no way of another scenario.
THEIR_OWN = (*PLATFORM_WAYS, *VERBS)
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
    if options.page:
        write_page(read_json(options.page), options.markdown or MARKDOWN)
        return 0
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
                bench.notes["wan"] = asdict(measure_wan(bench))
                complete = _try_rounds(bench, ways, selection, options)
        finally:
            sandbox.close()
    took = time.monotonic() - began
    titles = {way.name: way.title for way in ways}
    results = Results(bench.samples, titles, not_run, machine, bench.notes, took, options.link)
    results = replace(results, small=options.small)
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
    tracks = [t for t in tracks if _wanted(selection, t)]
    others = _Others(bench, ways, selection, options)
    rounds = selection.most_rounds([*(way.name for way in ways), *THEIR_OWN])
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
        others.run(number)


class _Others:
    """The scenarios that have projects of their own."""

    def __init__(
        self, bench: Bench, ways: Sequence[Way], selection: Selection, options: argparse.Namespace
    ) -> None:
        self.bench, self.selection = bench, selection
        sizes = SMALL if options.small else FULL
        shape, self.scale_counts = FROM[0], sizes.scale
        self.wan = [Track(bench, way, shape, options.link, prefix=WAN) for way in ways]
        self.many = [
            ManyTrack(bench, way, shape, scenario=scenario, count=count)
            for scenario, count in sizes.services.items()
            for way in ways
        ]
        self.large = [
            LargeTrack(bench, way, shape, dependencies=sizes.dependencies, code=sizes.code)
            for way in ways
            if way.name in SCENARIOS[LARGE_COLD].ways
        ]
        # These are of whalebuild alone, and asked for by names of their own.
        (ours,) = (way for way in DOCKER_WAYS if way.name == OURS)
        self.verbs = ManyTrack(bench, ours, shape, scenario=VERB, count=1)
        most = max(sizes.scale.values())
        self.scale = ScaleTrack(bench, ours, shape, scenario="scale", count=most)

    def run(self, number: int) -> None:
        """One round of them."""
        bench, selection = self.bench, self.selection
        for track in _rotated(self.wan, number):
            wan_cold(track, selection, number)
        run_platforms(bench, selection, number)
        run_switching(bench, selection, number)
        for scenario in dict.fromkeys(track.scenario for track in self.many):
            same = [track for track in self.many if track.scenario == scenario]
            for track in _rotated(same, number):
                run_services(track, selection, number)
        run_scale(self.scale, self.scale_counts, selection, number)
        for track in _rotated(self.large, number):
            run_large(track, selection, number)
        run_verbs(self.verbs, selection, number)


def _step(step: Step, track: Track, selection: Selection, number: int) -> None:
    # What failed once at the start is not tried again in each scenario: it is in the results.
    if track.broken and step is not STEPS[0]:
        return
    step(track, selection, number)


def _rotated(tracks: list[Track], number: int) -> list[Track]:
    """Another one begins in each round."""
    start = (number - 1) % max(len(tracks), 1)
    return tracks[start:] + tracks[:start]


def _wanted(selection: Selection, track: Track) -> bool:
    names = ONE_APPLICATION
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
    if not ways and not not_run and not any(_asked(selection, way) for way in THEIR_OWN):
        raise BenchError("nothing of that name; bench/run --help lists scenarios and ways")
    return ways, not_run


def _asked(selection: Selection, way: str) -> bool:
    return any(selection.wants(name, shape, way) for name in SCENARIOS for shape in ALL_SHAPES)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. The page is only written by a run that leaves nothing out."""
    names = [way.name for way in (*DOCKER_WAYS, Buildah())]
    special = [*(f"platforms/{way}" for way in PLATFORM_WAYS), *(f"{VERB}/{way}" for way in VERBS)]
    ways = ", ".join([*names, *special])
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
        "--aims",
        action="store_true",
        help="what the aims of speed are judged by, in 35 to 40 minutes",
    )
    parser.add_argument(
        "--small", action="store_true", help="few services and little bytes: does it run?"
    )
    parser.add_argument(
        "--no-link", dest="link", action="store_false", help="the Dockerfile without COPY --link"
    )
    parser.add_argument(
        "--json", type=Path, default=JSON, metavar="FILE", help="results (bench/results.json)"
    )
    parser.add_argument(
        "--page",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="write the page from recorded results (later ones count), and measure nothing",
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
    if options.aims:
        options.only = [*options.only, *AIMS]
    partial = (
        options.only
        or options.quick
        or options.small
        or options.rounds
        or not options.link
        or options.page
    )
    if not (options.markdown or partial):
        options.markdown = MARKDOWN
    return options
