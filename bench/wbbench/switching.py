"""Hosts of one and of twelve small services that switch over: seconds, and docker commands."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from wbbench.deploying import COMMANDS, COMPOSE
from wbbench.errors import BenchError
from wbbench.measuring import Bench
from wbbench.project import SHAPES
from wbbench.samples import Sample
from wbbench.sandbox import Machine
from wbbench.selection import DEPLOY_WAYS, MANY, NOTHING, ONE, TRIAL, Selection
from wbbench.services import SHIM

_SERVICES = {ONE: 1, TRIAL: 1, MANY: 12}
_DOCKERFILE = """\
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
HEALTHCHECK --interval=30s --start-period=1m --start-interval=100ms CMD ["test", "-e", "/ready"]
CMD ["sh", "-c", "trap exit TERM; touch /ready; sleep infinity & wait"]
COPY release /release
"""


@dataclass
class _Run:
    """One round of one scenario: a registry's repositories, and a host for each way."""

    bench: Bench
    scenario: str
    number: int
    ways: Sequence[str]
    hosts: dict[str, Machine] = field(default_factory=dict)
    releases: int = 0

    @property
    def repository(self) -> str:
        return f"bench-{self.bench.run_id}/{self.scenario}-{self.number}"

    @property
    def folder(self) -> Path:
        return self.bench.folder / self.scenario

    @property
    def names(self) -> list[str]:
        return [f"svc{number:02}" for number in range(1, _SERVICES[self.scenario] + 1)]

    def prepare(self) -> None:
        """Publish all of it, and have each host run it."""
        self.folder.mkdir(exist_ok=True)
        # A fixed name is what makes a trial: two of the service cannot run.
        order = {"update_config": {"order": "start-first"}}
        trial = {"container_name": "one", "deploy": order} if self.scenario == TRIAL else {}
        services = {
            name: {"image": f"${{IMAGE}}/{name}:latest", "restart": "unless-stopped", **trial}
            for name in self.names
        }
        (self.folder / "compose.yaml").write_text(json.dumps({"services": services}))
        (self.folder / "Dockerfile").write_text(_DOCKERFILE)
        self.publish(*self.names)
        for way in self.ways:
            self.hosts[way] = self.bench.machine(self.repository)
            self.switch(way)

    def publish(self, *names: str) -> None:
        """Publish new releases, as any CI would; by one machine, which remembers the base."""
        if "" not in self.hosts:
            self.hosts[""] = self.bench.machine(self.repository)
        runner = self.hosts[""]
        for name in names:
            self.releases += 1
            (self.folder / "release").write_text(f"{name} {self.releases}\n")
            image = f"{runner.env['IMAGE']}/{name}:latest"
            python = f"PYTHON_IMAGE={runner.env['PYTHON_IMAGE']}"
            build = ("docker", "build", "--quiet", "--build-arg", python, "--tag", image, ".")
            runner.run(*build, cwd=self.folder)
            runner.run("docker", "push", "--quiet", image, cwd=self.folder)

    def switch(self, way: str, path: str = "") -> None:
        """Switch a host over."""
        for command in COMMANDS[way]:
            self.hosts[way].run(*command, cwd=self.folder, env={"PATH": path} if path else {})

    def measure(self, scenario: str, change: Callable[[], None]) -> list[Sample]:
        """Time all ways, and then count the docker commands of another such switch."""
        samples = []
        change()
        for way in self.ways:
            key = {"scenario": scenario, "shape": SHAPES[0], "way": way, "round": self.number}
            samples.append(
                self.bench.measure(
                    key, lambda way=way: self.switch(way), lambda way=way: self.check(way)
                )
            )
        change()
        return [
            sample if sample.error else replace(sample, commands=self.commands(sample.way))
            for sample in samples
        ]

    def check(self, way: str) -> int:
        """The first service runs what was published last of it."""
        (last,) = (self.folder / "release").read_text().splitlines()
        inside = ("exec", "--no-TTY", self.names[0], "grep", "--quiet", last, "/release")
        if last.startswith(self.names[0]):
            self.hosts[way].run(*COMPOSE, *inside, cwd=self.folder)
        return 0

    def commands(self, way: str) -> int:
        """Switch over with a docker first on PATH that takes notes. Not timed."""
        host = self.hosts[way]
        folder = host.home / "shim"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        log = folder / "log"
        docker = shutil.which("docker", path=host.env["PATH"])
        (folder / "docker").write_text(SHIM.format(log=log, docker=docker))
        (folder / "docker").chmod(0o755)
        self.switch(way, f"{folder}{os.pathsep}{host.env['PATH']}")
        return len(log.read_text().splitlines())

    def down(self) -> None:
        """Take down all machines."""
        for way, host in self.hosts.items():
            if way:
                with suppress(BenchError):
                    host.run(*COMPOSE, "down", "--timeout", "1", cwd=self.folder)
            self.bench.sandbox.down(host)


def run_switching(bench: Bench, selection: Selection, number: int) -> None:
    """Each of the scenarios that is asked for, once."""
    for scenario in _SERVICES:
        wanted = [scenario, *([NOTHING] if scenario == MANY else [])]
        ways = [
            way
            for way in DEPLOY_WAYS
            if any(selection.wants(each, SHAPES[0], way, number) for each in wanted)
        ]
        if ways:
            # Another one begins in each round.
            ways = ways[number % len(ways) :] + ways[: number % len(ways)]
            _run(_Run(bench, scenario, number, ways), selection)


def _run(run: _Run, selection: Selection) -> None:
    changes = {run.scenario: lambda: run.publish(run.names[0])}
    if run.scenario == MANY:
        changes[NOTHING] = lambda: None
    try:
        run.prepare()
        samples = [s for name, change in changes.items() for s in run.measure(name, change)]
    except BenchError as error:
        samples = [
            Sample(run.scenario, SHAPES[0], way, run.number, error=str(error)) for way in run.ways
        ]
    finally:
        run.down()
    for sample in samples:
        if sample.error or selection.wants(sample.scenario, SHAPES[0], sample.way, run.number):
            run.bench.add(sample)
