"""The Docker engine, through python-on-whales; the only module that imports it.

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
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from whalebuild.adapters.buildx_state import chosen_builder, context_name
from whalebuild.adapters.engine_api import engine_info
from whalebuild.core.errors import EngineError, UsageError
from whalebuild.core.failures import CommandFailedError, redact
from whalebuild.core.platforms import parse_platforms
from whalebuild.core.request import BakeRequest, EngineFacts

if TYPE_CHECKING:
    from python_on_whales import DockerClient

# Writes its pid, then becomes docker: python-on-whales keeps its child to itself, and leaves it
# alive when a stream is abandoned.
_RECORD_PID = 'echo $$ >"$0" && exec "$@"'
_STOP_SECONDS = 10.0
_TEN_YEARS = "87600h"
_CONTAINERD = "io.containerd.snapshotter.v1"


class DockerEngine:
    """The docker client on PATH. A context manager: leaving it stops what still runs."""

    def __init__(self) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="whalebuild-"))
        self._calls = itertools.count()
        self.metadata: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pidfile in self._scratch.glob("*.pid"):
            _stop(pidfile)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def prepare(self) -> None:
        """Import python-on-whales, so that the next command begins at once."""
        importlib.import_module("python_on_whales")

    def print_bake(self, request: BakeRequest) -> object:
        """See ``workflows.ports.Engine``."""
        return self._print(request, _words(request))

    def target_names(self, request: BakeRequest) -> tuple[str, ...]:
        """See ``workflows.ports.Engine``."""
        # python-on-whales has no parameter for --list, and buildx refuses it beside --print: it
        # goes among the targets of a bake that therefore builds nothing.
        with self._client() as docker:
            lines = docker.buildx.bake(
                ["--list=type=targets,format=json"],
                files=list(request.files),
                variables=dict(request.variables),
                progress="quiet",  # type: ignore[arg-type] # passed through
                stream_logs=True,
            )
            listed = json.loads("".join(lines))
        return tuple(item["name"] for item in listed if not item.get("group"))

    def facts(self, builder: str | None) -> EngineFacts:
        """See ``workflows.ports.Engine``.

        Only the docker driver depends on the local engine: a remote or containerised builder
        does without its image store, and even without a local engine.
        """
        if builder is None and chosen_builder(os.environ) is None:
            return self._own(context_name(os.environ))
        with self._client() as docker:
            found = docker.buildx.inspect(builder)
            # An engine that is down leaves the driver empty.
            name, driver = str(found.name), str(found.driver or "docker")
            nodes = found.nodes or []
        if driver == "docker":
            return self._own(name)
        platform = next((platform for node in nodes for platform in node.platforms or []), None)
        platform = platform.rstrip("*") if platform else None
        return EngineFacts(name, driver, containerd_store=True, platform=platform)

    def _own(self, name: str) -> EngineFacts:
        """The builder that the engine itself is."""
        told = engine_info(os.environ)
        if told is None:
            with self._client() as docker:
                info = docker.system.info()
            status, system, machine = info.driver_status, info.os_type, info.architecture
        else:
            status, system, machine = (
                told.get(key) for key in ("DriverStatus", "OSType", "Architecture")
            )
        store = ["driver-type", _CONTAINERD] in (status or [])
        return EngineFacts(name, "docker", store, _platform(system, machine))

    def bake(
        self, definition: Mapping[str, Any], *, builder: str | None, allow: Sequence[str]
    ) -> Generator[str, None, None]:
        """See ``workflows.ports.Engine``."""
        file, metadata = self._definition(definition), self._scratch / "metadata.json"
        with self._client() as docker:
            yield from docker.buildx.bake(
                # There is no parameter for --allow; buildx takes flags among the targets.
                [f"--allow={entitlement}" for entitlement in allow],
                files=[file],
                builder=builder,
                metadata_file=metadata,
                progress="rawjson",  # type: ignore[arg-type] # passed through
                stream_logs=True,
            )
        self.metadata = json.loads(metadata.read_text())

    def drop_broken(self, builder: str | None) -> None:
        """See ``workflows.ports.Engine``.

        BuildKit holds what it fetched of an image's manifest and configuration for five minutes.
        If it has all bytes, and they are not the right ones, it fetches nothing more: every build
        fails the same way. A prune of whatever kind ends this unless another build is under way
        (``CancelCacheLeases`` in ``control/control.go``); this one removes nothing else.
        """
        with self._client(builder) as docker:
            docker.buildx.prune(filters={"until": _TEN_YEARS})

    def _print(self, request: BakeRequest, words: list[str]) -> object:
        files: list[str | Path] = list(request.files)
        if request.definition is not None:
            files = [self._definition(request.definition)]
        with self._client() as docker:
            return docker.buildx.bake(
                words, files=files, variables=dict(request.variables), print=True
            )

    def _definition(self, definition: Mapping[str, Any]) -> Path:
        """Write a bake file into the scratch folder, which only this user may read."""
        file = self._scratch / f"{next(self._calls)}.json"
        file.write_text(json.dumps(definition))
        return file

    @contextlib.contextmanager
    def _client(self, builder: str | None = None) -> Iterator[DockerClient]:
        """A client for one call, whose process is stopped if the call does not end by itself.

        Args:
            builder: Where the call has no parameter for it.

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
        pidfile = self._scratch / f"{next(self._calls)}.pid"
        chosen = ["env", f"BUILDX_BUILDER={builder}"] if builder else []
        call = ["sh", "-c", _RECORD_PID, str(pidfile), *chosen, docker]
        try:
            yield DockerClient(client_call=call)
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
        except ValueError as failed:  # python-on-whales: a builder that went away between two looks
            pidfile.unlink(missing_ok=True)
            raise EngineError(
                f"docker gave an answer that cannot be used: {redact(str(failed))}",
                next_step="check `docker buildx ls`, and run it again",
            ) from None
        except BaseException:
            _stop(pidfile)
            raise
        pidfile.unlink(missing_ok=True)


def _words(request: BakeRequest) -> list[str]:
    """Targets and overrides as words: python-on-whales' ``set`` is a dict and drops repeats."""
    return [*(f"--set={override}" for override in request.overrides), *request.targets]


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


def _platform(system: str | None, machine: str | None) -> str | None:
    """The engine's platform; None for a machine that no platform is known by."""
    try:
        (platform,) = parse_platforms([f"{system}/{machine}"], where="docker info")
    except UsageError:
        return None
    return platform
