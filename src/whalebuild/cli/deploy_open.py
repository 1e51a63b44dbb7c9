"""Opens what the verbs about deployments need: a session for each host, and its locks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whalebuild.cli import options as opt
from whalebuild.cli.deploy_session import DeploySession, on_host
from whalebuild.cli.screen import in_ci, in_github
from whalebuild.cli.waiting import said
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.published.lookup import ManifestLookup
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.settings import Settings, layer_from_environment, layer_from_flags, resolve
from whalebuild.source.project_folder import find_project
from whalebuild.source.settings_file import read_settings_layer
from whalebuild.values import dataclass

if TYPE_CHECKING:
    from whalebuild.console.base import ConsoleBase
    from whalebuild.runtime.retrier import Retrier


@dataclass(frozen=True)
class _Run:
    """What all hosts of a run share."""

    settings: Settings
    arguments: opt.ComposeOptions
    console: ConsoleBase
    retrier: Retrier
    lookup: ManifestLookup

    @property
    def hosts(self) -> dict[str, str]:
        """The hosts, by the names that they are called; none where docker's client leads."""
        from whalebuild.docker.hosts import host_names

        hosts = self.settings.hosts
        return dict(zip(host_names(hosts), hosts, strict=True))


@contextmanager
def open_deploy_session(
    flags: Mapping[str, object],
    arguments: opt.ComposeOptions,
    *,
    lock: str | None,
    wait: bool = True,
) -> Iterator[DeploySession]:
    """The same as :func:`open_deploy_sessions`, for a verb that is for one host.

    Raises:
        UsageError: There are several.
    """
    with open_deploy_sessions(flags, arguments, lock=lock, wait=wait) as sessions:
        if len(sessions) > 1:
            raise UsageError(
                "this is for one host at a time",
                cause=f"the setting hosts names {', '.join(each.name for each in sessions)}",
                next_step="name one of them with --host",
            )
        yield sessions[0]


@contextmanager
def open_deploy_sessions(
    flags: Mapping[str, object],
    arguments: opt.ComposeOptions,
    *,
    lock: str | None,
    wait: bool = True,
) -> Iterator[tuple[DeploySession, ...]]:
    """Resolve settings, read the project, and open what needs closing: a session for each host.

    All hosts are looked at before the first one is locked.

    Args:
        flags: Settings given on the command line, by key.
        arguments: What goes to docker compose.
        lock: The verb that needs the project for itself; None where others may work on it, too.
        wait: Whether to wait for another one that has the project.

    Raises:
        WhalebuildError: A setting is wrong, the project cannot be read, there is no engine, or
            another one has the project and is not waited for.
    """
    from whalebuild.console.choose import make_console
    from whalebuild.registry.client import RegistryClient
    from whalebuild.runtime.retrier import Retrier

    environment = layer_from_environment(os.environ)
    place = find_project(Path.cwd(), os.environ, stay=True)
    layer = read_settings_layer(place.settings, place.above)
    settings = resolve([layer, environment, layer_from_flags(flags)])
    console = make_console(settings.progress, ci=in_ci(os.environ), github=in_github(os.environ))
    with ExitStack() as open_:
        open_.enter_context(console)
        registry = open_.enter_context(RegistryClient())
        for warning in environment.warnings:
            console.note(f"warning: {warning}")
        if place.note:
            console.note(place.note)
        policy = RetryPolicy(settings.retry_attempts, settings.retry_deadline)
        retrier = Retrier(policy, console.note)
        lookup = ManifestLookup(RetryingRegistry(registry, retrier))
        run = _Run(settings, arguments, console, retrier, lookup)
        with said(console, settings.progress, "asking docker compose for the project"):
            sessions = _looked_at(run, open_)
        # In an order of their own: two such runs do not wait for each other.
        for each in sorted(sessions, key=lambda each: each.engine):
            if lock:
                open_.enter_context(_both_locks(each, wait=wait, verb=lock))
            for line in each.record.file.read().damaged:
                each.console.note(
                    f"line {line} of {each.record.path} cannot be read and is skipped"
                )
        try:
            yield sessions
        except WhalebuildError as error:
            error.retries = tuple(retrier.retries)
            raise


def _looked_at(run: _Run, open_: ExitStack) -> tuple[DeploySession, ...]:
    """A session for each host, of which the engine has answered.

    Raises:
        WhalebuildError: The project cannot be read, or an engine cannot be asked.
    """
    from whalebuild.runtime.threads import Submit

    named: dict[str, str | None] = {**run.hosts} or {"": None}
    if len(named) == 1:
        [address] = named.values()
        return (_open_host(run, "", address, open_),)
    submit = Submit()
    begun = {
        name: submit(partial(_open_host, run, name, address, open_))
        for name, address in named.items()
    }
    sessions = []
    for name, future in begun.items():
        with on_host(name):
            sessions.append(future.result())
    by_engine: dict[str, str] = {}
    for each in sessions:
        other = by_engine.setdefault(each.engine, each.name)
        if other != each.name:
            raise UsageError(
                f"{other} and {each.name} are the same engine",
                cause=f"both have the ID {each.engine}",
                next_step="name each host once",
            )
    return tuple(sessions)


def _open_host(run: _Run, name: str, address: str | None, open_: ExitStack) -> DeploySession:
    from whalebuild.console.hosted import HostConsole
    from whalebuild.docker.cli import DockerCalls
    from whalebuild.docker.compose import ComposeProject
    from whalebuild.docker.engine_api import EngineApi
    from whalebuild.docker.host import DockerHost
    from whalebuild.docker.hosts import host_environment
    from whalebuild.docker.volumes import DockerVolumes
    from whalebuild.runtime.stopping import Stopping
    from whalebuild.state.configurations import FileConfigurations
    from whalebuild.state.records import FileRecord, state_folder
    from whalebuild.state.shared_record import SharedRecord

    stopping = Stopping()
    console = run.console
    if name:
        console = HostConsole(run.console, name, stopping.check)
    env = host_environment(address) if address else {}
    calls = DockerCalls(env, stopping.check if name else None)
    api = EngineApi(calls)
    arguments = run.arguments
    project = ComposeProject(
        api,
        files=arguments.files or (),
        project_name=arguments.project_name or "",
        project_directory=arguments.project_directory or "",
        profiles=arguments.profiles or (),
        env_files=arguments.env_files or (),
        note=console.note,
    )
    host = open_.enter_context(DockerHost(api, project.images))
    model, engine = project.model().name, host.id()
    state, volumes = state_folder(run.settings.state_dir), DockerVolumes(api)
    file = FileRecord(state, engine, model)
    project.resolved_file = file.resolved
    record = SharedRecord(file, volumes, model, console.note)
    kept = FileConfigurations(file.configurations)
    edges = (project, host, run.lookup, console, run.retrier, record, kept, volumes)
    return DeploySession(run.settings, *edges, state, engine, name, stopping, calls.scratch)


@contextmanager
def _both_locks(session: DeploySession, *, wait: bool, verb: str) -> Iterator[None]:
    """Hold the lock of this machine, and then the engine's."""
    from whalebuild.state.engine_lock import engine_lock
    from whalebuild.state.lock import deployment_lock, holder_of

    record, note = session.record, session.console.note
    path = record.file.lock
    with ExitStack() as locked:
        with on_host(session.name):
            lock = deployment_lock(path, note, wait=wait, verb=verb, scratch=session.scratch)
            locked.enter_context(lock)
            holder = holder_of(path, verb)
            on_engine = engine_lock(record.volumes, record.project, note, wait=wait, holder=holder)
            record.require = locked.enter_context(on_engine)
        yield
