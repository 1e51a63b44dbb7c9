"""All that the doctor asks, with given answers: all is well unless a test says otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.support.builders import OWN, FakeBuilders
from tests.support.engine import FakeEngine, definition
from tests.support.planner import plan
from tests.support.registry import FakeRegistry
from tests.support.retrier import patiently
from whalebuild.doctor.answers import Choice, ask_all
from whalebuild.doctor.asking import Questions
from whalebuild.doctor.examine import examine
from whalebuild.doctor.facts import (
    LINUX,
    AuthorityFacts,
    ClientFacts,
    DiskFacts,
    EngineAddress,
    EngineFacts,
    LintWarning,
    LoginFacts,
    Ping,
    ProxyFacts,
    Use,
)
from whalebuild.doctor.finding import Result
from whalebuild.doctor.machine_checks import MachineChecks
from whalebuild.doctor.pair_checks import PairChecks
from whalebuild.doctor.project_checks import ProjectChecks
from whalebuild.doctor.registry_answers import ask_registries
from whalebuild.doctor.registry_checks import RegistryChecks
from whalebuild.errors import WhalebuildError
from whalebuild.failures.failure import Failure, RequestFailedError
from whalebuild.plan.plan import Plan
from whalebuild.runtime.threads import Submit
from whalebuild.settings import Settings

IMAGE = "acme.test/web"
GIGA = 10**9


def give(value: Any) -> Any:
    """The answer, or the error that it is, or what a function answers."""
    if isinstance(value, BaseException):
        raise value
    return value() if callable(value) else value


@dataclass
class FakeClinic:
    """Every question of ``doctor.ports``; an answer may be an error, or a function."""

    client_: Any = field(default_factory=lambda: ClientFacts("/usr/bin/docker", "version 28.5.2"))
    buildx: Any = "github.com/docker/buildx v0.29.1 abc"
    compose: Any = "Docker Compose version v2.40.3"
    engine_: Any = field(
        default_factory=lambda: EngineFacts("28.5.2", True, "linux/amd64", ahead=0.1)
    )
    lint_: Any = field(default_factory=dict)
    plan_: Any = field(default_factory=lambda: _planned(ask=False))
    decided_: Any = field(default_factory=lambda: _planned(ask=True))
    ping_: Any = field(default_factory=lambda: Ping(200, f"https://{IMAGE}/v2", 0.2))
    lost: tuple[str, ...] = ()
    disks_: tuple[DiskFacts, ...] = (DiskFacts("the temporary folder", "/tmp", GIGA * 9, GIGA * 9),)
    settings: Settings = field(default_factory=Settings)
    broken: WhalebuildError | None = None
    warnings: tuple[str, ...] = ()
    builders: FakeBuilders = field(default_factory=lambda: FakeBuilders({"default": OWN}))
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    choice: Choice = field(default_factory=Choice)
    seconds: float = 20.0
    linted: list[Mapping[str, Any]] = field(default_factory=list)

    # doctor.ports.DockerQuestions

    def client(self) -> ClientFacts:
        return give(self.client_)

    def client_elsewhere(self) -> str | None:
        return None

    def plugin(self, name: str) -> str:
        return give({"buildx": self.buildx, "compose": self.compose}[name])

    def address(self) -> EngineAddress:
        return EngineAddress("unix:///var/run/docker.sock", 'context "default"')

    def engine(self) -> EngineFacts:
        return give(self.engine_)

    def uses(self) -> tuple[Use, ...]:
        return ()

    def lint(
        self, definition: Mapping[str, Any], builder: str | None
    ) -> Mapping[str, tuple[LintWarning, ...]]:
        self.linted.append(definition)
        return give(self.lint_)

    # doctor.ports.RegistryQuestions

    def ping(self, registry: str) -> Ping:
        found = give(self.ping_)
        if isinstance(found, Failure):
            raise RequestFailedError(found)
        return found

    def login(self, registry: str) -> LoginFacts:
        return LoginFacts("")

    def lost_blobs(self, repository: str, digests: Iterable[str]) -> tuple[str, ...]:
        return self.lost

    # doctor.ports.MachineQuestions

    def disks(self, data_root: str | None) -> tuple[DiskFacts, ...]:
        return self.disks_

    def proxies(self) -> tuple[ProxyFacts, ...]:
        return ()

    def proxy_of(self, registry: str) -> str | None:
        return None

    def connect(self, proxy: ProxyFacts) -> ProxyFacts:
        return proxy

    def authorities(self) -> tuple[AuthorityFacts, ...]:
        return ()

    # doctor.ports.ProjectQuestions

    def read(self) -> Plan | None:
        return give(self.plan_)

    def decided(self) -> Plan:
        return give(self.decided_)

    def examine(self, *, push: bool = True) -> dict[str, Result]:
        """Run all checks."""
        submit = Submit(256)
        ask = Questions(submit, time.monotonic, self.seconds)
        registry = patiently(self.registry, 1)
        answers = ask_all(ask, self, self.builders, self, self.choice)
        known = ask_registries(answers, self.settings, self, ask)
        machine = MachineChecks(
            *(answers, self, self.builders, self, self, self.choice), LINUX, ask
        )
        last = RegistryChecks(known, registry, self, ask, push, LINUX)
        checks = [
            *(*machine.checks(), *last.machine_checks()),
            *ProjectChecks(answers, self, self, ask).checks(),
            *(*last.checks(), *PairChecks(known, registry, self, ask).checks()),
        ]
        begun = examine(checks, submit, time.monotonic)
        return {each.check.name: each.result() for each in begun}


def _planned(*, ask: bool) -> Any:
    engine = FakeEngine(definition({"app": {"tags": [f"{IMAGE}:latest"]}}))
    return partial(plan, engine, ask=ask)
