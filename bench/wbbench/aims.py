"""What whalebuild aims at, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wbbench.project import PLAIN, SHAPES
from wbbench.samples import Summary
from wbbench.selection import CODE, DEPLOY, EMULATED, NOTHING, ONE, PLATFORMS, SCENARIOS
from wbbench.selection import MANY as DEPLOY_MANY
from wbbench.units import seconds, size

SMALL = 32_000
NEAR_THE_FLOOR = 0.9
TIMES_BY_HAND = 10
TIMES_LESS_DOWN = 1000
FEW_REQUESTS = 6
NO_WAIT = 1.0
PLAN_SECONDS = 3
TIMES_EMULATED = 15
BOTH_PLATFORMS = 1.6
MANY = "services-40"
#: Of `docker compose pull` and `up`, by scenario.
TIMES_COMPOSE = {ONE: 1.3, DEPLOY_MANY: 1.5}
FEW_COMMANDS = 12
NOTHING_TO_DEPLOY = 1.5
#: Dockerfiles as people write them, of which nothing runs after the code.
SHORT = ("copy-plain", "one-stage")
SMALL_AS_WRITTEN = 40_000
REQUESTS_AS_WRITTEN = 20
NEAR_AS_WRITTEN = 0.6
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
    found: list[Verdict] = []
    for judge in (_code_only, _nothing, _dependency):
        for shape in SHAPES:
            found += judge(measured, shape)
    for shape in SHORT:
        found += _as_written(measured, shape)
    found += [
        *_deploy(measured),
        *_switching(measured),
        *_platforms(measured),
        *_services(measured, notes),
    ]
    return [*found, _linear(measured), _tags(notes)]


def _unknown(aim: str) -> Verdict:
    return Verdict(aim, known=False)


def _code_only(measured: Measured, shape: str) -> Iterator[Verdict]:
    what = f"fresh runner, code-only, shape `{shape}`"
    ways = ("whalebuild", "floor", "by-hand")
    ours, floor, hand = (measured.get("code", shape, way) for way in ways)
    if not ours:
        yield _unknown(what)
        return
    down, layer = ours.down + ours.base_down, ours.code_layer
    yield Verdict(f"{what}: ≤ {size(SMALL)} down", size(down), down <= SMALL)
    yield Verdict(
        f"{what}: ≤ {size(layer + SMALL)} up (code layer + {size(SMALL)})",
        size(ours.up),
        ours.up <= layer + SMALL,
    )
    near = f"{what}: ≤ the floor + {NEAR_THE_FLOOR} s"
    if floor:
        measured_seconds = f"{seconds(ours.seconds)} s (floor {seconds(floor.seconds)} s)"
        yield Verdict(near, measured_seconds, ours.seconds <= floor.seconds + NEAR_THE_FLOOR)
    else:
        yield _unknown(near)
    faster = f"{what}: at least {TIMES_BY_HAND}× less time than by hand"
    if hand:
        ratio = hand.seconds / ours.seconds
        text = f"{ratio:.1f}× ({seconds(hand.seconds)} s by hand)"
        yield Verdict(faster, text, ratio >= TIMES_BY_HAND)
    else:
        yield _unknown(faster)


def _as_written(measured: Measured, shape: str) -> Iterator[Verdict]:
    what = f"fresh runner, code-only, shape `{shape}`"
    ours, floor = (measured.get(CODE, shape, way) for way in ("whalebuild", "floor"))
    today = [found for way in TODAY if (found := measured.get(CODE, shape, way))]
    if not ours or not floor or len(today) != len(TODAY):
        yield _unknown(what)
        return
    down = ours.down + ours.base_down
    yield Verdict(f"{what}: ≤ {size(SMALL_AS_WRITTEN)} down", size(down), down <= SMALL_AS_WRITTEN)
    few = ours.requests <= REQUESTS_AS_WRITTEN
    yield Verdict(f"{what}: ≤ {REQUESTS_AS_WRITTEN} requests", str(ours.requests), few)
    yield Verdict(
        f"{what}: ≤ the floor + {NEAR_AS_WRITTEN} s",
        f"{seconds(ours.seconds)} s (floor {seconds(floor.seconds)} s)",
        ours.seconds <= floor.seconds + NEAR_AS_WRITTEN,
    )
    moved = {found.way: found.down + found.base_down + found.up for found in today}
    way, best = min(moved.items(), key=lambda item: item[1])
    ratio = best / (down + ours.up)
    yield Verdict(
        f"{what}: at least {TIMES_TODAY}× fewer bytes than the best of today",
        f"{ratio:.0f}× ({size(best)} with `{way}`, {size(down + ours.up)})",
        ratio >= TIMES_TODAY,
    )
    quickest = min(today, key=lambda found: found.seconds)
    ratio = quickest.seconds / ours.seconds
    yield Verdict(
        f"{what}: at least {TIMES_TODAY}× less time than the best of today",
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
    few = ours.requests <= FEW_REQUESTS
    yield Verdict(f"{what}: ≤ {FEW_REQUESTS} requests", str(ours.requests), few)
    quick = ours.seconds <= NO_WAIT
    yield Verdict(f"{what}: ≤ {NO_WAIT} s", f"{seconds(ours.seconds)} s", quick)


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
        what = SCENARIOS[scenario]
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
    aim = f"{SCENARIOS[NOTHING]}: `whalebuild deploy` ≤ {NOTHING_TO_DEPLOY} s"
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
    names = (f"arm64{EMULATED}", "arm64", "amd64", "amd64+arm64")
    emulated, arm64, amd64, both = (measured.get(PLATFORMS, SHAPES[0], name) for name in names)
    what = "cold dependencies on linux/amd64"
    aim = f"{what}, for linux/arm64: at least {TIMES_EMULATED}× less time than emulated"
    if emulated and arm64:
        ratio = emulated.seconds / arm64.seconds
        text = f"{ratio:.1f}× ({seconds(emulated.seconds)} s, {seconds(arm64.seconds)} s)"
        yield Verdict(aim, text, ratio >= TIMES_EMULATED)
    else:
        yield _unknown(aim)
    aim = f"{what}, for both platforms: at most {BOTH_PLATFORMS}× the time of its own alone"
    if amd64 and both:
        ratio = both.seconds / amd64.seconds
        text = f"{ratio:.2f}× ({seconds(both.seconds)} s, {seconds(amd64.seconds)} s)"
        yield Verdict(aim, text, ratio <= BOTH_PLATFORMS)
    else:
        yield _unknown(aim)


def _services(measured: Measured, notes: Mapping[str, object]) -> Iterator[Verdict]:
    aim = "40 services, one changed: one bake invocation"
    bakes = notes.get(f"{MANY}-bakes")
    yield Verdict(aim, str(bakes), bakes == 1) if isinstance(bakes, int) else _unknown(aim)
    aim = f"40 services, one changed: `whalebuild plan` < {PLAN_SECONDS} s"
    if plan := measured.get(f"{MANY}-plan", SHAPES[0]):
        yield Verdict(aim, f"{seconds(plan.seconds)} s", plan.seconds < PLAN_SECONDS)
    else:
        yield _unknown(aim)


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
