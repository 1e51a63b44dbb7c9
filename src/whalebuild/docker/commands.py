"""Runs the user's own commands: on this machine, and through docker in containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from whalebuild.compose.trial import TRIAL_FLAGS
from whalebuild.docker.cli import Watch
from whalebuild.docker.compose import ComposeProject
from whalebuild.docker.compose_files import compose_words
from whalebuild.docker.plugins import docker_program, environment_after
from whalebuild.docker.streamed import run_streamed
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference

Line = Callable[[str], None]


class HookCommands:
    """See ``deployplan.ports.Commands``; docker in a hook asks the engine of the deploy as well."""

    def __init__(self, project: ComposeProject) -> None:
        self._project = project

    def run(self, words: Sequence[str], env: Mapping[str, str], line: Line, watch: Watch) -> int:
        """See ``deployplan.ports.Commands``."""
        given = environment_after({**self._project.changes, **env})
        self._project.forget_images()
        try:
            return run_streamed(words, given, line, watch)
        except OSError as failed:
            raise CommandFailedError(f"{words[0]}: {failed.strerror}") from None

    def run_in(
        self,
        container: str,
        words: Sequence[str],
        env: Mapping[str, str],
        line: Line,
        watch: Watch,
    ) -> int:
        """See ``deployplan.ports.Commands``.

        What is stopped is docker's client: the command in the container ends by itself.
        """
        named = [word for name in env for word in ("--env", name)]
        program, given = docker_program({**self._project.changes, **env}, None)
        call = [program, "exec", *named, container, *words]
        return run_streamed(call, environment_after(given), line, watch)

    def run_once(
        self,
        service: str,
        image: Reference | None,
        words: Sequence[str],
        env: Mapping[str, str],
        line: Line,
        watch: Watch,
    ) -> int:
        """See ``deployplan.ports.Commands``."""
        named = [word for name in env for word in ("--env", name)]
        flags = ["--rm", "--no-TTY", "--no-deps", "--quiet-pull"]
        with self._project.aside(service, image) as what:
            program, given = docker_program({**self._project.changes, **what.env, **env}, "compose")
            call = [
                *compose_words(what.options),
                "run",
                *flags,
                *TRIAL_FLAGS,
                *named,
                service,
                *words,
            ]
            return run_streamed([program, *call], environment_after(given), line, watch)
