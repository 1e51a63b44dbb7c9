"""A compose project over ``docker compose``, on the engine of the current docker context."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from whalebuild.compose.configuration import Contents
from whalebuild.compose.containers import TRIAL_LABEL, Container, read_project_container
from whalebuild.compose.model import Model, read_model, without_hostname
from whalebuild.compose.pull_progress import (
    PullLine,
    compose_error,
    compose_warnings,
    parse_pull_line,
)
from whalebuild.compose.up import UpFlag
from whalebuild.docker.cli import DockerCalls, Watch
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
from whalebuild.docker.host import inspect_all
from whalebuild.docker.info import engine_endpoint
from whalebuild.errors import EngineError, UsageError
from whalebuild.failures.classify_docker import classify
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import FailureKind, redact
from whalebuild.oci.reference import Reference

_NO_PLUGIN = ("docker [OPTIONS]", "unknown command", "is not a docker command")
_GONE = ("no such container", "is already in progress")


class ComposeProject:
    """See ``deploy.ports.Project``. A context manager: leaving it stops what still runs.

    Args:
        calls: The docker client; one of its own if there is none.
        files: ``--file`` values; empty for compose's default lookup.
        project_name: ``--project-name``; empty for compose's own.
        project_directory: ``--project-directory``; empty for compose's own.
        profiles: ``--profile`` values.
        env_files: ``--env-file`` values.
        note: Gets what compose warns of, each line once.

    Attributes:
        resolved_file: Where the project as resolved stays, if compose has to read that instead of
            the user's files: its folder is there. None for a file that goes.
    """

    resolved_file: Path | None = None

    def __init__(
        self,
        calls: DockerCalls | None = None,
        *,
        files: Sequence[str] = (),
        project_name: str = "",
        project_directory: str = "",
        profiles: Sequence[str] = (),
        env_files: Sequence[str] = (),
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._calls = calls or DockerCalls()
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
        self._calls.close()

    def model(self) -> Model:
        """See ``deploy.ports.Project``. The files are read once."""
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
        """See ``deploy.ports.Project``.

        Of another machine's engine they would be files of that machine, which are not read.
        """
        if not engine_endpoint(os.environ).startswith("unix://"):
            return Contents()
        variables: dict[str, str] = {}
        if uses_variables(self.model()):
            words = [*compose_words(self._options), "config", "--environment"]
            variables = read_variables(self._calls.run(words))
        return read_contents(self.model(), Path(project_directory(self._options)), variables)

    @contextlib.contextmanager
    def as_it_was(self, model: Model | None) -> Iterator[None]:
        """See ``deploy.ports.Project``."""
        self._earlier = model
        try:
            yield
        finally:
            self._earlier = None

    def files(self) -> Mapping[str, str]:
        """See ``deploy.ports.Project``; those that cannot be read are left out."""
        found = {}
        for path in project_files(self._options):
            with contextlib.suppress(OSError):
                found[_shown(path)] = path.read_text(errors="replace")
        return found

    def containers(self) -> tuple[Container, ...]:
        """See ``deploy.ports.Project``."""
        label = f"label=com.docker.compose.project={self.model().name}"
        found = inspect_all(self._calls, "container", "--all", "--filter", label)
        read = (read_project_container(each) for each in found)
        return tuple(container for container in read if container)

    def pull(self, images: Mapping[str, Reference]) -> Generator[PullLine, None, None]:
        """See ``deploy.ports.Project``.

        Compose reads a file of its own for that: whatever the project's says of builds, policies
        and tags, these digests are pulled, and nothing is tagged.
        """
        if not images:
            return
        with self._compose(to_pull(self._calls, self.model(), images)) as compose:
            for _, line in compose.pull(stream_logs=True):
                parsed = parse_pull_line(line.decode(errors="replace"))
                if parsed:
                    yield parsed

    def image_id(self, image: Reference) -> str | None:
        """See ``deploy.ports.Project``."""
        try:
            said = self._calls.run(["image", "inspect", "--format", "{{.Id}}", str(image)])
        except CommandFailedError as failed:
            if "no such image" in failed.stderr.lower():
                return None
            raise
        return said.strip() or None

    def tag(self, image: str, name: Reference) -> None:
        """See ``deploy.ports.Project``."""
        with self._calls.client() as docker:
            docker.image.tag(image, str(name))

    def untag(self, name: Reference) -> bool:
        """See ``deploy.ports.Project``."""
        try:
            self._calls.run(["image", "rm", str(name)])
        except CommandFailedError as failed:
            words = failed.stderr.lower()
            if "conflict" in words or "no such image" in words:
                return False
            raise
        return True

    def up(
        self,
        services: Sequence[str],
        *,
        images: Mapping[str, Reference],
        scales: Mapping[str, int] | None = None,
        flags: Collection[UpFlag] = (),
        watch: Watch | None = None,
    ) -> None:
        """See ``deploy.ports.Project``."""
        counts = [word for name, n in (scales or {}).items() for word in ("--scale", f"{name}={n}")]
        with self._with(images) as what:
            words = ["up", "--detach", *counts, *flags, *services]
            call = [*compose_words(what.options), *words]
            try:
                self._calls.run(call, what.env, watch=watch, said=self._warn)
            except CommandFailedError as failed:
                raise CommandFailedError(compose_error(failed.stderr)) from None

    def _warn(self, stderr: str) -> None:
        """Hand on what compose warns of, once a run."""
        for line in compose_warnings(stderr):
            if line not in self._noted:
                self._noted.add(line)
                self._note(f"docker compose: {redact(line)}")

    def rejoin(self, container: str, networks: Mapping[str, Sequence[str]]) -> None:
        """See ``deploy.ports.Project``."""
        for network, aliases in networks.items():
            # python-on-whales gives one alias at most.
            names = [word for alias in aliases for word in ("--alias", alias)]
            self._calls.run(["network", "disconnect", network, container])
            self._calls.run(["network", "connect", *names, network, container])

    def start_trial(self, service: str, image: Reference) -> None:
        """See ``deploy.ports.Project``.

        ``docker compose run`` leaves the ports, the aliases, the container's fixed name and the
        restart policy out by itself.
        """
        name = f"{self.model().name}-{service}-trial-{secrets.token_hex(4)}"
        raw = (self.model().raw.get("services") or {}).get(service) or {}
        stdin = str(bool(raw.get("stdin_open"))).lower()
        unnamed = without_hostname(self.model(), service)
        given = with_images(self._calls, unnamed, self._options, {service: image})
        with self._compose(given) as compose:
            compose.run(
                # There is no parameter for it; flags may stand before the service's name.
                f"--interactive={stdin}",
                [service],
                detach=True,
                tty=False,
                dependencies=False,
                name=name,
                labels={TRIAL_LABEL: "1"},
            )

    def remove(self, containers: Sequence[str]) -> None:
        """See ``deploy.ports.Project``.

        A trial's unnamed volumes go with it; those of a service may have what somebody wants.
        """
        if not containers:
            return
        trials = {each.id for each in self.containers() if each.trial}
        mine = [each for each in containers if each in trials]
        others = [each for each in containers if each not in trials]
        self._on_those_there("stop", list(containers))
        self._on_those_there("rm", mine, "--force", "--volumes")
        self._on_those_there("rm", others, "--force")

    def logs(self, container: str, lines: int) -> str:
        """See ``deploy.ports.Project``; secrets are removed as from any message."""
        with self._calls.client() as docker:
            said: Any = docker.container.logs(container, tail=lines, stream=True)
            text = b"".join(line for _, line in said)
        return redact(text.decode(errors="replace")).rstrip()

    def _on_those_there(self, verb: str, containers: Sequence[str], *words: str) -> None:
        """Run a command on containers; docker goes on with the others after one that is gone."""
        if not containers:
            return
        try:
            self._calls.run(["container", verb, *words, *containers])
        except CommandFailedError as failed:
            said = [line.lower() for line in failed.stderr.splitlines() if line.strip()]
            if not said or not all(any(gone in line for gone in _GONE) for line in said):
                raise

    def _with(
        self, images: Mapping[str, Reference]
    ) -> contextlib.AbstractContextManager[ComposeCall]:
        if images or self._earlier is not None:
            resolved = self.resolved_file
            return with_images(self._calls, self.model(), self._options, images, resolved)
        return contextlib.nullcontext(as_it_is(self._options))

    @contextlib.contextmanager
    def _compose(self, given: contextlib.AbstractContextManager[ComposeCall]) -> Iterator[Any]:
        """``docker compose`` for one call; of its lines of JSON, a failure has the errors' text."""
        try:
            with given as what:
                env, options = what.env, what.options
                with self._calls.client(env, plugin="compose", **options) as docker:
                    yield docker.compose
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
