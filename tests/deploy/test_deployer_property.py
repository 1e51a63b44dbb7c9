"""Any sequence of deploys, failures, kills, rollbacks and prunes, planned and carried out.

The record and what runs agree after every command that was not killed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.deploy import ENDED, UNHEALTHY, DeployWorld, KilledError
from tests.support.project import service
from tests.support.properties import examples
from tests.support.registry import BUSY
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.prune import prune
from whalebuild.deployments.history import (
    digests,
    good_deployments,
    interrupted_services,
    left_unfinished,
    state_after,
    state_now,
    unconfirmed_services,
)
from whalebuild.deployments.record import DeploymentKind, Outcome
from whalebuild.errors import DeployError, UnreachableError, UsageError, WhalebuildError

SERVICES = (
    service("web", replicas=2, networks={"default": ("shop",)}),
    service("api", exclusive="it publishes port 80"),
    service("log", pull_policy="always", order=UpdateOrder.START_FIRST),
)
NAMES = [each.name for each in SERVICES]
LOOKS = {"1": {}, "2": {}, "3": {}, "sick": UNHEALTHY, "ends": ENDED}

some = st.lists(st.sampled_from(NAMES), unique=True, max_size=2).map(tuple)
orders = st.sampled_from([None, *UpdateOrder])
contents = st.sampled_from(["1", "2", "3", "1", "2", "3", "sick", "ends"])


class Deployments(RuleBasedStateMachine):
    """A host and whoever works on it; the commands that a user has are its rules."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="whalebuild-test-"))
        self.world = DeployWorld(self.folder, SERVICES)
        # Services that run what no command of whalebuild's has started, or nobody knows.
        self.changed: set[str] = set()
        # What was started by hand runs, and is taken as it is.
        self.found: set[str] = set()
        for name in NAMES:
            self.world.publish("1", name)

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(name=st.sampled_from(NAMES), content=contents)
    def publish(self, name: str, content: str) -> None:
        self.world.publish(content, name, LOOKS[content])

    @rule(names=some, order=orders, go_back=st.sampled_from([True, True, False]))
    def deploy(self, names: tuple[str, ...], order: UpdateOrder | None, go_back: bool) -> None:
        if not self.ended(lambda: self.world.deploy(*names, order=order, go_back=go_back)):
            self.works(names or NAMES)

    @rule(number=st.none() | st.integers(0, 30), order=orders)
    def rollback(self, number: int | None, order: UpdateOrder | None) -> None:
        number = self.good(number)
        before = self.running()
        found = self.ended(lambda: self.world.rollback(number, order))
        if isinstance(found, UsageError):
            assert number is None, "a good one can be gone back to"
            assert self.running() == before
        if found is None:
            state = state_after(self.world.history, number) if number else {}
            self.works([name for name, version in state.items() if version])

    @rule(names=some, order=orders, steps=st.integers(0, 120))
    def killed_deploy(self, names: tuple[str, ...], order: UpdateOrder | None, steps: int) -> None:
        self.killed(lambda: self.world.deploy(*names, order=order), steps)

    @rule(number=st.none() | st.integers(0, 30), order=orders, steps=st.integers(0, 120))
    def killed_rollback(self, number: int | None, order: UpdateOrder | None, steps: int) -> None:
        self.killed(lambda: self.world.rollback(self.good(number), order), steps)

    @rule(names=some)
    def deploy_while_the_registry_is_down(self, names: tuple[str, ...]) -> None:
        before, entries = self.running(), self.world.record.path.exists() and self.text()
        self.world.registry.down = BUSY
        try:
            self.world.deploy(*names)
        except UnreachableError:
            pass
        else:
            raise AssertionError("tags cannot have been resolved")
        finally:
            self.world.registry.down = ""
        assert self.running() == before
        assert (self.world.record.path.exists() and self.text()) == entries

    @rule(name=st.sampled_from(NAMES))
    def change_by_hand(self, name: str) -> None:
        """``docker compose pull NAME && docker compose up --detach NAME``."""
        before = self.running()
        self.world.project.pull_tag(name)
        self.world.project.up([name], images={})
        self.changed |= {name} if self.running() != before else set()
        self.found |= set(self.world.runs(name))

    @precondition(lambda self: self.world.history.deployments)
    @rule(keep=st.integers(1, 4), choice=st.integers(0, 3))
    def prune_and_go_back(self, keep: int, choice: int) -> None:
        """What ``prune`` keeps is whole: going back to it takes no registry."""
        world, before = self.world, self.running()
        had = {image.id for image in world.host.images()}
        prune(world.project, world.host, {"shop": world.history}, keep, dry_run=False)
        assert self.running() == before
        there = {image.id for image in world.host.images()}
        assert {image for images in before.values() for image in images} <= there
        kept = []
        for number in self.last_states(keep):
            state = state_after(world.history, number)
            needed = {each.digest for each in state.values() if each}
            assert needed & had <= there
            kept += [number] if needed <= there else []  # unless an earlier prune kept less
        if kept:
            world.registry.down = BUSY
            number = kept[choice % len(kept)]
            try:
                self.ended(lambda: world.rollback(number))
            finally:
                world.registry.down = ""

    @invariant()
    def the_record_is_whole(self) -> None:
        history = self.world.history
        assert not history.damaged
        numbers = [each.number for each in history.deployments]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [each.ended is None or each.ended.number for each in history.deployments] == [
            each.ended is None or each.number for each in history.deployments
        ]

    @invariant()
    def the_record_says_what_runs(self) -> None:
        history, runs = self.world.history, self.running()
        unknown = interrupted_services(history) | self.changed
        for name, digest in digests(state_now(history)).items():
            if name not in unknown:
                assert set(runs[name]) == ({digest} if digest else set()), name

    def ended(self, command: Callable[[], object]) -> WhalebuildError | None:
        """Run a command to its end, and compare what it says with what runs."""
        before = {name: set(images) for name, images in self.running().items()}
        # What did not run before is left as it is: there is nothing to go back to. Of what an
        # unfinished deployment has left, it goes back to the good version before that.
        doubt = unconfirmed_services(self.world.history)
        doubt |= self.changed if left_unfinished(self.world.history) else set()
        same = [name for name in before if before[name] and name not in doubt]
        last = len(self.world.history.deployments)
        failed: WhalebuildError | None = None
        try:
            command()
        except (DeployError, UsageError) as error:
            failed = error
        new = self.world.history.deployments[last:]
        self.changed -= {name for each in new for name in each.begun.services}
        assert all(each.ended for each in new)
        if new and new[-1].outcome is Outcome.ROLLED_BACK:
            assert isinstance(failed, DeployError)
            assert [set(self.world.runs(name)) for name in same] == [before[n] for n in same]
        if (
            new
            and new[-1].outcome is Outcome.DONE
            and new[-1].begun.act is not DeploymentKind.FOUND
        ):
            assert failed is None
        if not isinstance(failed, UsageError):  # there was nothing to be done
            assert not any(each.trial for each in self.world.project.running)
        return failed

    def works(self, names: Iterable[str]) -> None:
        """These services run as the record has it, with as many containers as wanted, all well."""
        history = self.world.history
        assert interrupted_services(history).isdisjoint(names)
        for name in names:
            mine = [each for each in self.world.project.running if each.service == name]
            recorded = state_now(history)[name]
            assert recorded
            assert {each.image for each in mine} == {recorded.digest}
            assert len(mine) == self.world.project.made.services[name].replicas
            if recorded.digest not in self.found:
                assert all(each.status == "running" and not each.health for each in mine)

    def killed(self, command: Callable[[], object], steps: int) -> None:
        life = self.world.life
        life.left, life.killed = steps, False
        try:
            self.ended(command)
        except KilledError:
            pass
        else:
            assert not life.killed, "nobody outlives SIGKILL"
        finally:
            life.left = None

    def running(self) -> dict[str, list[str]]:
        return {name: self.world.runs(name) for name in NAMES}

    def text(self) -> str:
        return self.world.record.path.read_text()

    def good(self, choice: int | None) -> int | None:
        good = tuple(good_deployments(self.world.history))
        return None if choice is None or not good else good[choice % len(good)]

    def last_states(self, keep: int) -> list[int]:
        """The last good deployments whose states differ, as many as are kept."""
        history, found, seen = self.world.history, [], []
        for number in reversed(tuple(good_deployments(history))):
            meant = good_deployments(history).get(number)
            assert meant
            state = digests(state_after(history, meant.number))
            if state in seen:
                continue
            if len(seen) == keep:
                break
            seen.append(state)
            found.append(meant.number)
        return found


Deployments.TestCase.settings = settings(
    max_examples=examples(gate=20, extended=250), stateful_step_count=25
)
TestDeployments = Deployments.TestCase
