"""A project, its engine, a registry and a record on disk: deploys from the plan to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.console import FakeConsole
from tests.support.host import FakeHost
from tests.support.project import NOW, FakeProject, model, service
from tests.support.record import AT
from tests.support.registry import FakeRegistry, push_app
from tests.support.retrier import patient
from whalebuild.compose.model import Service, UpdateOrder
from whalebuild.deploy.back import GoBack
from whalebuild.deploy.compose_up import ComposeUp
from whalebuild.deploy.configuration import configurations_after
from whalebuild.deploy.configurer import Configurer
from whalebuild.deploy.deadline import ComposeWatch, Deadline
from whalebuild.deploy.deployer import Deployer
from whalebuild.deploy.health_wait import HealthWait
from whalebuild.deploy.history import rollback_target, state_after
from whalebuild.deploy.hooks import HookRunner
from whalebuild.deploy.jobs import Jobs
from whalebuild.deploy.plan import DeployPlan, running_of
from whalebuild.deploy.planner import DeployPlanner
from whalebuild.deploy.pull import Puller
from whalebuild.deploy.record import DeploymentKind, Entry, History
from whalebuild.deploy.result import DeployResult
from whalebuild.deploy.start_first import StartFirst
from whalebuild.deploy.switch import Switcher
from whalebuild.hooks import Hooks
from whalebuild.oci.reference import Reference
from whalebuild.published.lookup import ManifestLookup
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.state.configurations import FileConfigurations
from whalebuild.state.records import FileRecord

Line = Callable[[str], None]
Watch = Callable[[], None]
UNHEALTHY: dict[str, object] = {"health": "unhealthy", "health_log": "connection refused"}
ENDED: dict[str, object] = {"status": "exited", "exit_code": 3}


class KilledError(BaseException):
    """Stands for SIGKILL: fakes do nothing after it, not even in ``finally``."""


@dataclass
class Life:
    """The life of a process that may be killed.

    Attributes:
        left: Steps until it is killed; None if it is not.
        killed: Whether it was killed.
        ends: A condition under which it is killed at the next step.
    """

    left: int | None = None
    killed: bool = False
    ends: Callable[[], bool] = lambda: False

    def step(self) -> None:
        if self.ends():
            self.left = 0
        if self.left is None:
            return
        if self.left == 0:
            self.killed = True
            raise KilledError
        self.left -= 1


class MortalRecord(FileRecord):
    """A record on disk; the process may be killed before and after each entry."""

    def __init__(self, folder: Path, life: Life) -> None:
        super().__init__(folder, "ENGINE", "shop")
        self.life = life

    def add(self, entry: Entry) -> None:
        self.life.step()
        super().add(entry)
        self.life.step()


@dataclass
class Clock:
    """Time that passes only in ``sleep``."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeInterrupts:
    """Signals of a test.

    Attributes:
        came: Whether there was one.
        held_now: How often they are held at the moment.
    """

    came: bool = False
    held_now: int = 0
    output_dropped: bool = False

    @contextmanager
    def held(self) -> Iterator[None]:
        self.held_now += 1
        try:
            yield
        finally:
            self.held_now -= 1

    def check(self) -> None:
        pass

    def drop_output(self) -> None:
        self.output_dropped = True


@dataclass
class FakeCommands:
    """A ``deploy.ports.Commands`` that notes what it is asked for.

    Attributes:
        asked: Where, which words, and with which variables.
        codes: Exit codes by the moment; a word of another kind hangs. Else 0.
    """

    clock: Clock
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    codes: dict[str, int | None] = field(default_factory=dict)

    def run(self, words: Sequence[str], env: Mapping[str, str], line: Line, watch: Watch) -> int:
        return self._run("here", words, env, line, watch)

    def run_in(
        self, container: str, words: Sequence[str], env: Mapping[str, str], line: Line, watch: Watch
    ) -> int:
        return self._run(container, words, env, line, watch)

    def run_once(
        self,
        service: str,
        image: Reference | None,
        words: Sequence[str],
        env: Mapping[str, str],
        line: Line,
        watch: Watch,
    ) -> int:
        return self._run(f"{service} {image}", words, env, line, watch)

    def _run(
        self, where: str, words: Sequence[str], env: Mapping[str, str], line: Line, watch: Watch
    ) -> int:
        self.asked.append((where, words[-1], dict(env)))
        line(f"this is {words[-1]}")
        code = self.codes.get(env["WHALEBUILD_HOOK"], 0)
        while code is None:
            self.clock.sleep(0.5)
            watch()
        return code


@dataclass
class DeployWorld:
    """Everything that deploys read and write; each command makes its own planner and deployer."""

    folder: Path
    services: Sequence[Service] = (service("web"),)
    life: Life = field(default_factory=Life)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    console: FakeConsole = field(default_factory=FakeConsole)
    clock: Clock = field(default_factory=Clock)
    timeout: float = 30.0
    grace: float = 2.0
    hooks: Hooks = field(default_factory=dict)
    shareable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        made = model(*self.services)
        self.project = FakeProject(
            made, registry=self.registry, step=self.life.step, sleep=self.clock.sleep
        )
        self.host = FakeHost(self.project)
        self.record = MortalRecord(self.folder, self.life)
        self.configurations = FileConfigurations(self.record.configurations)
        self.deadline = Deadline(self.timeout, self.clock)
        self.interrupts = FakeInterrupts()
        self.commands = FakeCommands(self.clock)

    @property
    def history(self) -> History:
        return self.record.read()

    def publish(
        self, content: str, name: str = "web", looks: dict[str, object] | None = None
    ) -> Reference:
        """Publish a version of a service; ``looks`` are fields of its containers."""
        named = self.project.made.services[name].image
        assert named
        made = push_app(self.registry, named, f"{name} {content}")
        self.project.looks[str(made.digest)] = looks or {}
        return made

    def planner(self) -> DeployPlanner:
        retrier = patient(2, self.console.note)
        lookup = ManifestLookup(RetryingRegistry(self.registry, retrier))
        return DeployPlanner(
            *(self.project, self.host, lookup, self.history, self.configurer(), self.shareable),
            grace=self.grace,
            now=lambda: NOW,
        )

    def configurer(self) -> Configurer:
        return Configurer(self.project, self.configurations, self.history, self.shareable)

    def health(self) -> HealthWait:
        return HealthWait(*(self.project, self.console, self.timeout, self.grace), clock=self.clock)

    def switcher(self) -> Switcher:
        compose = ComposeUp(self.project, ComposeWatch(self.project, self.console, self.deadline))
        start_first = StartFirst(
            *(self.project, self.console, compose, self.health(), self.deadline, self.clock.sleep)
        )
        return Switcher(
            *(self.project, self.console, compose, start_first, self.health(), self.deadline)
        )

    def deployer(self, planner: DeployPlanner, *, go_back: bool = True) -> Deployer:
        project, console, sleep = self.project, self.console, self.clock.sleep
        switcher = self.switcher()
        return Deployer(
            project,
            self.record,
            self.configurations,
            planner,
            Puller(project, patient(2, console.note), console),
            HookRunner(self.commands, project.containers, console, self.deadline, self.hooks),
            Jobs(project, console, switcher.compose, switcher.health, self.deadline, sleep),
            switcher,
            GoBack(*(project, console, switcher, self.deadline, self.interrupts, go_back, sleep)),
            self.deadline,
            self.interrupts,
            console,
            now=lambda: AT,
            clock=self.clock,
        )

    def plan(self, *names: str, order: UpdateOrder | None = None) -> DeployPlan:
        return self.planner().deploy(names, order)

    def deploy(
        self, *names: str, order: UpdateOrder | None = None, go_back: bool = True
    ) -> DeployResult:
        planner = self.planner()
        plan = planner.deploy(names, order)
        return self.deployer(planner, go_back=go_back).deploy(plan)

    def rollback(self, number: int | None = None, order: UpdateOrder | None = None) -> DeployResult:
        history, planner = self.history, self.planner()
        other = number is None and planner.runs_other()
        target = rollback_target(history, number, runs_other=other)
        by = configurations_after(history, target.number)
        versions, brought = state_after(history, target.number), target.begun.configurations
        plan = planner.rollback(versions, order, by, brought)
        return self.deployer(planner).deploy(plan, DeploymentKind.ROLLBACK, target.number)

    def runs(self, name: str = "web") -> list[str]:
        """The images of a service's running containers."""
        return [each.image for each in running_of(self.project.running, name)]

    def asked(self, *verbs: str) -> list[tuple[object, ...]]:
        """The calls of these methods of the project."""
        return [each for each in self.project.asked if each[0] in verbs]
