"""What whalebuild aims at, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wbbench.project import PLAIN, SHAPES
from wbbench.samples import Summary
from wbbench.selection import (
    CODE,
    DEPLOY,
    EMULATED,
    FROM,
    HEAVY,
    LARGE_CODE,
    LARGE_COLD,
    LARGE_FILE,
    NOTHING,
    ONE,
    OURS,
    PLATFORMS,
    SCALE,
    SCENARIOS,
    VERB,
    WAN,
)
from wbbench.selection import MANY as DEPLOY_MANY
from wbbench.units import seconds, size

SMALL = 32_000
NEAR_THE_FLOOR = 0.35
TIMES_BY_HAND = 20
TIMES_LESS_DOWN = 1000
CODE_REQUESTS = 20
NOTHING_REQUESTS = 2
NO_WAIT = 0.5
PLAN_SECONDS = 0.8
TIMES_EMULATED = 15
BOTH_PLATFORMS = 1.6
MANY = "services-40"
#: Of all that is published, each blob once.
TIMES_DISTINCT = 1.1
ONE_CHANGED = 1.2
REQUESTS_A_SERVICE = 2
SCALE_SECONDS = 3
SCALE_MEMORY = 200_000_000
#: A service more costs at most so many times what it costs among fewer.
LINEAR = 1.3
LARGE_MEMORY = 150_000_000
#: For uploads of hundreds of megabytes tenths of a second say nothing.
LARGE_TIMES = 1.1
VERB_SECONDS = {
    "--help": 0.10,
    "bake": NO_WAIT,
    "inspect": 0.4,
    "inspect IMAGE": 0.4,
    "diff": 0.4,
    "diff IMAGE": 0.4,
}
#: Of `docker compose pull` and `up`, by scenario.
TIMES_COMPOSE = {ONE: 1.3, DEPLOY_MANY: 1.5}
FEW_COMMANDS = 12
NOTHING_TO_DEPLOY = 1.5
#: Dockerfiles as people write them, of which nothing runs after the code.
SHORT = ("copy-plain", "one-stage")
SMALL_AS_WRITTEN = 40_000
TODAY = ("by-hand", "inline", "max")
TIMES_TODAY = 10


@dataclass(frozen=True)
class Verdict:
    """One aim: what it is, what was measured, and whether that is enough."""

    aim: str
    measured: str = "not measured"
    met: bool = False
    #: A run of a part leaves aims open; a full run has to answer for all of them.
    known: bool = True


class Measured:
    """The summaries by scenario, shape and way; only those with numbers."""

    def __init__(self, summaries: Sequence[Summary]) -> None:
        self._by_key = {(s.scenario, s.shape, s.way): s for s in summaries if s.good}

    def get(self, scenario: str, shape: str, way: str = "whalebuild") -> Summary | None:
        """The summary, if there is one."""
        return self._by_key.get((scenario, shape, way))


def verdicts(summaries: Sequence[Summary], notes: Mapping[str, object]) -> list[Verdict]:
    """Judge every aim; one that was not measured is not met, and says so."""
    measured = Measured(summaries)
    found: list[Verdict] = [*_wan(measured)]
    for shape in SHAPES:
        found += _code_only(measured, shape, SMALL)
    for shape in SHORT:
        found += [*_code_only(measured, shape, SMALL_AS_WRITTEN), *_today(measured, shape)]
    for judge in (_nothing, _dependency):
        for shape in SHAPES:
            found += judge(measured, shape)
    found += [
        *_verbs(measured),
        *_services(measured, notes),
        *_scale(measured),
        *_large(measured),
        *_platforms(measured),
        *_deploy(measured),
        *_switching(measured),
    ]
    return [*found, _linear(measured), _tags(notes)]


def _unknown(aim: str) -> Verdict:
    return Verdict(aim, known=False)


def _wan(measured: Measured) -> Iterator[Verdict]:
    """What users have: none of today's ways is faster; the floor is no way of today."""
    for shape in (*SHAPES, *SHORT):
        what = f"50 Mbit/s, fresh runner, code-only, shape `{shape}`"
        yield _by_hand(measured, f"{WAN}{CODE}", shape, what)
    names = {
        "code": "code-only",
        "nothing": "nothing changed",
        "dependency": "one dependency added",
        "cold": "cold",
        "services-10-cold": "10 services cold",
        "services-10": "one of 10 services changed",
    }
    for name, words in names.items():
        aim = f"50 Mbit/s, {words}, shape `{FROM[0]}`: as fast as the best of today"
        yield _as_the_best(measured, f"{WAN}{name}", aim, TODAY)


def _as_the_best(
    measured: Measured, scenario: str, aim: str, ways: Sequence[str], times: float = 1.0
) -> Verdict:
    ours = measured.get(scenario, FROM[0])
    others = [found for way in ways if (found := measured.get(scenario, FROM[0], way))]
    if not ours or not others:
        return _unknown(aim)
    best = min(others, key=lambda found: found.seconds)
    text = f"{seconds(ours.seconds)} s ({seconds(best.seconds)} s with `{best.way}`)"
    return Verdict(aim, text, ours.seconds <= best.seconds * times)


def _by_hand(measured: Measured, scenario: str, shape: str, what: str) -> Verdict:
    ours, hand = (measured.get(scenario, shape, way) for way in (OURS, "by-hand"))
    aim = f"{what}: at least {TIMES_BY_HAND}× less time than by hand"
    if not ours or not hand:
        return _unknown(aim)
    ratio = hand.seconds / ours.seconds
    text = f"{ratio:.1f}× ({seconds(hand.seconds)} s by hand)"
    return Verdict(aim, text, ratio >= TIMES_BY_HAND)


def _code_only(measured: Measured, shape: str, small: int) -> Iterator[Verdict]:
    what = f"fresh runner, code-only, shape `{shape}`"
    ours, floor = (measured.get(CODE, shape, way) for way in (OURS, "floor"))
    if not ours:
        yield _unknown(what)
        return
    down, layer = ours.down + ours.base_down, ours.code_layer
    yield Verdict(f"{what}: ≤ {size(small)} down", size(down), down <= small)
    yield Verdict(
        f"{what}: ≤ {size(layer + small)} up (code layer + {size(small)})",
        size(ours.up),
        ours.up <= layer + small,
    )
    few = ours.requests <= CODE_REQUESTS
    yield Verdict(f"{what}: ≤ {CODE_REQUESTS} requests", str(ours.requests), few)
    near = f"{what}: ≤ the floor + {NEAR_THE_FLOOR} s"
    if floor:
        measured_seconds = f"{seconds(ours.seconds)} s (floor {seconds(floor.seconds)} s)"
        yield Verdict(near, measured_seconds, ours.seconds <= floor.seconds + NEAR_THE_FLOOR)
    else:
        yield _unknown(near)
    yield _by_hand(measured, CODE, shape, what)


def _today(measured: Measured, shape: str) -> Iterator[Verdict]:
    what = f"fresh runner, code-only, shape `{shape}`: at least {TIMES_TODAY}×"
    ours = measured.get(CODE, shape)
    today = [found for way in TODAY if (found := measured.get(CODE, shape, way))]
    if not ours or len(today) != len(TODAY):
        yield _unknown(f"{what} fewer bytes and less time than the best of today")
        return
    moved = {found.way: found.down + found.base_down + found.up for found in today}
    way, best = min(moved.items(), key=lambda item: item[1])
    mine = ours.down + ours.base_down + ours.up
    ratio = best / mine
    yield Verdict(
        f"{what} fewer bytes than the best of today",
        f"{ratio:.0f}× ({size(best)} with `{way}`, {size(mine)})",
        ratio >= TIMES_TODAY,
    )
    quickest = min(today, key=lambda found: found.seconds)
    ratio = quickest.seconds / ours.seconds
    yield Verdict(
        f"{what} less time than the best of today",
        f"{ratio:.1f}× ({seconds(quickest.seconds)} s with `{quickest.way}`)",
        ratio >= TIMES_TODAY,
    )


def _nothing(measured: Measured, shape: str) -> Iterator[Verdict]:
    what = f"fresh runner, nothing changed, shape `{shape}`"
    ours = measured.get("nothing", shape)
    if not ours:
        yield _unknown(what)
        return
    builds = [sample.builds for sample in ours.good if sample.builds is not None]
    if builds:
        yield Verdict(f"{what}: no build", f"{max(builds)} targets built", max(builds) == 0)
    else:
        yield _unknown(f"{what}: no build")
    few = ours.requests <= NOTHING_REQUESTS
    yield Verdict(f"{what}: ≤ {NOTHING_REQUESTS} requests", str(ours.requests), few)
    yield _quick(f"{what}:", ours, NO_WAIT)


def _quick(what: str, ours: Summary, limit: float) -> Verdict:
    aim = f"{what} ≤ {limit:.2g} s"
    return Verdict(aim, f"{seconds(ours.seconds)} s", ours.seconds <= limit)


def _verbs(measured: Measured) -> Iterator[Verdict]:
    for verb, limit in VERB_SECONDS.items():
        what = f"`whalebuild {verb}` of one small service, nothing changed:"
        if ours := measured.get(VERB, FROM[0], verb):
            yield _quick(what, ours, limit)
        else:
            yield _unknown(f"{what} ≤ {limit:.2g} s")


def _deploy(measured: Measured) -> Iterator[Verdict]:
    what = f"production host, code-only, shape `{PLAIN}`"
    aim = f"{what}: at least {TIMES_LESS_DOWN}× fewer bytes than by hand"
    ours, hand = (measured.get(DEPLOY, PLAIN, way) for way in ("whalebuild", "by-hand"))
    if not ours or not hand:
        yield _unknown(aim)
        return
    down, by_hand = (each.down + each.base_down for each in (ours, hand))
    ratio = by_hand / max(down, 1)
    text = f"{ratio:.0f}× ({size(by_hand)} by hand, {size(down)})"
    yield Verdict(aim, text, ratio >= TIMES_LESS_DOWN)


def _switching(measured: Measured) -> Iterator[Verdict]:
    for scenario, times in TIMES_COMPOSE.items():
        what = SCENARIOS[scenario].title
        aim = f"{what}: at most {times}× the time by hand"
        ours, hand = (measured.get(scenario, SHAPES[0], way) for way in ("whalebuild", "by-hand"))
        if not ours or not hand:
            yield _unknown(aim)
            continue
        ratio = ours.seconds / hand.seconds
        text = f"{ratio:.2f}× ({seconds(ours.seconds)} s, {seconds(hand.seconds)} s by hand)"
        yield Verdict(aim, text, ratio <= times)
        few = ours.commands is not None and ours.commands <= FEW_COMMANDS
        yield Verdict(f"{what}: ≤ {FEW_COMMANDS} docker commands", str(ours.commands), few)
    aim = f"{SCENARIOS[NOTHING].title}: `whalebuild deploy` ≤ {NOTHING_TO_DEPLOY} s"
    if ours := measured.get(NOTHING, SHAPES[0]):
        yield Verdict(aim, f"{seconds(ours.seconds)} s", ours.seconds <= NOTHING_TO_DEPLOY)
    else:
        yield _unknown(aim)


def _dependency(measured: Measured, shape: str) -> Iterator[Verdict]:
    what = f"fresh runner, one dependency added, shape `{shape}`: at most the"
    ours, usual = (measured.get("dependency", shape, way) for way in ("whalebuild", "max"))
    if not ours or not usual:
        yield _unknown(f"{what} time and bytes of `max`")
        return
    yield Verdict(
        f"{what} {seconds(usual.seconds)} s of `max`",
        f"{seconds(ours.seconds)} s",
        ours.seconds <= usual.seconds,
    )
    mine, theirs = (s.down + s.base_down + s.up for s in (ours, usual))
    yield Verdict(f"{what} {size(theirs)} of `max`, both ways", size(mine), mine <= theirs)


def _platforms(measured: Measured) -> Iterator[Verdict]:
    for scenario, words in {PLATFORMS: "", HEAVY: " (pandas, scipy, pydantic, uvloop)"}.items():
        names = (f"arm64{EMULATED}", "arm64")
        emulated, arm64 = (measured.get(scenario, SHAPES[0], name) for name in names)
        what = f"cold dependencies{words} on linux/amd64, for linux/arm64"
        aim = f"{what}: at least {TIMES_EMULATED}× less time than emulated"
        if emulated and arm64:
            ratio = emulated.seconds / arm64.seconds
            text = f"{ratio:.1f}× ({seconds(emulated.seconds)} s, {seconds(arm64.seconds)} s)"
            yield Verdict(aim, text, ratio >= TIMES_EMULATED)
        else:
            yield _unknown(aim)
    amd64, both = (measured.get(PLATFORMS, SHAPES[0], name) for name in ("amd64", "amd64+arm64"))
    what = "cold dependencies on linux/amd64"
    aim = f"{what}, for both platforms: at most {BOTH_PLATFORMS}× the time of its own alone"
    if amd64 and both:
        ratio = both.seconds / amd64.seconds
        text = f"{ratio:.2f}× ({seconds(both.seconds)} s, {seconds(amd64.seconds)} s)"
        yield Verdict(aim, text, ratio <= BOTH_PLATFORMS)
    else:
        yield _unknown(aim)


def _services(measured: Measured, notes: Mapping[str, object]) -> Iterator[Verdict]:
    others = [way for way in SCENARIOS[MANY].ways if way != OURS]
    for count in (10, 40):
        what, scenario = f"{count} services cold", f"services-{count}-cold"
        aim = f"{what}: up ≤ {TIMES_DISTINCT}× the distinct bytes"
        cold = measured.get(scenario, SHAPES[0])
        if cold and cold.distinct:
            ratio = cold.up / cold.distinct
            text = f"{ratio:.2f}× ({size(cold.up)} of {size(cold.distinct)})"
            yield Verdict(aim, text, ratio <= TIMES_DISTINCT)
        else:
            yield _unknown(aim)
        yield _as_the_best(measured, scenario, f"{what}: as fast as the best other way", others)
    what = "40 services, one changed:"
    if ours := measured.get(MANY, SHAPES[0]):
        yield _quick(what, ours, ONE_CHANGED)
        each = ours.requests / 40
        aim = f"{what} ≤ {REQUESTS_A_SERVICE} requests a service"
        yield Verdict(aim, f"{each:.1f} ({ours.requests})", each <= REQUESTS_A_SERVICE)
    else:
        yield _unknown(f"{what} ≤ {ONE_CHANGED} s")
    bakes = notes.get(f"{MANY}-bakes")
    aim = f"{what} one bake invocation"
    yield Verdict(aim, str(bakes), bakes == 1) if isinstance(bakes, int) else _unknown(aim)
    if plan := measured.get(f"{MANY}-plan", SHAPES[0]):
        yield _quick(f"{what} `whalebuild plan`", plan, PLAN_SECONDS)
    else:
        yield _unknown(f"{what} `whalebuild plan` ≤ {PLAN_SECONDS} s")


def _scale(measured: Measured) -> Iterator[Verdict]:
    plans = [measured.get(name, FROM[0]) for name in SCALE]
    what = "200 services, one changed: `whalebuild plan`"
    if not all(plans):
        yield _unknown(what)
        return
    fifty, hundred, most = plans
    yield _quick(what, most, SCALE_SECONDS)
    memory = most.memory or 0
    aim = f"{what} ≤ {size(SCALE_MEMORY)} of memory"
    yield Verdict(aim, size(memory), 0 < memory <= SCALE_MEMORY)
    early, late = (hundred.seconds - fifty.seconds) / 50, (most.seconds - hundred.seconds) / 100
    text = f"{early * 1000:.1f} ms a service from 50 to 100, {late * 1000:.1f} from 100 to 200"
    yield Verdict(f"{what} linear (≤ {LINEAR}× a service)", text, late <= early * LINEAR)


def _large(measured: Measured) -> Iterator[Verdict]:
    words = {LARGE_COLD: "cold", LARGE_CODE: "code-only", LARGE_FILE: "one file of code changed"}
    for scenario, what in words.items():
        aim = f"2 GB and 200 MB, {what}: at most {LARGE_TIMES}× the floor's time"
        yield _as_the_best(measured, scenario, aim, ["floor"], LARGE_TIMES)
    found = [each for name in words if (each := measured.get(name, FROM[0])) and each.memory]
    aim = f"2 GB and 200 MB: ≤ {size(LARGE_MEMORY)} of memory"
    if not found:
        yield _unknown(aim)
        return
    memory = max(each.memory for each in found)
    yield Verdict(aim, size(memory), memory <= LARGE_MEMORY)


def _linear(measured: Measured) -> Verdict:
    aim = "1, 10, 40 services, one changed: requests linear in their number"
    one, ten, forty = (measured.get(f"services-{count}", SHAPES[0]) for count in (1, 10, 40))
    if not (one and ten and forty):
        return _unknown(aim)
    early = (ten.requests - one.requests) / 9
    late = (forty.requests - ten.requests) / 30
    text = (
        f"{one.requests}, {ten.requests}, {forty.requests}: "
        f"{early:.1f} a service from 1 to 10, {late:.1f} from 10 to 40"
    )
    # The slope must not grow; a request of slack for what the first ones share.
    return Verdict(aim, text, late <= early + 1)


def _tags(notes: Mapping[str, object]) -> Verdict:
    aim = "the repository's tags are exactly `deps` and `latest`"
    tags = notes.get("tags", {}).get("whalebuild")
    return Verdict(aim, ", ".join(tags), tags == ["deps", "latest"]) if tags else _unknown(aim)
