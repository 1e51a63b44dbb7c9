"""The project's sandbox, as tests use it: engines, one registry and its access log.

Several processes run tests of one clone side by side: the workers of a run, and other runs. Each of
them has engines and repositories of its own, named by its pid; only the registry is shared.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.registry_content import copy_repository
from wbsandbox import baseimage, paths
from wbsandbox.engine import engine as sandbox_engine
from wbsandbox.engine import known_engines
from wbsandbox.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "production-control"
_PREFIX = "test-"
#: What CI services tell those that they run: tests of it say so, and no other depends on it.
_OF_CI = ("CI", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITLAB_CI")


def own_name(role: str) -> str:
    """The name of this process's engine for a purpose; no other run has one of that name."""
    return f"{_PREFIX}{os.getpid()}-{role}"


#: Where all repositories of this process are: by that its requests are told from others'.
REPOSITORIES = f"tests/{os.getpid()}"
_PYTHON = f"{REPOSITORIES}/python"
#: The engine that all tests of this process share.
SHARED_ENGINE = own_name("shared")


def command(name: str, engine: str, *words: str) -> list[str | Path]:
    """A command of the sandbox; what ``python3`` is on PATH may be slow to find out (pyenv)."""
    return [sys.executable, ROOT / "sandbox" / name, "--engine", engine, *words]


@dataclass
class Sandbox:
    """Engines by name; each command runs in the environment that ``sandbox/exec`` gives it.

    Attributes:
        folder: Where commands have temporary files, notes and records: nobody else's are there.
    """

    folder: Path
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def up(self, engine: str, *options: str) -> None:
        subprocess.run(command("up", engine, *options), check=True, capture_output=True)

    def down(self, engine: str) -> None:
        self.environments.pop(engine, None)
        subprocess.run(command("down", engine), check=True, capture_output=True)

    def kill(self, engine: str, *daemons: str) -> None:
        """SIGKILL an engine's daemons ("dockerd", "containerd"; both if none is named).

        Its containers live on without them. :meth:`up` brings it back with its disk.
        """
        run = Path(self.env(engine)["WHALEBUILD_SANDBOX_BUILDKIT"].removeprefix("unix://")).parent
        files = {"dockerd": "dockerd.started.pid", "containerd": "containerd.pid"}
        # dockerd first: it logs at length about a containerd that is gone.
        for daemon in daemons or files:
            handle = os.pidfd_open(int((run / files[daemon]).read_text()))
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                ended, _, _ = select.select([handle], [], [], 60)
                assert ended, f"{daemon} of engine {engine} is still there"
            finally:
                os.close(handle)

    def bring_back(self) -> None:
        """Bring back, with its disk, what has ended of the engines and the registry."""
        registry = Registry(paths.REGISTRY).is_up()
        for engine in self.environments:
            if not (registry and sandbox_engine(engine).is_up()):
                self.up(engine)

    def clear_away(self) -> None:
        """Take down the engines of test processes that were killed."""
        for engine in known_engines():
            process = engine.removeprefix(_PREFIX).partition("-")[0]
            if engine.startswith(_PREFIX) and not Path("/proc", process).exists():
                self.down(engine)

    @contextmanager
    def fresh_engine(self, role: str, *options: str) -> Iterator[str]:
        """An engine with an empty disk: a fresh CI runner."""
        name = own_name(role)
        if sandbox_engine(name).record():
            self.down(name)
        self.up(name, *options)
        try:
            yield name
        finally:
            self.down(name)

    def env(self, engine: str = SHARED_ENGINE) -> dict[str, str]:
        if engine not in self.environments:
            shown = subprocess.run(
                command("exec", engine, "--", "env", "-0"),
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            pairs = (item.partition("=") for item in shown.split("\0") if item)
            found = {name: value for name, _, value in pairs if name not in _OF_CI}
            for variable in ("TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
                found[variable] = str(self.folder / variable.lower())
                Path(found[variable]).mkdir(exist_ok=True)
            self.environments[engine] = found
        return self.environments[engine]

    @contextmanager
    def remote_builder(
        self, name: str, nodes: Mapping[str, str], *, client: str = SHARED_ENGINE
    ) -> Iterator[str]:
        """A builder of the driver "remote": the BuildKits of one or more engines.

        Args:
            name: The builder's name.
            nodes: The platforms that each engine is to build ("" for those it can run).
            client: The engine whose client knows the builder, as in :meth:`run`.
        """
        create = ("docker", "buildx", "create", "--driver", "remote", "--name", name)
        try:
            for number, (engine, platforms) in enumerate(nodes.items()):
                options = ["--node", f"{name}-{engine}"]
                options += ["--append"] if number else []
                options += ["--platform", platforms] if platforms else []
                endpoint = self.env(engine)["WHALEBUILD_SANDBOX_BUILDKIT"]
                self.run(*create, *options, endpoint, cwd=ROOT, engine=client, check=True)
            yield name
        finally:
            self.run("docker", "buildx", "rm", "--force", name, cwd=ROOT, engine=client)

    @property
    def registry(self) -> str:
        return self.env()["WHALEBUILD_SANDBOX_REGISTRY"]

    @property
    def python_image(self) -> str:
        """The sandbox's base image, in a repository of this process."""
        return f"{self.registry}/{_PYTHON}:{baseimage.TAG}"

    def publish_python_image(self) -> None:
        """Have :attr:`python_image` be there."""
        copy_repository(self.registry, baseimage.REPOSITORY, _PYTHON)

    def run(
        self,
        *command: str | Path,
        cwd: Path,
        engine: str = SHARED_ENGINE,
        env: Mapping[str, str] | None = None,
        check: bool = False,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**self.env(engine), "COLUMNS": "200", **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def whalebuild(
        self, *args: str, cwd: Path, **kwargs: object
    ) -> subprocess.CompletedProcess[str]:
        return self.run("whalebuild", *args, cwd=cwd, **kwargs)  # type: ignore[arg-type]

    def example_env(self, repository: str) -> dict[str, str]:
        """Variables of the example's (and the project's own) bake file."""
        return {
            "IMAGE": f"{self.registry}/{repository}",
            "PYTHON_IMAGE": self.python_image,
            "CA_BUNDLE": self.env()["WHALEBUILD_SANDBOX_CA"],
        }

    def small_project(self, folder: Path, *, unique: str) -> Path:
        """A project whose stages take no time; nothing of it is cached if the text is unique."""
        folder.mkdir()
        (folder / "Dockerfile").write_text(
            f"FROM {self.python_image} AS base\n"
            "FROM base AS dependencies\n"
            "COPY requirements.txt /requirements.txt\n"
            "RUN cp /requirements.txt /installed && echo now installing\n"
            "FROM dependencies AS final\n"
            "COPY --link app.py /app.py\n"
            'CMD ["python", "/app.py"]\n'
        )
        (folder / "requirements.txt").write_text(f"{unique}\n")
        (folder / "app.py").write_text("print('one')\n")
        return folder

    @contextmanager
    def requests(self) -> Iterator[list[Request]]:
        """Collect the requests for this process's repositories that are made inside the block.

        The registry's log is everybody's.
        """
        log = Path(self.env()["WHALEBUILD_SANDBOX_REGISTRY_LOG"])
        before = log.stat().st_size
        collected: list[Request] = []
        yield collected
        time.sleep(0.2)  # the registry writes a line after it has answered
        with log.open(encoding="utf-8") as lines:
            lines.seek(before)
            found = [r for r in map(_request, lines) if r]
        collected += [r for r in found if r.path.startswith(f"/v2/{REPOSITORIES}/")]


@dataclass(frozen=True)
class Request:
    """One line of the registry's access log."""

    method: str
    path: str
    status: int
    bytes: int


def _request(line: str) -> Request | None:
    parts = line.split('"')
    if len(parts) < 3 or len(parts[1].split()) < 2:
        return None
    method, path = parts[1].split()[:2]
    status, size = parts[2].split()[:2]
    return Request(method, path, int(status), int(size))


def downloaded(requests: Sequence[Request]) -> int:
    """Bytes that the registry served."""
    return sum(request.bytes for request in requests if request.method == "GET")
