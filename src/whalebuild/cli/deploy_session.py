"""What the verbs about deployments need: a compose project, its engine and its record."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whalebuild.errors import WhalebuildError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.settings import Settings, layer_from_environment, layer_from_flags, resolve
from whalebuild.source.settings_file import read_settings_layer

if TYPE_CHECKING:
    from whalebuild.console.plain import ConsoleBase
    from whalebuild.docker.compose import ComposeProject
    from whalebuild.docker.host import DockerHost
    from whalebuild.registry.client import RegistryClient
    from whalebuild.runtime.retrier import Retrier
    from whalebuild.state.records import FileRecord

import json

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.output.deploy import deploy_table, plan_text
from whalebuild.deploy.deployer import Deployer
from whalebuild.deploy.health_wait import HealthWait
from whalebuild.deploy.plan import DeployPlan
from whalebuild.deploy.planner import DeployPlanner
from whalebuild.deploy.pull import Puller
from whalebuild.deploy.record import History
from whalebuild.deploy.result import DeployResult
from whalebuild.deploy.switch import Switcher
from whalebuild.published.lookup import ManifestLookup
from whalebuild.runtime.retrying_registry import RetryingRegistry


@dataclass(frozen=True)
class ComposeArguments:
    """Words of the command line that go to docker compose."""

    files: Sequence[str] | None = None
    project_name: str | None = None
    project_directory: str | None = None
    profiles: Sequence[str] | None = None
    env_files: Sequence[str] | None = None


@dataclass(frozen=True)
class DeploySession:
    """One run of such a verb in the current directory.

    Attributes:
        state: The folder of records.
        engine: The engine's ID.
    """

    settings: Settings
    project: ComposeProject
    host: DockerHost
    registry: RegistryClient
    console: ConsoleBase
    retrier: Retrier
    record: FileRecord
    state: Path
    engine: str


@contextmanager
def open_deploy_session(
    flags: Mapping[str, object], words: ComposeArguments, *, lock: str | None, wait: bool = True
) -> Iterator[DeploySession]:
    """Resolve settings, read the project, and open what needs closing.

    Args:
        flags: Settings given on the command line, by key.
        words: What goes to docker compose.
        lock: The verb that needs the project for itself; None where others may work on it, too.
        wait: Whether to wait for another one that has the project.

    Raises:
        WhalebuildError: A setting is wrong, the project cannot be read, there is no engine, or
            another one has the project and is not waited for.
    """
    from contextlib import nullcontext

    from whalebuild.console.plain import make_console
    from whalebuild.docker.cli import DockerCalls
    from whalebuild.docker.compose import ComposeProject
    from whalebuild.docker.host import DockerHost
    from whalebuild.registry.client import RegistryClient
    from whalebuild.runtime.retrier import Retrier
    from whalebuild.state.lock import deployment_lock
    from whalebuild.state.records import FileRecord, state_folder

    environment = layer_from_environment(os.environ)
    settings = resolve([read_settings_layer(Path.cwd()), environment, layer_from_flags(flags)])
    console = make_console(settings.progress, ci=bool(os.environ.get("CI")))
    calls = DockerCalls()
    project = ComposeProject(
        calls,
        files=words.files or (),
        project_name=words.project_name or "",
        project_directory=words.project_directory or "",
        profiles=words.profiles or (),
        env_files=words.env_files or (),
    )
    with console, DockerHost(calls) as host, RegistryClient() as registry:
        for warning in environment.warnings:
            console.note(f"warning: {warning}")
        policy = RetryPolicy(settings.retry_attempts, settings.retry_deadline)
        retrier = Retrier(policy, console.note)
        name, engine = project.model().name, host.id()
        state = state_folder(settings.state_dir)
        record = FileRecord(state, engine, name)
        locked = (
            deployment_lock(record.lock, console.note, wait=wait, verb=lock, scratch=calls.scratch)
            if lock
            else nullcontext()
        )
        with locked:
            for line in record.read().damaged:
                console.note(f"line {line} of {record.path} cannot be read and is skipped")
            try:
                yield DeploySession(
                    settings, project, host, registry, console, retrier, record, state, engine
                )
            except WhalebuildError as error:
                error.retries = tuple(retrier.retries)
                raise


def wire(
    session: DeploySession, history: History, *, go_back: bool
) -> tuple[DeployPlanner, Deployer]:
    """A planner and a deployer over this session's project."""
    project, console, retrier = session.project, session.console, session.retrier
    settings = session.settings

    def health() -> HealthWait:
        return HealthWait(project, console, settings.deploy_timeout, settings.deploy_grace)

    lookup = ManifestLookup(RetryingRegistry(session.registry, retrier))
    planner = DeployPlanner(project, session.host, lookup, history)
    deployer = Deployer(
        project,
        session.record,
        planner,
        Puller(project, retrier, console),
        Switcher(project, console, health),
        console,
        go_back=go_back,
    )
    return planner, deployer


def show_plan(session: DeploySession, plan: DeployPlan, format_: opt.Format) -> None:
    """Say on standard error what must be downloaded, and what else is to be known."""
    if format_ is opt.Format.TEXT and plan.diffs:
        typer.echo(plan_text(plan), err=True)
    for note in plan.notes:
        session.console.note(note)


def show_result(result: DeployResult, format_: opt.Format) -> None:
    """Print the result on standard output; nothing moves on the terminal any more by then."""
    as_json = format_ is opt.Format.JSON
    typer.echo(json.dumps(result.as_json()) if as_json else deploy_table(result))
