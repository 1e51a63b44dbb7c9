"""Deployments on real engines: a web service that is published, and the host that runs it.

web = Web.at(sandbox, tmp_path / "web", repository)          # the team's side
first = web.publish("1")                                     # a digest
host = Host(sandbox, engine, tmp_path / "host", web.image)   # the host's side
host.compose("up", "--detach", "--wait")
web.publish_broken("2", how="unhealthy")
with Poller(host.url) as poller:
    done = host.whalebuild("deploy", "--format", "json")
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration import web_app
from tests.integration.pairs import Pair
from tests.integration.processes import PATIENCE, Process
from tests.integration.registries import free_port
from tests.integration.sandbox import Sandbox

# What dependencies weigh: incompressible, so that a download of them shows.
DEPS_BYTES = 3_000_000
# A version that fails is known to be unhealthy some 2 s after its start; one that works has all the
# time that it needs beside other work, and one that hangs stays "starting".
_CHECK = "--interval=500ms --timeout=10s --retries=2 --start-interval=100ms"
_FAILS, _WORKS, _HANGS = "1s", "5m", "1h"
#: Seconds that an answer may take where no request may be lost.
PATIENT = 10.0
# The shell's own words: another Python each time would take the processor from what is measured.
_ASK = (
    "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /healthz HTTP/1.0\\\\r\\\\n\\\\r\\\\n' >&3 "
    "&& answer=$(cat <&3) && echo $answer && [[ $answer == *' 200 '* ]]"
)
_DOCKERFILE = f"""\
FROM {{base}} AS base
FROM base AS dependencies
COPY requirements.txt /requirements.txt
RUN mkdir -p /opt/venv && head -c {DEPS_BYTES} /dev/urandom > /opt/venv/packages \\
 && cp /requirements.txt /opt/venv/installed
FROM dependencies AS final
COPY --link app/ /srv/
ENV PYTHONDONTWRITEBYTECODE=1
HEALTHCHECK {_CHECK} --start-period={{start}} CMD ["bash", "-c", "{_ASK}"]
CMD ["python", "-I", "-S", "/srv/web_app.py"]
"""
COMPOSE = """\
services:
  web:
    image: ${IMAGE}:latest
    restart: unless-stopped
    ports:
      - "127.0.0.1:${PORT}:8000"
"""


@dataclass(frozen=True)
class Web:
    """The service as its team publishes it."""

    pair: Pair

    @classmethod
    def at(cls, sandbox: Sandbox, folder: Path, repository: str) -> Web:
        """A project in this folder, nothing of it published yet."""
        web = cls(Pair(sandbox, folder, repository, sandbox.python_image))
        (folder / "app").mkdir(parents=True)
        shutil.copy(web_app.__file__, folder / "app/web_app.py")
        web.pair.change_requirements("one")
        return web

    @property
    def image(self) -> str:
        """The repository with its registry."""
        return self.pair.image

    def publish(
        self,
        release: str,
        *,
        how: str = "",
        slow_start: float = 0.0,
        deaf: bool = False,
        tag: str | None = None,
    ) -> str:
        """Change the code alone, and bake; the digest of :latest (or the tag).

        Args:
            release: What it will answer.
            how: "", or how it fails: see ``web_app``.
            slow_start: Seconds until it listens.
            deaf: Whether it ignores SIGTERM.
            tag: ``whalebuild bake --tag``.
        """
        settings: dict[str, object] = {"release": release, "how": how, "deaf": deaf}
        # Another project's layer with the same code would be downloaded by nobody.
        settings |= {"slow_start": slow_start, "project": self.pair.repository}
        (self.pair.folder / "app/settings.json").write_text(f"{json.dumps(settings)}\n")
        start = {"": _WORKS, "hangs": _HANGS}.get(how, _FAILS)
        self.pair.write(_DOCKERFILE.replace("{start}", start))
        self.pair.bake(*(("--tag", tag) if tag else ()))
        return self.pair.digest(tag or "latest")

    def publish_broken(self, release: str, *, how: str) -> str:
        """Publish a version that fails: "unhealthy", "exits" or "hangs" (it stays "starting")."""
        assert how in web_app.REASONS
        return self.publish(release, how=how)

    def change_dependencies(self, text: str) -> None:
        """Have the next version come with other dependencies, of :data:`DEPS_BYTES`."""
        self.pair.change_requirements(text)


@dataclass(frozen=True)
class Running:
    """A container of the project, and what it runs.

    Attributes:
        image: The engine's ID of its image: with the containerd image store, the very digest that
            its tag had in the registry.
        status: created, running, exited, ...
        health: starting, healthy, unhealthy, or empty.
        labels: All of them.
    """

    id: str
    name: str
    service: str
    image: str
    status: str
    health: str
    labels: Mapping[str, str]


@dataclass
class Host:
    """A production host: an engine, and a compose project in a folder of its own.

    Attributes:
        image: Registry and repository as the host names them (a proxy's, to have faults).
        port: On the loopback interface; a free one.
        extra: More variables for every command.
    """

    sandbox: Sandbox
    engine: str
    folder: Path
    image: str
    port: int = field(default_factory=free_port)
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "compose.yaml").exists():
            self.write(COMPOSE)

    def write(self, compose: str) -> None:
        """Write the project's compose file."""
        (self.folder / "compose.yaml").write_text(compose)

    @property
    def url(self) -> str:
        """Where the service web answers with its release."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def state(self) -> Path:
        """Where the records of this host's deployments are."""
        return self.folder.parent / f"{self.folder.name}-state"

    @property
    def env(self) -> dict[str, str]:
        """What the commands see beside the engine's own."""
        return {
            "IMAGE": self.image,
            "PORT": str(self.port),
            "COMPOSE_PROJECT_NAME": f"host-{self.engine}",
            "WHALEBUILD_STATE_DIR": str(self.state),
            **self.extra,
        }

    def run(
        self, *command: str | Path, check: bool = True, **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder."""
        env = {**self.env, **kwargs.pop("env", {})}
        cwd = kwargs.pop("cwd", self.folder)
        return self.sandbox.run(
            *command, cwd=cwd, engine=self.engine, env=env, check=check, **kwargs
        )

    def compose(self, *words: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Run ``docker compose``, and have it succeed."""
        return self.run("docker", "compose", *words, **kwargs)

    def whalebuild(self, *words: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Run whalebuild, whatever comes of it (unless ``check=True``)."""
        return self.run("whalebuild", *words, check=kwargs.pop("check", False), **kwargs)

    def result(self, *words: str) -> dict[str, Any]:
        """Run whalebuild, and have it succeed; what it prints as JSON."""
        done = self.whalebuild(*words, "--format", "json", check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> Process:
        """Start ``whalebuild ...``, or another program if the first word has a slash or is docker.

        The caller ends it (:func:`started` does).
        """
        program = () if words[0] == "docker" or "/" in words[0] else ("whalebuild",)
        environment = {**self.sandbox.env(self.engine), **self.env, **(env or {})}
        return Process((*program, *words), self.folder, {**environment, "COLUMNS": "200"})

    @contextmanager
    def started(self, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Process]:
        """The same; what is left of it at the end of the block is killed."""
        process = self.start(*words, env=env)
        try:
            yield process
        finally:
            process.kill_all()

    def containers(self) -> list[Running]:
        """All containers of the project, also stopped ones and trials; by name."""
        wanted = f"label=com.docker.compose.project={self.env['COMPOSE_PROJECT_NAME']}"
        ids = self.run("docker", "ps", "-aq", "--no-trunc", "--filter", wanted).stdout.split()
        if not ids:
            return []
        shown = self.run("docker", "inspect", *ids, check=False).stdout
        return sorted((_running(each) for each in json.loads(shown)), key=lambda c: c.name)

    def digests(self, service: str = "web") -> list[str]:
        """What runs of a service; one digest for each container that runs."""
        found = self.containers()
        return [c.image for c in found if c.service == service and c.status == "running"]

    def tag(self, name: str = "latest") -> str | None:
        """What a tag of the image stands for on this host."""
        words = ("docker", "image", "inspect", "--format", "{{.Id}}", f"{self.image}:{name}")
        done = self.run(*words, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def wait_for(self, condition: Callable[[list[Running]], bool]) -> list[Running]:
        """Look at the containers until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition(found := self.containers()):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found

    def volumes(self, purpose: str) -> list[str]:
        """The engine's volumes of the project's record, or of its lock."""
        labels = {"project": self.env["COMPOSE_PROJECT_NAME"], "purpose": purpose}
        wanted = [f"--filter=label=dev.whalebuild.{name}={v}" for name, v in labels.items()]
        return self.run("docker", "volume", "ls", "--quiet", *wanted).stdout.split()

    def forget(self) -> None:
        """Remove the record of the project on its engine, which other tests use as well."""
        kept = [*self.volumes("record"), *self.volumes("lock")]
        if kept:
            self.run("docker", "volume", "rm", *kept)

    def down(self) -> None:
        """Remove the project's containers, and its record on the engine."""
        self.compose("down", "--timeout", "0", "--remove-orphans", check=False)
        self.forget()


def _running(raw: dict[str, Any]) -> Running:
    labels = raw["Config"]["Labels"] or {}
    return Running(
        id=raw["Id"],
        name=raw["Name"].removeprefix("/"),
        service=labels.get("com.docker.compose.service", ""),
        image=raw["Image"],
        status=raw["State"]["Status"],
        health=(raw["State"].get("Health") or {}).get("Status", ""),
        labels=labels,
    )
