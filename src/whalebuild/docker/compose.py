"""A compose project over ``docker compose``, on the engine of the current docker context."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from whalebuild.compose.configuration import Contents
from whalebuild.compose.containers import TRIAL_LABEL, Container, read_project_container
from whalebuild.compose.health import CheckResult
from whalebuild.compose.model import Model, read_model
from whalebuild.compose.pull_progress import (
    PullLine,
    compose_error,
    compose_warnings,
    parse_pull_line,
)
from whalebuild.compose.trial import TRIAL_FLAGS, as_trial
from whalebuild.compose.up import UpFlag
from whalebuild.deployplan.pull_policy import moves_tags
from whalebuild.docker.cli import Watch
from whalebuild.docker.compose_contents import read_contents, read_variables, uses_variables
from whalebuild.docker.compose_files import (
    ComposeCall,
    as_it_is,
    compose_words,
    project_directory,
    project_files,
    to_pull,
    with_images,
)
from whalebuild.docker.engine_api import EngineApi
from whalebuild.docker.engine_connection import local_socket
from whalebuild.docker.engine_containers import (
    container_ids,
    inspected,
    last_lines,
    rejoin,
    stop,
    stop_and_remove,
)
from whalebuild.docker.engine_events import ContainerEvents
from whalebuild.docker.engine_exec import check_health
from whalebuild.docker.engine_images import EngineImages
from whalebuild.errors import EngineError, UsageError
from whalebuild.failures.classify_docker import classify
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import FailureKind, redact
from whalebuild.oci.reference import Reference

_NO_PLUGIN = ("docker [OPTIONS]", "unknown command", "is not a docker command")


class ComposeProject:
    """See ``deployplan.ports.Project``. A context manager: leaving it stops what still runs.

    Args:
        engine: The engine of the current context, with the docker client; its own if there is none.
        files: ``--file`` values; empty for compose's default lookup.
        project_name: ``--project-name``; empty for compose's own.
        project_directory: ``--project-directory``; empty for compose's own.
        profiles: ``--profile`` values.
        env_files: ``--env-file`` values.
        note: Gets what compose warns of, each line once.

    Attributes:
        resolved_file: Where the project as resolved stays, if compose has to read that instead of
            the user's files: its folder is there. None for a file that goes.
        images: Of the engine.
    """

    resolved_file: Path | None = None

    def __init__(
        self,
        engine: EngineApi | None = None,
        *,
        files: Sequence[str] = (),
        project_name: str = "",
        project_directory: str = "",
        profiles: Sequence[str] = (),
        env_files: Sequence[str] = (),
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._engine = engine or EngineApi()
        self.images = EngineImages(self._engine)
        self._calls = self._engine.calls
        self._note = note
        self._noted: set[str] = set()
        self._options: dict[str, Any] = {
            "compose_files": list(files),
            "compose_project_name": project_name or None,
            "compose_project_directory": project_directory or None,
            "compose_profiles": list(profiles),
            "compose_env_files": list(env_files),
        }
        self._model: Model | None = None
        self._earlier: Model | None = None  # what is run instead of what the files say

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()

    @property
    def changes(self) -> Mapping[str, str | None]:
        """What calls change of the environment: it says which engine is meant."""
        return self._calls.changes

    def model(self) -> Model:
        """See ``deployplan.ports.Project``. The files are read once."""
        if self._earlier is not None:
            return self._earlier
        if self._model is None:
            words = [*compose_words(self._options), "config", "--format", "json"]
            try:
                found = self._calls.json(words, said=self._warn)
            except CommandFailedError as failed:
                raise _unreadable(failed) from None
            self._model = read_model(found)
        return self._model

    def contents(self) -> Contents:
        """See ``deployplan.ports.Project``.

        Of another machine's engine they would be files of that machine, which are not read.
        """
        if not local_socket(self._calls.environment):
            return Contents()
        variables: dict[str, str] = {}
        if uses_variables(self.model()):
            words = [*compose_words(self._options), "config", "--environment"]
            variables = read_variables(self._calls.run(words))
        return read_contents(self.model(), Path(project_directory(self._options)), variables)

    @contextlib.contextmanager
    def as_it_was(self, model: Model | None) -> Iterator[None]:
        """See ``deployplan.ports.Project``."""
        before, self._earlier = self._earlier, model
        try:
            yield
        finally:
            self._earlier = before

    def files(self) -> Mapping[str, str]:
        """See ``deployplan.ports.Project``; those that cannot be read are left out."""
        found = {}
        for path in project_files(self._options):
            with contextlib.suppress(OSError):
                found[_shown(path)] = path.read_text(errors="replace")
        return found

    def service_names(self) -> frozenset[str]:
        """See ``deployplan.ports.Project``."""
        options = {**self._options, "compose_profiles": ["*"]}
        try:
            said = self._calls.run([*compose_words(options), "config", "--services"])
        except CommandFailedError as failed:
            raise _unreadable(failed) from None
        return frozenset(said.split())

    def containers(self, ids: Collection[str] | None = None) -> tuple[Container, ...]:
        """See ``deployplan.ports.Project``."""
        if ids is None:
            ids = container_ids(self._engine, {"label": [self._label]})
        read = map(read_project_container, inspected(self._engine, "containers", ids))
        return tuple(container for container in read if container)

    def events(self) -> ContainerEvents:
        """See ``deployplan.ports.Project``."""
        return ContainerEvents(self._engine, {"label": [self._label]})

    @property
    def _label(self) -> str:
        """What containers of the project have, as a filter of the engine's."""
        return f"com.docker.compose.project={self.model().name}"

    def pull(self, images: Mapping[str, Reference]) -> Generator[PullLine, None, None]:
        """See ``deployplan.ports.Project``.

        Compose reads a file of its own for that: whatever the project's says of builds, policies
        and tags, these digests are pulled, and nothing is tagged.
        """
        if not images:
            return
        self.images.forget()
        with to_pull(self._calls, self.model(), images) as what, _plain_errors():
            call = [*compose_words(what.options), "pull"]
            with contextlib.closing(self._calls.lines(call, what.env)) as lines:
                yield from filter(None, map(parse_pull_line, lines))

    def image_id(self, image: Reference) -> str | None:
        """See ``deployplan.ports.Project``."""
        return self.images.id(image)

    def named_images(self) -> Mapping[str, str]:
        """See ``deployplan.ports.Project``."""
        return self.images.names()

    def forget_images(self) -> None:
        """Have names of images be asked for again: somebody else may have given or taken some."""
        self.images.forget()

    def tag(self, image: str, name: Reference) -> None:
        """See ``deployplan.ports.Project``."""
        self.images.tag(image, name)

    def untag(self, name: Reference) -> bool:
        """See ``deployplan.ports.Project``."""
        return self.images.untag(name)

    def up(
        self,
        services: Sequence[str],
        *,
        images: Mapping[str, Reference],
        scales: Mapping[str, int] | None = None,
        flags: Collection[UpFlag] = (),
        watch: Watch | None = None,
    ) -> None:
        """See ``deployplan.ports.Project``."""
        counts = [word for name, n in (scales or {}).items() for word in ("--scale", f"{name}={n}")]
        with self._with(images) as what, _plain_errors():
            words = ["up", "--detach", *counts, *flags, *services]
            call = [*compose_words(what.options), *words]
            known = self._earlier or self._model
            if known is None or any(map(moves_tags, known.services.values())):
                self.images.forget()
            self._calls.run(call, what.env, watch=watch, said=self._warn)

    def _warn(self, stderr: str) -> None:
        """Hand on what compose warns of, once a run."""
        for line in compose_warnings(stderr):
            if line not in self._noted:
                self._noted.add(line)
                self._note(f"docker compose: {redact(line)}")

    def rejoin(self, container: str, networks: Mapping[str, Sequence[str]]) -> None:
        """See ``deployplan.ports.Project``."""
        rejoin(self._engine, container, networks)

    def start_trial(self, service: str, image: Reference, *, watch: Watch | None = None) -> None:
        """See ``deployplan.ports.Project``.

        ``docker compose run`` leaves the ports, the aliases, the container's fixed name and the
        restart policy out by itself.
        """
        name = f"{self.model().name}-{service}-trial-{secrets.token_hex(4)}"
        raw = (self.model().raw.get("services") or {}).get(service) or {}
        stdin = str(bool(raw.get("stdin_open"))).lower()
        words = ["run", "--detach", "--no-TTY", "--no-deps", f"--interactive={stdin}"]
        words += ["--name", name, *TRIAL_FLAGS, service]
        with self.aside(service, image) as what, _plain_errors():
            call = [*compose_words(what.options), *words]
            self._calls.run(call, what.env, watch=watch, said=self._warn)

    def aside(
        self, service: str, image: Reference | None
    ) -> contextlib.AbstractContextManager[ComposeCall]:
        """For ``docker compose run`` of a service, with an image, so that nothing finds it."""
        images = {service: image} if image else {}
        return with_images(self._calls, as_trial(self.model(), service), self._options, images)

    def stop(self, containers: Sequence[str]) -> None:
        """See ``deployplan.ports.Project``."""
        stop(self._engine, containers)

    def remove(self, containers: Sequence[str], *, at_once: bool = False) -> None:
        """See ``deployplan.ports.Project``.

        A trial's unnamed volumes go with it; those of a service may have what somebody wants.
        """
        if not containers:
            return
        trials = container_ids(self._engine, {"label": [self._label, TRIAL_LABEL]})
        stop_and_remove(self._engine, containers, with_volumes=trials, at_once=at_once)

    def check_health(self, container: str) -> CheckResult | None:
        """See ``deployplan.ports.Project``."""
        return check_health(self._engine, container)

    def logs(self, container: str, lines: int) -> str:
        """See ``deployplan.ports.Project``; secrets are removed as from any message."""
        return redact(last_lines(self._engine, container, lines)).rstrip()

    def _with(
        self, images: Mapping[str, Reference]
    ) -> contextlib.AbstractContextManager[ComposeCall]:
        if images or self._earlier is not None:
            resolved = self.resolved_file
            return with_images(self._calls, self.model(), self._options, images, resolved)
        return contextlib.nullcontext(as_it_is(self._options))


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Of compose's lines of JSON, a failure has the errors' text."""
    try:
        yield
    except CommandFailedError as failed:
        raise CommandFailedError(compose_error(failed.stderr)) from None


def _shown(path: Path) -> str:
    """A file as the user would write it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _unreadable(failed: CommandFailedError) -> Exception:
    """Why ``docker compose config`` failed, which needs no engine."""
    words = compose_error(failed.stderr)
    if any(known in words for known in _NO_PLUGIN):
        return EngineError(
            "the docker client has no compose",
            cause=f"docker does not know `docker compose` ({words.splitlines()[0]})",
            next_step="install the compose plugin: https://docs.docker.com/compose/install/",
        )
    if classify(words).kind in {FailureKind.ENGINE, FailureKind.ENGINE_LOST}:
        return failed
    said = [line for line in words.splitlines() if not line.startswith("time=")]
    return UsageError(
        "the compose project cannot be read",
        cause=redact("\n".join(said or words.splitlines())) or None,
        next_step="correct it, or name its file; `docker compose config` reads it the same way",
    )
