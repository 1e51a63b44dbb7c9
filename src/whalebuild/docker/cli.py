"""Calls of the docker client: builds and compose through python-on-whales, questions at once.

python-on-whales is imported where it is first needed, and this is the only module that does so: the
import takes longer than a question to buildx.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whalebuild.docker.piped import Piped
from whalebuild.docker.plugins import docker_program, environment_after
from whalebuild.docker.processes import child_has_ended, recorded_pid, stop
from whalebuild.docker.scratch import ScratchFolder
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import redact

if TYPE_CHECKING:
    from python_on_whales import DockerClient

# A shell that records its pid and then becomes docker: python-on-whales does not tell its child's
# pid, and leaves the child alive when a stream is abandoned.
_RECORD_PID = 'echo $$ >"$0" && exec "$@"'
# The same, with standard output in a file, apart from what goes to standard error.
_RECORD_OUTPUT = 'out="$1" && shift && echo $$ >"$0" && exec "$@" >"$out"'


# Seconds between two looks at a command that is watched.
_WATCH_SECONDS = 0.2
# Looks at what a command does while it works; what it raises stops the command.
Watch = Callable[[], None]
# Of what a command has printed, the error has so many lines.
_LAST_LINES = 1000

# Of docker's plugins, those that are called here.
_PLUGINS = ("buildx", "compose")


class DockerCalls:
    """The docker client on PATH, and a scratch folder that only this user may read.

    Args:
        env: Variables of all calls, such as DOCKER_HOST; None takes one out.
        watch: Called several times a second while a command of :meth:`run` works, and at each line
            of :meth:`lines`; see there.
    """

    def __init__(
        self, env: Mapping[str, str | None] | None = None, watch: Watch | None = None
    ) -> None:
        self._env = dict(env or {})
        self._watch = watch
        self._scratch = ScratchFolder()
        self._calls = itertools.count()

    @property
    def scratch(self) -> Path:
        """The scratch folder; it has a file ``N.pid`` for each docker command that runs."""
        return self._scratch.path

    @property
    def changes(self) -> Mapping[str, str | None]:
        """What all calls change of the environment; None takes a variable out."""
        return self._env

    @property
    def environment(self) -> dict[str, str]:
        """The environment of all calls: it says which engine is meant."""
        return environment_after(self._env)

    def close(self) -> None:
        """Stop what still runs, and remove the scratch folder."""
        for pidfile in self.scratch.glob("*.pid"):
            _stop(pidfile)
        self._scratch.remove()

    def prepare(self) -> None:
        """Import python-on-whales, so that the next build begins at once."""
        importlib.import_module("python_on_whales")

    def file(self, suffix: str) -> Path:
        """A path in the scratch folder that is not used yet."""
        return self.scratch / f"{next(self._calls)}{suffix}"

    def run(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str | None] | None = None,
        *,
        output: Path | None = None,
        watch: Watch | None = None,
        said: Callable[[str], None] | None = None,
    ) -> str:
        """The output of ``docker ARGUMENTS``, without the line's end.

        Args:
            arguments: The words of the command; other users of the machine can read them.
            env: Variables of this call alone; None takes one out.
            output: A file that takes the output instead, also of a command that fails in the end.
            watch: Called several times a second while the command works; what it raises stops the
                command, and is raised.
            said: Gets what a command that worked has printed on standard error.

        Raises:
            CommandFailedError: The command failed.
            EngineError: There is no docker client.
        """
        plugin = arguments[0] if arguments[0] in _PLUGINS else None
        program, given = docker_program({**self._env, **(env or {})}, plugin)
        with self._recorded(output) as record:
            with subprocess.Popen(  # noqa: S603 - docker, or a plugin of its
                [*record, program, *arguments],
                stdin=subprocess.DEVNULL if watch else None,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment_after(given),
            ) as process:
                found, errors = _watched(process, _both(self._watch, watch))
            if process.returncode:
                raise CommandFailedError(errors.decode(errors="replace"))
        if said:
            said(errors.decode(errors="replace"))
        return found.decode(errors="replace").removesuffix("\n")

    def json(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str | None] | None = None,
        *,
        said: Callable[[str], None] | None = None,
    ) -> object:
        """What ``docker ARGUMENTS`` prints as JSON; see :meth:`run`.

        Raises:
            CommandFailedError: See :meth:`run`.
            EngineError: See :meth:`run`; or it printed something else.
        """
        try:
            return json.loads(self.run(arguments, env, said=said))
        except (ValueError, RecursionError):
            raise _no_json() from None

    def run_json(self, arguments: Sequence[str]) -> list[Mapping[str, Any]]:
        """The objects of the JSON list that ``docker ARGUMENTS`` prints.

        Raises:
            CommandFailedError: See :meth:`run`.
            EngineError: See :meth:`run`; or it printed something else.
        """
        found = self.json(arguments)
        if not isinstance(found, list):
            raise _no_json()
        return [each for each in found if isinstance(each, dict)]

    def run_object(
        self, arguments: Sequence[str], env: Mapping[str, str | None] | None = None
    ) -> Mapping[str, Any]:
        """The JSON object that ``docker ARGUMENTS`` prints.

        Raises:
            CommandFailedError: See :meth:`run`.
            EngineError: See :meth:`run`; or it printed something else.
        """
        found = self.json(arguments, env)
        if not isinstance(found, dict):
            raise _no_json()
        return found

    def lines(
        self, arguments: Sequence[str], env: Mapping[str, str | None] | None = None
    ) -> Generator[str, None, None]:
        """The lines that ``docker ARGUMENTS`` prints, of both streams, as they come.

        Closing the generator stops the command.

        Args:
            arguments: See :meth:`run`.
            env: See :meth:`run`.

        Raises:
            CommandFailedError: The command failed; with the last lines.
            EngineError: There is no docker client.
        """
        plugin = arguments[0] if arguments[0] in _PLUGINS else None
        program, given = docker_program({**self._env, **(env or {})}, plugin)
        last: deque[str] = deque(maxlen=_LAST_LINES)
        with self._recorded() as record:
            with subprocess.Popen(  # noqa: S603 - docker, or a plugin of its
                [*record, program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment_after(given),
            ) as process:
                assert process.stdout  # noqa: S101 - a pipe
                with _ended_on_error(process):
                    for line in process.stdout:
                        if self._watch:
                            self._watch()
                        last.append(line.decode(errors="replace"))
                        yield last[-1]
            if process.returncode:
                raise CommandFailedError("".join(last))

    def piped(self, arguments: Sequence[str]) -> Piped:
        """Start ``docker ARGUMENTS``, to speak to it; it ends at the latest with :meth:`close`.

        Raises:
            EngineError: There is no docker client.
        """
        program, given = docker_program(self._env, None)
        pidfile, errors = self.file(".pid"), self.file(".err")
        ours, theirs = socket.socketpair()
        with theirs, errors.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - docker
                ["sh", "-c", _RECORD_PID, str(pidfile), program, *arguments],  # noqa: S607
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=file,
                env=environment_after(given),
                process_group=0,  # Ctrl-C is for whoever speaks to it
            )
        return Piped(ours, process, errors, lambda: _stop(pidfile))

    @contextlib.contextmanager
    def client(
        self,
        env: Mapping[str, str | None] | None = None,
        *,
        plugin: str | None = None,
        output: Path | None = None,
        **options: Any,
    ) -> Iterator[DockerClient]:
        """A client for one call, whose process is stopped if the call does not end by itself.

        Args:
            env: Variables of this call alone; None takes one out.
            plugin: The first word of the command, if it is a plugin's: started without docker
                between where that can be.
            output: A file that takes the standard output; None leaves it to python-on-whales.
            options: More of ``DockerClient``'s own, such as ``compose_files``.

        Raises:
            CommandFailedError: The command failed. python-on-whales' own message is dropped: it
                repeats the whole command line, where secrets may be.
            EngineError: There is no docker client.
        """
        from python_on_whales import DockerClient, DockerException  # noqa: PLC0415 - takes 0.4 s

        program, given = docker_program({**self._env, **(env or {})}, plugin)
        with self._recorded(output) as record:
            try:
                yield DockerClient(client_call=[*record, *_with(given), program], **options)
            except (DockerException, ValueError, RecursionError) as failed:
                raise _as_error(failed) from None

    @contextlib.contextmanager
    def _recorded(self, output: Path | None = None) -> Iterator[list[str]]:
        """What stands before a docker command, so that it is stopped if it does not end itself."""
        pidfile = self.file(".pid")
        record = [_RECORD_PID, str(pidfile)]
        if output is not None:
            record = [_RECORD_OUTPUT, str(pidfile), str(output)]
        try:
            yield ["sh", "-c", *record]
        except EngineError:
            pidfile.unlink(missing_ok=True)  # it has ended, and this is what it failed of
            raise
        except BaseException:
            _stop(pidfile)
            raise
        pidfile.unlink(missing_ok=True)


def _both(first: Watch | None, second: Watch | None) -> Watch | None:
    if first is None or second is None:
        return first or second

    def both() -> None:
        first()
        second()

    return both


def _watched(process: subprocess.Popen[bytes], watch: Watch | None) -> tuple[bytes, bytes]:
    """What a process prints until its end; it is ended if the watch raises."""
    with _ended_on_error(process):
        while True:
            try:
                return process.communicate(timeout=_WATCH_SECONDS if watch else None)
            except subprocess.TimeoutExpired:
                if watch:
                    watch()


@contextlib.contextmanager
def _ended_on_error(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        stop(process.pid, lambda _: process.poll() is not None)
        raise


def _as_error(failed: Exception) -> EngineError:
    """The error for what python-on-whales raised: docker failed, or printed something else."""
    if isinstance(failed, UnicodeDecodeError):  # it reads what docker said as UTF-8
        return CommandFailedError(bytes(failed.object).decode(errors="replace"))
    if isinstance(failed, json.JSONDecodeError | RecursionError):  # or nested too deeply
        return _no_json()
    if isinstance(failed, ValueError):
        return EngineError(
            f"docker gave an answer that cannot be used: {redact(str(failed))}",
            next_step="check `docker info` and the version of `docker`",
        )
    return CommandFailedError(getattr(failed, "stderr", None) or "")


def _no_json() -> EngineError:
    return EngineError(
        "docker answered with something else than JSON",
        next_step="check that `docker` on PATH is Docker's client, and its version",
    )


def _with(env: Mapping[str, str | None]) -> list[str]:
    """What stands before a command to give it these variables."""
    without = [word for name, value in env.items() if value is None for word in ("-u", name)]
    given = [f"{name}={value}" for name, value in env.items() if value is not None]
    return ["env", *without, *given] if env else []


def _stop(pidfile: Path) -> None:
    """End the recorded process, a child of ours."""
    pid = recorded_pid(pidfile)
    pidfile.unlink(missing_ok=True)
    if pid:
        stop(pid, child_has_ended)
