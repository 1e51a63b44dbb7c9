"""Any sequence of deploys, failures, rollbacks and prunes: the record and the host agree.

A host is what runs, and which images it has. It is driven by the decisions that a deploy takes
from the record alone, and compared with what the record says after every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.properties import examples
from tests.support.record import AT, text, version
from whalebuild.deployments.history import (
    digests,
    effective,
    good_deployments,
    interrupted_services,
    next_number,
    reasons_to_keep,
    recorded_versions,
    rollback_target,
    state_after,
    state_now,
)
from whalebuild.deployments.record import (
    Begun,
    DeploymentKind,
    Ended,
    Entry,
    History,
    Outcome,
    Versions,
    Warmed,
)
from whalebuild.deployments.record_format import read_history
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference

SERVICES = ("web", "db", "log")
BAD = (Outcome.FAILED, Outcome.INTERRUPTED)
Running = dict[str, Reference | None]

versions = st.sampled_from(list("1234"))
outcomes = st.sampled_from([*[Outcome.DONE] * 6, *Outcome])
wanted = st.dictionaries(st.sampled_from(SERVICES), versions, min_size=1)
steps = st.one_of(
    st.tuples(st.just("deploy"), wanted, outcomes, st.booleans()),
    st.tuples(st.just("rollback"), st.none() | st.integers(0, 20), outcomes),
    st.tuples(st.just("prune"), st.integers(1, 4)),
    st.tuples(st.just("warm"), st.sampled_from(SERVICES), versions),
)


def kept(history: History, keep: int) -> frozenset[str]:
    return frozenset(reasons_to_keep(history, keep))


@dataclass
class Host:
    """A host and its record.

    Attributes:
        good: The states that good deployments left behind, by number.
        known: What runs as far as somebody has looked.
        doubtful: Services that an interrupted deployment may have switched, or not.
    """

    running: Running
    images: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    good: dict[int, Running] = field(default_factory=dict)
    known: Running = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.images |= digests_of(self.running.values())
        self.known = dict(self.running)

    @property
    def history(self) -> History:
        return read_history(text(self.entries))

    def deploy(self, chosen: Mapping[str, str], outcome: Outcome, half: bool) -> None:
        self.switch({s: version(v, s) for s, v in chosen.items()}, outcome, half=half)

    def rollback(self, choice: int | None, outcome: Outcome) -> None:
        good = tuple(good_deployments(self.history))
        number = None if choice is None or not good else good[choice % len(good)]
        try:
            target = rollback_target(self.history, number)
        except UsageError:
            assert number is None
            return
        state = state_after(self.history, target.number)
        versions = {name: version for name, version in state.items() if version}
        self.switch(versions, outcome, to=target.number)

    def switch(
        self, versions: Versions, outcome: Outcome, *, to: int | None = None, half: bool = True
    ) -> None:
        """What deploy and rollback do: pull, note the begin, switch, note the end."""
        self.images |= digests_of(versions.values())
        number = next_number(self.history)
        before = {service: self.running[service] for service in versions}
        act = DeploymentKind.ROLLBACK if to else DeploymentKind.DEPLOY
        self.entries.append(Begun(number, act, AT, versions, before, to))
        names = list(versions)
        reached = names[: len(names) // 2] if half and outcome in BAD else names
        if outcome is not Outcome.ROLLED_BACK:
            self.running |= {name: versions[name] for name in reached}
        if outcome is Outcome.INTERRUPTED:
            self.doubtful |= set(names)
            return
        self.doubtful -= set(names)
        found = {name: self.running[name] for name in names}
        self.known |= found
        self.entries.append(Ended(number, outcome, AT, found))
        if outcome is Outcome.DONE:
            self.good[number] = dict(self.known)

    def prune(self, keep: int) -> None:
        had = set(self.images)
        needed = kept(self.history, keep) | digests_of(self.running.values())
        self.images -= digests_of(recorded_versions(self.history)) - needed
        assert not self.needed(keep) & (had - self.images)

    def needed(self, keep: int) -> set[str]:
        """What the last good deployments brought, each state counted once."""
        seen: list[dict[str, str | None]] = []
        for number in reversed(self.good):
            state = only(self.good[number], state_now(self.history))
            if state not in seen:
                seen.append(state)
        return {digest for state in seen[:keep] for digest in state.values() if digest}

    def warm(self, service: str, name: str) -> None:
        self.images.add(str(version(name, service).digest))
        self.entries.append(Warmed(AT, service, version(name, service)))


def digests_of(versions: Iterable[Reference | None]) -> set[str]:
    return {version.digest for version in versions if version and version.digest}


def only(state: Versions, names: Iterable[str]) -> dict[str, str | None]:
    return digests({name: state[name] for name in names})


def agree(host: Host) -> None:
    """What must hold after every step."""
    history = host.history
    assert not history.damaged
    switches = [each for each in host.entries if not isinstance(each, Warmed)]
    ahead = [each for each in host.entries if isinstance(each, Warmed)]
    assert (_entries(history), list(history.warmed)) == (switches, ahead)
    now = state_now(history)
    sure = set(now) - interrupted_services(history)
    assert only(now, sure) == only(host.running, sure)
    assert interrupted_services(history) == host.doubtful
    assert digests_of(host.running.values()) <= host.images
    good = effective(history)
    if good and history.deployments[-1].outcome not in BAD and not interrupted_services(history):
        meant = state_after(history, good.number)
        failed = _left_by_failures(history)
        names = {name for name in meant if meant[name]} - failed
        assert only(meant, names) == only(host.running, names)


def _left_by_failures(history: History) -> set[str]:
    """Services that a deployment which failed has left at what nobody meant to run."""
    left: set[str] = set()
    for each in history.deployments:
        names = set(each.begun.services)
        left = left - names if each.outcome is Outcome.DONE else left
        left |= names if each.outcome in BAD else set()
    return left


def _entries(history: History) -> list[Entry]:
    """Begins and ends, as they were written."""
    told: list[Entry] = []
    for each in history.deployments:
        told += [each.begun, *([each.ended] if each.ended else [])]
    return told


def one(draw: tuple[object, ...], host: Host) -> None:
    verb, *rest = draw
    getattr(host, str(verb))(*rest)
    agree(host)


@settings(max_examples=examples(gate=40, extended=500))
@given(
    st.dictionaries(st.sampled_from(SERVICES), versions), st.lists(steps, min_size=10, max_size=25)
)
def test_the_record_and_the_host_agree(
    first: dict[str, str], sequence: list[tuple[object, ...]]
) -> None:
    host = Host({s: version(first[s], s) if s in first else None for s in SERVICES})
    for step in sequence:
        one(step, host)
