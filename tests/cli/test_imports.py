"""How many modules a run imports, in all and before its first process: what it costs by itself.

Seconds depend on the machine; modules do not. A budget that is passed is for the one who passes it:
import what is needed where it is needed, or say in the test why all runs need it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.engine import definition
from tests.support.registry_server import Server, serve

# Runs a command line; says how many modules there are when a process is started, and at the end.
_PROGRAM = """
import sys

def note(when):
    every = list(sys.modules)  # other threads import meanwhile
    names = [name for name in every if name.partition(".")[0] not in sys.stdlib_module_names]
    own = [name for name in names if name.startswith("whalebuild")]
    noted.append(["MODULES", when, str(len(own)), str(len(names) - len(own)), *every])

noted = []
sys.addaudithook(lambda event, _: note("process") if event == "subprocess.Popen" else None)
sys.argv = ["whalebuild", *sys.argv[1:]]
import whalebuild.cli.run
code = whalebuild.cli.run._run("whalebuild")
note("end")
for each in noted:
    print(*each, file=sys.stderr)
sys.exit(code)
"""
_DOCKER = """#!/bin/sh
case "$*" in
  *--print*) cat "$0.print" ;;
  *--list*) cat "$0.list" ;;
  *info*) cat "$0.info" ;;
  *) exit 1 ;;
esac
"""
_INFO = {
    "OSType": "linux",
    "Architecture": "x86_64",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
}
_DOCKERFILE = "FROM scratch AS dependencies\nCOPY a /\nFROM dependencies\nCOPY b /\n"


@dataclass(frozen=True)
class Modules:
    """What had been imported: of whalebuild, of other packages, and all names."""

    own: int
    others: int
    names: frozenset[str]


@dataclass(frozen=True)
class Project:
    folder: Path
    registry: Server

    @property
    def image(self) -> str:
        return f"{self.registry.address}/acme/web"

    def run(self, *words: str) -> tuple[list[Modules], Modules]:
        """What had been imported when each process was started, and at the end."""
        env = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "DOCKER_CONFIG": str(self.folder / "config"),
            "DOCKER_HOST": "tcp://127.0.0.1:1",
        }
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *words],
            cwd=self.folder / "project",
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        # 2: `inspect` has found nothing that is published.
        assert done.returncode in {0, 2}, done.stderr[-2000:]
        assert "Traceback" not in done.stderr
        told = [line.split() for line in done.stderr.splitlines() if line.startswith("MODULES ")]
        found = [(w[1], Modules(int(w[2]), int(w[3]), frozenset(w[4:]))) for w in told]
        return [each for when, each in found if when == "process"], found[-1][1]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    for name in ("bin", "config", "project"):
        (tmp_path / name).mkdir()
    with serve() as registry:
        made = Project(tmp_path, registry)
        docker = tmp_path / "bin/docker"
        docker.write_text(_DOCKER)
        docker.chmod(0o755)
        bake = definition({"app": {"tags": [f"{made.image}:latest"], "platforms": ["linux/amd64"]}})
        docker.with_name("docker.print").write_text(json.dumps(bake))
        docker.with_name("docker.list").write_text(json.dumps([{"name": "app"}]))
        docker.with_name("docker.info").write_text(json.dumps(_INFO))
        for name, text in (("Dockerfile", _DOCKERFILE), ("a", ""), ("b", "")):
            (tmp_path / "project" / name).write_text(text)
        (tmp_path / "project/docker-bake.hcl").write_text('target "app" {}\n')
        yield made


@pytest.mark.parametrize(
    ("words", "own", "others"),
    [
        ("--help", 12, 3),
        ("--version", 24, 35),
        ("bake --help", 31, 35),
        ("deploy --help", 30, 35),
        ("bake --print", 205, 60),
        ("plan", 225, 60),
        ("plan --format json", 225, 60),
        ("inspect IMAGE", 150, 60),
    ],
)
def test_a_run_imports_what_it_needs(project: Project, words: str, own: int, others: int) -> None:
    _, end = project.run(*words.replace("IMAGE", project.image).split())
    assert 0.75 * own <= end.own <= own
    assert end.others <= others
    assert {"python_on_whales", "pydantic", "rich", "tenacity"}.isdisjoint(end.names)


def test_help_does_without_typer(project: Project) -> None:
    _, end = project.run("--help")
    slow = {"typer", "json", "subprocess", "ssl", "email", "hashlib", "logging", "urllib"}
    assert slow.isdisjoint(end.names)


@pytest.mark.parametrize("words", ["plan", "bake --print", "inspect"])
def test_docker_is_asked_before_the_rest_is_imported(project: Project, words: str) -> None:
    processes, end = project.run(*words.split())
    assert processes
    # `bake --print` and `bake --list`: neither waits for the other, nor for what is made of them.
    for each in processes[:2]:
        assert each.own <= 100
        assert each.others <= 35
        assert {"whalebuild.plan.planner", "whalebuild.registry.client"}.isdisjoint(each.names)
    assert end.own > 1.8 * processes[0].own
