"""Calls of the docker client, through python-on-whales; the only module that imports it.

python-on-whales is imported where it is first needed: the import takes longer than ``--help``.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import redact

if TYPE_CHECKING:
    from python_on_whales import DockerClient

# Writes its pid, then becomes docker: python-on-whales keeps its child to itself, and leaves it
# alive when a stream is abandoned.
_RECORD_PID = 'echo $$ >"$0" && exec "$@"'
_STOP_SECONDS = 10.0
SCRATCH_PREFIX = "whalebuild-"


class DockerCalls:
    """The docker client on PATH, and a scratch folder that only this user may read."""

    def __init__(self) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX))
        self._calls = itertools.count()

    @property
    def scratch(self) -> Path:
        """The scratch folder; it has a file ``N.pid`` for each docker command that runs."""
        return self._scratch

    def close(self) -> None:
        """Stop what still runs, and remove the scratch folder."""
        for pidfile in self._scratch.glob("*.pid"):
            _stop(pidfile)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def prepare(self) -> None:
        """Import python-on-whales, so that the next call begins at once."""
        importlib.import_module("python_on_whales")

    def file(self, suffix: str) -> Path:
        """A new name in the scratch folder."""
        return self._scratch / f"{next(self._calls)}{suffix}"

    def say(self, words: Sequence[str], env: Mapping[str, str | None] | None = None) -> str:
        """What ``docker WORDS`` prints: for commands that python-on-whales has no method for.

        Raises:
            CommandFailedError: See :meth:`client`.
            EngineError: See :meth:`client`.
        """
        with self.client(env) as docker:
            from python_on_whales.utils import run  # noqa: PLC0415 - takes 0.4 s

            return str(run([*docker.client_config.docker_cmd, *words]))

    @contextlib.contextmanager
    def client(
        self, env: Mapping[str, str | None] | None = None, **options: Any
    ) -> Iterator[DockerClient]:
        """A client for one call, whose process is stopped if the call does not end by itself.

        Args:
            env: Variables of this call alone; None takes one out.
            options: More of ``DockerClient``'s own, such as ``compose_files``.

        Raises:
            CommandFailedError: The command failed. python-on-whales' own message is dropped: it
                repeats the whole command line, where secrets may be.
            EngineError: There is no docker client.
        """
        from python_on_whales import DockerClient, DockerException  # noqa: PLC0415 - takes 0.4 s

        docker = shutil.which("docker")
        if docker is None:
            raise EngineError(
                "no docker client on PATH",
                cause="whalebuild drives `docker buildx`, and found no `docker` command",
                next_step="install Docker (https://docs.docker.com/get-docker/) or correct PATH",
            )
        pidfile = self.file(".pid")
        call = ["sh", "-c", _RECORD_PID, str(pidfile), *_with(env or {}), docker]
        try:
            yield DockerClient(client_call=call, **options)
        except DockerException as failed:
            pidfile.unlink(missing_ok=True)
            raise CommandFailedError(failed.stderr or "") from None
        except UnicodeDecodeError as failed:  # python-on-whales reads what docker said as UTF-8
            pidfile.unlink(missing_ok=True)
            words = bytes(failed.object).decode(errors="replace")
            raise CommandFailedError(words) from None
        except json.JSONDecodeError:
            pidfile.unlink(missing_ok=True)
            raise EngineError(
                "docker answered with something else than JSON",
                next_step="check that `docker` on PATH is Docker's client, and its version",
            ) from None
        except ValueError as failed:  # an answer that python-on-whales does not understand
            pidfile.unlink(missing_ok=True)
            raise EngineError(
                f"docker gave an answer that cannot be used: {redact(str(failed))}",
                next_step="check `docker info` and the version of `docker`",
            ) from None
        except BaseException:
            _stop(pidfile)
            raise
        pidfile.unlink(missing_ok=True)


def _with(env: Mapping[str, str | None]) -> list[str]:
    """Words before a command that give it these variables."""
    without = [word for name, value in env.items() if value is None for word in ("-u", name)]
    given = [f"{name}={value}" for name, value in env.items() if value is not None]
    return ["env", *without, *given] if env else []


def _stop(pidfile: Path) -> None:
    """End the recorded process: SIGTERM lets buildx cancel the build, SIGKILL is the last word."""
    try:
        pid = int(pidfile.read_text())
    except (OSError, ValueError):
        return
    pidfile.unlink(missing_ok=True)
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
            if _ended(pid, _STOP_SECONDS):
                return


def _ended(pid: int, seconds: float) -> bool:
    """Wait for a child of ours; python-on-whales' own wait copes with its being gone."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if os.waitpid(pid, os.WNOHANG) != (0, 0):
                return True
        except ChildProcessError:
            return True
        time.sleep(0.02)
    return False
