"""What whalebuild promises, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wbbench.samples import Summary
from wbbench.units import seconds, size

SMALL = 32_000
MANY = "services-40"


@dataclass(frozen=True)
class Verdict:
    """One promise: what was promised, what was measured, and whether that is enough."""

    promise: str
    measured: str
    kept: bool


class Measured:
    """The summaries by scenario, shape and way; only those with numbers."""

    def __init__(self, summaries: Sequence[Summary]) -> None:
        self._by_key = {(s.scenario, s.shape, s.way): s for s in summaries if s.good}

    def get(self, scenario: str, shape: str, way: str = "whalebuild") -> Summary | None:
        """The summary, if there is one."""
        return self._by_key.get((scenario, shape, way))


def verdicts(summaries: Sequence[Summary], notes: Mapping[str, object]) -> list[Verdict]:
    """Judge whatever was measured."""
    measured = Measured(summaries)
    found: list[Verdict] = []
    for shape in ("from", "copy"):
        found += _code_only(measured, shape)
        found += _nothing(measured, shape)
    return [*found, *_dependency(measured), *_services(measured, notes), *_tags(notes)]


def _code_only(measured: Measured, shape: str) -> Iterator[Verdict]:
    what = f"fresh runner, code-only, shape `{shape}`"
    ours = measured.get("code", shape)
    if not ours:
        return
    down = ours.down + ours.base_down
    yield Verdict(f"{what}: ≤ 32 kB down", size(down), down <= SMALL)
    layer = int(ours.middle(lambda sample: sample.code_layer))
    limit = layer + SMALL
    yield Verdict(
        f"{what}: ≤ {size(limit)} up (code layer + 32 kB)", size(ours.up), ours.up <= limit
    )
    if floor := measured.get("code", shape, "floor"):
        yield Verdict(
            f"{what}: ≤ the floor's {seconds(floor.seconds)} s + 0.9 s",
            f"{seconds(ours.seconds)} s",
            ours.seconds <= floor.seconds + 0.9,
        )
    if hand := measured.get("code", shape, "by-hand"):
        ratio = hand.seconds / ours.seconds
        yield Verdict(f"{what}: at least 10× less time than by hand", f"{ratio:.1f}×", ratio >= 10)  # noqa: PLR2004


def _nothing(measured: Measured, shape: str) -> Iterator[Verdict]:
    what = f"fresh runner, nothing changed, shape `{shape}`"
    if ours := measured.get("nothing", shape):
        yield Verdict(f"{what}: ≤ 6 requests", str(ours.requests), ours.requests <= 6)  # noqa: PLR2004
        yield Verdict(f"{what}: ≤ 1.0 s", f"{seconds(ours.seconds)} s", ours.seconds <= 1.0)
        builds = max(sample.builds or 0 for sample in ours.good)
        yield Verdict(f"{what}: no build", f"{builds} targets built", builds == 0)
        yield Verdict(f"{what}: nothing uploaded", size(ours.up), ours.up == 0)


def _dependency(measured: Measured) -> Iterator[Verdict]:
    ours, usual = (measured.get("dependency", "from", way) for way in ("whalebuild", "max"))
    if not ours or not usual:
        return
    what = "fresh runner, one dependency added: at most"
    yield Verdict(
        f"{what} the {seconds(usual.seconds)} s of `max`",
        f"{seconds(ours.seconds)} s",
        ours.seconds <= usual.seconds,
    )
    mine, theirs = (s.down + s.base_down + s.up for s in (ours, usual))
    yield Verdict(f"{what} the {size(theirs)} of `max`, both ways", size(mine), mine <= theirs)


def _tags(notes: Mapping[str, object]) -> Iterator[Verdict]:
    tags = notes.get("tags", {}).get("whalebuild")
    if tags:
        kept = tags == ["deps", "latest"]
        yield Verdict(
            "the repository's tags are exactly `deps` and `latest`", ", ".join(tags), kept
        )


def _services(measured: Measured, notes: Mapping[str, object]) -> Iterator[Verdict]:
    if plan := measured.get(f"{MANY}-plan", "from"):
        kept = plan.seconds < 3  # noqa: PLR2004
        yield Verdict("40 services: `whalebuild plan` < 3 s", f"{seconds(plan.seconds)} s", kept)
    bakes = notes.get(f"{MANY}-bakes")
    if isinstance(bakes, int):
        yield Verdict("40 services, one changed: one bake invocation", str(bakes), bakes == 1)
    one, ten, forty = (measured.get(f"services-{count}", "from") for count in (1, 10, 40))
    if one and ten and forty:
        early = (ten.requests - one.requests) / 9
        late = (forty.requests - ten.requests) / 30
        text = f"{early:.1f} a service from 1 to 10, {late:.1f} from 10 to 40"
        # Linear: the slope does not grow; a request of slack for what is shared by the first.
        yield Verdict("requests are linear in the number of services", text, late <= early + 1)
