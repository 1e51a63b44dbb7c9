"""What the verbs about deployments need: a compose project, its engine and its record."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whalebuild.adapters.config_files import read_settings_layer
from whalebuild.core.errors import WhalebuildError
from whalebuild.core.failures import CommandFailedError
from whalebuild.core.retry import RetryPolicy
from whalebuild.core.settings import (
    Settings,
    layer_from_environment,
    layer_from_flags,
    resolve,
)

if TYPE_CHECKING:
    from whalebuild.adapters.compose import ComposeProject
    from whalebuild.adapters.console import ConsoleBase
    from whalebuild.adapters.deployment_records import FileRecord
    from whalebuild.adapters.host import DockerHost
    from whalebuild.adapters.registry import RegistryClient
    from whalebuild.workflows.retrying import Retrier


@dataclass(frozen=True)
class ComposeWords:
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
def engine_answers() -> Iterator[None]:
    """Say in the user's words that the engine does not, whichever question it was."""
    try:
        yield
    except CommandFailedError as failed:
        from whalebuild.workflows.engine_errors import engine_error

        raise engine_error(failed) from None


@contextmanager
def open_deploy_session(
    flags: Mapping[str, object], words: ComposeWords, *, lock: str | None, wait: bool = True
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

    from whalebuild.adapters.compose import ComposeProject
    from whalebuild.adapters.console import make_console
    from whalebuild.adapters.deployment_lock import deployment_lock
    from whalebuild.adapters.deployment_records import FileRecord, state_folder
    from whalebuild.adapters.docker_calls import DockerCalls
    from whalebuild.adapters.host import DockerHost
    from whalebuild.adapters.registry import RegistryClient
    from whalebuild.workflows.retrying import Retrier

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
        with engine_answers():
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
                with engine_answers():
                    yield DeploySession(
                        settings, project, host, registry, console, retrier, record, state, engine
                    )
            except WhalebuildError as error:
                error.retries = tuple(retrier.retries)
                raise
