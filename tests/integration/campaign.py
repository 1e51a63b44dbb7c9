"""Runs of a bake whose every request to the registry may meet a fault, fixed by a seed.

Fixed are the project, what changes, the builder, whether the registry wants tokens, and the lot of
each request by method, path and number. Digests of caches and attestations are in paths and have
times in them: their lots are others when a seed is run again, with the same chances.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration import published
from tests.integration.chaos import Chaos
from tests.integration.outcomes import KINDS, Outcome, Scenario
from tests.integration.pairs import CODE, push_base
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.registries import own_registry
from tests.integration.sandbox import SHARED_ENGINE, Sandbox
from tests.integration.tokens import LOGIN, docker_config, token_server

REPOSITORY = "campaign/web"
BASE = "campaign/base:1"
_LONGEST = 1800
_DOCKERFILE = (
    "ARG BASE\n"
    "FROM $BASE AS base\n"
    "FROM base AS dependencies\n"
    "COPY requirements.txt packages /in/\n"
    "RUN mkdir -p /opt/venv && cp /in/packages /opt/venv/ && echo now installing\n"
    f"FROM dependencies AS final\n{CODE}"
)
# As somebody would write it who knows buildx well, without whalebuild.
_PLAIN = """
group "default" { targets = ["deps", "app"] }
variable "IMAGE" {}
variable "BASE" {}
target "deps" {
  target = "dependencies"
  args = { BASE = BASE }
  tags = ["${IMAGE}:deps"]
  cache-from = ["type=registry,ref=${IMAGE}:deps-cache"]
  cache-to = ["type=registry,ref=${IMAGE}:deps-cache,mode=max,ignore-error=true"]
  output = ["type=registry"]
}
target "app" {
  target = "final"
  args = { BASE = BASE }
  contexts = { dependencies = "target:deps" }
  tags = ["${IMAGE}:latest"]
  cache-from = ["type=registry,ref=${IMAGE}:latest-cache"]
  cache-to = ["type=registry,ref=${IMAGE}:latest-cache,mode=max,ignore-error=true"]
  output = ["type=registry"]
}
"""
_OURS = """
group "default" { targets = ["app"] }
variable "IMAGE" {}
variable "BASE" {}
target "app" {
  target = "final"
  args = { BASE = BASE }
  tags = ["${IMAGE}:latest"]
}
"""


@dataclass(frozen=True)
class Bench:
    """Where a story takes place.

    Attributes:
        straight: The registry's address, past all faults and logins.
        proxies: What is before the registry, and before its token server.
        env: Variables of the commands.
    """

    straight: str
    proxies: list[Proxy]
    env: Mapping[str, str]


@dataclass
class Campaign:
    """What all runs share.

    Attributes:
        folder: For the registries' storage and the projects.
        builder: The remote builder.
    """

    sandbox: Sandbox
    folder: Path
    builder: str
    engine: str = SHARED_ENGINE

    def __post_init__(self) -> None:
        self._base = self.folder / "base"
        (self._base / "registry").mkdir(parents=True)
        with own_registry(self.sandbox.env(), self._base / "registry") as registry:
            push_base(self.sandbox, self._base / "project", f"{registry.address}/{BASE}")

    def whalebuild(self, story: int, *words: str) -> Iterator[Outcome]:
        """A story's bakes with whalebuild; what each one publishes is checked."""
        return self._tell(story, _OURS, ("whalebuild", "bake", *words))

    def buildx(self, story: int) -> Iterator[Outcome]:
        """A story's bakes with buildx alone; one that fails is done again without faults."""
        return self._tell(story, _PLAIN, ("docker", "buildx", "bake"))

    def _tell(self, story: int, bake_file: str, command: tuple[str, ...]) -> Iterator[Outcome]:
        scenarios = [Scenario.of(story * len(KINDS) + number) for number in range(len(KINDS))]
        folder = self.folder / f"{command[0]}-{story}"
        project = folder / "project"
        project.mkdir(parents=True)
        (project / "docker-bake.hcl").write_text(bake_file)
        (project / "Dockerfile").write_text(_DOCKERFILE)
        words = ("--builder", self.builder) if scenarios[0].remote else ()
        with self._registry(folder, scenarios[0]) as bench:
            self._forget(words)
            for scenario in scenarios:
                _write(project, scenario)
                if scenario.emptied:
                    self._forget(words)
                outcome = self._bake(scenario, bench, project, (*command, *words))
                yield outcome
                if not outcome.good:
                    self._run(bench, project, (*command, *words)).check_returncode()
        shutil.rmtree(folder)

    def _bake(
        self, scenario: Scenario, bench: Bench, project: Path, command: tuple[str, ...]
    ) -> Outcome:
        chaos = Chaos.of(scenario.seed)
        for proxy in bench.proxies:
            proxy.begin(chaos.faults)
        began = time.monotonic()
        done = self._run(bench, project, command)
        seconds = time.monotonic() - began
        requests = sum(len(proxy.exchanges) for proxy in bench.proxies)
        hits = chaos.hits()
        for proxy in bench.proxies:
            proxy.begin()
        outcome = Outcome(scenario, done.returncode, seconds, requests, hits, done.stderr)
        if done.returncode == 0:
            try:
                for tag in ("deps", "latest"):
                    outcome.whole += published.check_whole(bench.straight, REPOSITORY, tag)
            except (AssertionError, OSError) as error:
                outcome.torn = str(error)
        return outcome

    def _run(
        self, bench: Bench, project: Path, command: tuple[str, ...]
    ) -> subprocess.CompletedProcess[str]:
        return self.sandbox.run(
            *command, cwd=project, engine=self.engine, env=bench.env, timeout=_LONGEST
        )

    def _forget(self, words: tuple[str, ...]) -> None:
        """Empty the builder's cache: runs of one seed have the same contents."""
        prune = ("docker", "buildx", "prune", "--all", "--force")
        self.sandbox.run(*prune, *words, cwd=self.folder, engine=self.engine, check=True)

    @contextmanager
    def _registry(self, folder: Path, scenario: Scenario) -> Iterator[Bench]:
        """A registry that has the base image."""
        storage = folder / "storage"
        shutil.copytree(self._base / "registry" / "storage", storage)
        env = self.sandbox.env(self.engine)
        with ExitStack() as stack:
            straight = stack.enter_context(own_registry(env, folder, storage=storage)).address
            front, proxies, variables = straight, [], {}
            if scenario.tokens:
                locked = folder / "locked"
                locked.mkdir()
                tokens = stack.enter_context(token_server(locked))
                address = tokens.realm.removeprefix("http://").removesuffix("/token")
                proxies.append(stack.enter_context(faulty_registry(address)))
                tokens.realm = f"http://{proxies[0].address}/token"
                guarded = own_registry(env, locked, auth=tokens.auth, storage=storage)
                front = stack.enter_context(guarded).address
            proxies.append(stack.enter_context(faulty_registry(front)))
            here = proxies[-1].address
            variables = {"IMAGE": f"{here}/{REPOSITORY}", "BASE": f"{here}/{BASE}"}
            if scenario.tokens:
                variables |= docker_config(env, folder / "docker", {here: LOGIN})
            yield Bench(straight, proxies, variables)


def _write(project: Path, scenario: Scenario) -> None:
    """The project's files as they are at this point of the story."""
    number = KINDS.index(scenario.kind)
    code, deps = min(number, 1), number // 2
    story = scenario.seed // len(KINDS)
    (project / "app.sh").write_text(f"echo {story} {code}\n")
    (project / "requirements.txt").write_text(f"{story} {deps}\n")
    packages = random.Random(f"{story} {deps}").randbytes(3_000_000)
    (project / "packages").write_bytes(packages)
