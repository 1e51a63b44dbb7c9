"""What ``whalebuild doctor`` needs, wired together; broken settings do not keep it from looking."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path

from whalebuild.bakefile.images import BuildOptions
from whalebuild.bakefile.request import BakeRequest
from whalebuild.cli.session import BakeArguments, Session, make_request
from whalebuild.console.base import ConsoleBase
from whalebuild.docker.builders import DockerBuilders
from whalebuild.docker.buildx import Buildx, PrefetchingBuildx
from whalebuild.docker.checkup import DockerCheckup, choice_of_buildx
from whalebuild.docker.cli import DockerCalls
from whalebuild.doctor.answers import Choice, ask_all
from whalebuild.doctor.asking import Questions
from whalebuild.doctor.examine import Begun, Check, examine
from whalebuild.doctor.facts import AuthorityFacts, DiskFacts, ProxyFacts
from whalebuild.doctor.machine_checks import MachineChecks
from whalebuild.doctor.pair_checks import PairChecks
from whalebuild.doctor.project_checks import ProjectChecks
from whalebuild.doctor.registry_answers import ask_registries
from whalebuild.doctor.registry_checks import RegistryChecks
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.plan.plan import Plan
from whalebuild.registry import checkup
from whalebuild.registry.addresses import WebAddresses
from whalebuild.registry.client import RegistryClient
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.settings import (
    Settings,
    layer_from_environment,
    layer_from_flags,
    resolve,
)
from whalebuild.source.project_folder import ProjectFolder, find_project
from whalebuild.source.settings_file import read_settings_layer
from whalebuild.source.tree import LocalSourceTree
from whalebuild.state.disks import disks
from whalebuild.values import dataclass

# Whoever waits for a doctor wants to know that a registry stumbles; a bake tries for minutes.
_TRIES = RetryPolicy(attempts=2, deadline=5.0)
# Questions wait for one another: there is room for all of them.
_AT_ONCE = 256
_DOCKERFILE = "Dockerfile"


@dataclass(frozen=True)
class Project:
    """See ``doctor.ports.ProjectQuestions``.

    Attributes:
        session: None where the settings or the words cannot be used.
    """

    settings: Settings
    broken: WhalebuildError | None
    warnings: tuple[str, ...]
    session: Session | None

    def read(self) -> Plan | None:
        """See ``doctor.ports.ProjectQuestions``."""
        if self.session is None:
            raise self.broken or UsageError("the settings cannot be read")
        if not _is_project(self.session):
            return None
        planner = self.session.planner(ask=False, thorough=True)
        return planner.plan(self.session.request, BuildOptions())

    def decided(self) -> Plan:
        """See ``doctor.ports.ProjectQuestions``."""
        if self.session is None:
            raise self.broken or UsageError("the settings cannot be read")
        return self.session.planner(ask=True).plan(self.session.request, BuildOptions())


@dataclass(frozen=True)
class Machine:
    """See ``doctor.ports.MachineQuestions``."""

    settings: Settings
    env: Mapping[str, str]

    def disks(self, data_root: str | None) -> tuple[DiskFacts, ...]:
        """See ``doctor.ports.MachineQuestions``."""
        return tuple(disks(self.settings.state_dir, data_root, self.env))

    def proxies(self) -> tuple[ProxyFacts, ...]:
        """See ``doctor.ports.MachineQuestions``."""
        return tuple(checkup.proxies(self.env))

    def proxy_of(self, registry: str) -> str | None:
        """See ``doctor.ports.MachineQuestions``."""
        return checkup.proxy_of(registry, self.env, builder=self.settings.builder)

    def connect(self, proxy: ProxyFacts) -> ProxyFacts:
        """See ``doctor.ports.MachineQuestions``."""
        return ProxyFacts(proxy.address, proxy.where, checkup.connect(proxy.address))

    def authorities(self) -> tuple[AuthorityFacts, ...]:
        """See ``doctor.ports.MachineQuestions``."""
        return tuple(checkup.authorities(self.env))


@contextmanager
def examination(
    flags: Mapping[str, object], arguments: BakeArguments, *, push: bool
) -> Iterator[tuple[Begun, ...]]:
    """Begin all checks.

    Args:
        flags: Settings given on the command line, by key.
        arguments: What the bake file is read with.
        push: Whether it is tried whether registries take an upload.
    """
    given = _read(flags, arguments)
    settings = given.settings
    with ExitStack() as opened:
        opened.enter_context(chdir(given.project.root))
        calls = DockerCalls()
        opened.callback(calls.close)
        buildx = opened.enter_context(Buildx())
        client = opened.enter_context(RegistryClient(builder=settings.builder))
        questions = opened.enter_context(
            checkup.RegistryCheckup(os.environ, builder=settings.builder)
        )
        web = opened.enter_context(WebAddresses(os.environ))
        retrier = Retrier(_TRIES, lambda _: None)
        session, console = None, ConsoleBase(sys.stderr)
        if given.project.note:
            console.note(given.project.note)
        if given.request is not None:
            tree = LocalSourceTree(given.project.root, os.environ, given.project.start)
            engine = PrefetchingBuildx(buildx)
            session = Session(
                *(settings, given.request, buildx, engine, client, web, tree, console, retrier),
                given.project,
            )
        project = Project(settings, given.broken, given.warnings, session)
        registry = RetryingRegistry(client, retrier)
        submit = Submit(_AT_ONCE)
        checks = _checks(
            project, calls, registry, questions, Questions(submit, time.monotonic), push=push
        )
        yield examine(checks, submit, time.monotonic)


def _checks(
    project: Project,
    calls: DockerCalls,
    registry: RetryingRegistry,
    questions: checkup.RegistryCheckup,
    ask: Questions,
    *,
    push: bool,
) -> Sequence[Check]:
    docker, builders = DockerCheckup(calls), DockerBuilders(calls)
    choice, machine = _choice(project.settings), Machine(project.settings, os.environ)
    answers = ask_all(ask, docker, builders, project, choice)
    known = ask_registries(answers, project.settings, questions, ask)
    first = MachineChecks(*(answers, docker, builders, machine, project, choice), sys.platform, ask)
    last = RegistryChecks(known, registry, machine, ask, push, sys.platform)
    of_project = ProjectChecks(answers, docker, project, ask)
    pairs = PairChecks(known, registry, project, ask)
    return (
        *(*first.checks(), *last.machine_checks()),
        *(*of_project.checks(), *last.checks(), *pairs.checks()),
    )


def _choice(settings: Settings) -> Choice:
    if settings.first_builder:
        return Choice(settings.builder, settings.builder, settings.origin("builder"))
    return Choice(settings.builder, *choice_of_buildx(os.environ))


@dataclass(frozen=True)
class Given:
    """Where it runs, and with what.

    Attributes:
        broken: What is wrong with the settings.
        warnings: What else is to be said of them.
    """

    project: ProjectFolder
    settings: Settings
    request: BakeRequest | None = None
    broken: WhalebuildError | None = None
    warnings: tuple[str, ...] = ()


def _read(flags: Mapping[str, object], arguments: BakeArguments) -> Given:
    """Read settings as every verb does; where that fails, those of the command line hold alone."""
    of_flags = layer_from_flags(flags)
    try:
        environment = layer_from_environment(os.environ)
        stay = "file" in flags or "file" in environment.values
        project = find_project(Path.cwd(), os.environ, stay=stay)
        layer = read_settings_layer(project.settings, project.above)
        settings = resolve([layer, environment, of_flags])
    except UsageError as broken:
        here = Path.cwd()
        return Given(ProjectFolder(here, here, here), resolve([of_flags]), None, broken)
    given = arguments.at(project.prefix)
    request = make_request(settings, given.targets, given.overrides, given.variables)
    return Given(project, settings, request, warnings=environment.warnings)


def _is_project(session: Session) -> bool:
    files = session.settings.file or session.tree.bake_files()
    return bool(files) or Path(_DOCKERFILE).exists()
