"""The checks of what is there without a registry: client, engine, builder, disks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from whalebuild.builder.capabilities import trials
from whalebuild.builder.ports import Builders
from whalebuild.doctor.answers import DOCKER, Answers, Choice
from whalebuild.doctor.asking import Questions
from whalebuild.doctor.builder import judge_builder, judge_platforms, judge_trial, run_lines
from whalebuild.doctor.client import judge_buildx, judge_client, judge_compose
from whalebuild.doctor.engine import judge_engine, judge_store
from whalebuild.doctor.examine import Check
from whalebuild.doctor.facts import EngineFacts
from whalebuild.doctor.finding import Finding, skipped
from whalebuild.doctor.machine import ENGINE_DISK, is_tight, judge_disks
from whalebuild.doctor.ports import DockerQuestions, MachineQuestions, ProjectQuestions
from whalebuild.errors import WhalebuildError
from whalebuild.oci.platform import LOCAL
from whalebuild.plan.placement import Placement, placements_of
from whalebuild.plan.plan import Plan
from whalebuild.values import dataclass

_NO_CLIENT = "there is no docker client"


@dataclass(frozen=True)
class MachineChecks:
    """Checks of the machine.

    Attributes:
        system: This machine's, as Python names it.
    """

    answers: Answers
    docker: DockerQuestions
    builders: Builders
    machine: MachineQuestions
    project: ProjectQuestions
    choice: Choice
    system: str
    ask: Questions

    def checks(self) -> tuple[Check, ...]:
        """All of them, in their order."""
        return (
            Check("client", "docker client", self._client),
            Check("buildx", "buildx", self._buildx),
            Check("compose", "compose", self._compose),
            Check("engine", "engine", self._engine),
            Check("store", "image store", self._store),
            Check("builder", "builder", self._builder),
            Check("build", "trial build", self._trial),
            Check("platforms", "platforms", self._platforms),
            Check("disk", "disk", self._disks),
        )

    def _client(self) -> Iterator[Finding]:
        elsewhere = self.docker.client_elsewhere() if self.answers.no_client else None
        yield judge_client(self.answers.client.answer(), elsewhere)

    def _buildx(self) -> Iterator[Finding]:
        said = self.answers.buildx.answer()
        yield skipped(_NO_CLIENT) if self.answers.no_client else judge_buildx(said)

    def _compose(self) -> Iterator[Finding]:
        said = self.answers.compose.answer()
        yield skipped(_NO_CLIENT) if self.answers.no_client else judge_compose(said)

    def _engine(self) -> Iterator[Finding]:
        found = self.answers.engine.answer()
        if isinstance(found, WhalebuildError) and self.answers.no_client:
            yield skipped(_NO_CLIENT)
            return
        yield judge_engine(found, self.docker.address(), self.system, self.answers.driver)

    def _store(self) -> Iterator[Finding]:
        engine = self.answers.engine.answer()
        yield judge_store(engine, self.answers.driver, auto=self.choice.auto)

    def _builder(self) -> Iterator[Finding]:
        found, driver = self.answers.builder.answer(), self.answers.driver
        down = isinstance(self.answers.engine.answer(), WhalebuildError)
        if why := self.answers.no_buildx:
            yield skipped(why)
        elif down and driver in {None, DOCKER} and self.choice.name is None:
            yield skipped("it is the engine's own, which does not answer")
        else:
            yield judge_builder(found, self.choice.name, self.choice.chosen_by)

    def _trial(self) -> Iterator[Finding]:
        found, facts = self.answers.builder.answer(), self.answers.facts
        if facts is None or isinstance(found, WhalebuildError):
            yield skipped(self.answers.no_builder or "there is no builder")
            return
        if not facts.containerd_store:
            yield skipped("this image store exports no cache")
            return
        for trial in trials(found)[:1]:
            build = partial(self.builders.try_build, found.name, trial.arguments)
            ended = self.ask.ask(f'builder "{found.name}"', build).answer()
            yield judge_trial(ended if isinstance(ended, WhalebuildError) else None)

    def _platforms(self) -> Iterable[Finding]:
        facts, plan = self.answers.facts, self.answers.plan.answer()
        if facts is None:
            return [skipped(self.answers.no_builder or "there is no builder")]
        wanted = list(self.project.settings.platform)
        placements: list[Placement] = []
        if isinstance(plan, Plan):
            wanted += plan.platforms
            for runs in run_lines((*plan.deps, *plan.apps), facts.platform):
                placements += placements_of([runs], facts.nodes)
        own = facts.platform or LOCAL
        platforms = [own if each == LOCAL else each for each in wanted or [own]]
        return judge_platforms(placements, facts.nodes, platforms)

    def _disks(self) -> Iterable[Finding]:
        engine = self.answers.engine.answer()
        root = engine.data_root if isinstance(engine, EngineFacts) else None
        disks = self.machine.disks(root)
        tight = any(is_tight(disk) and disk.what == ENGINE_DISK for disk in disks)
        uses = self.ask.ask("the engine", self.docker.uses).answer() if tight else ()
        return judge_disks(disks, () if isinstance(uses, WhalebuildError) else uses)
