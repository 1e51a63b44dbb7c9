"""Cold dependencies for other platforms: emulated, and as the example has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from wbbench import project
from wbbench.errors import BenchError
from wbbench.measuring import Bench
from wbbench.samples import Sample
from wbbench.sandbox import Machine
from wbbench.selection import EMULATED, PLATFORM_WAYS, PLATFORMS, Selection

SHAPE = project.SHAPES[0]
#: As most people write it: the packages are installed on the target platform.
ON_THE_TARGET = """\
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE} AS dependencies
COPY requirements.txt /tmp/
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \\
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \\
    pip install --no-cache-dir -r /tmp/requirements.txt
"""
#: As the example had it before: an environment, and no bytecode.
IN_AN_ENVIRONMENT = ON_THE_TARGET.replace(
    "pip install --no-cache-dir",
    "python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --no-compile",
).replace("COPY", "ENV PATH=/opt/venv/bin:$PATH\nCOPY")
#: The others have the example's own Dockerfile.
DOCKERFILES = {f"arm64-plain{EMULATED}": ON_THE_TARGET, f"arm64{EMULATED}": IN_AN_ENVIRONMENT}


@dataclass(frozen=True)
class _Run:
    """One way in one round: a repository that nobody has heard of, and an empty machine."""

    bench: Bench
    way: str
    number: int

    @property
    def repository(self) -> str:
        return f"bench-{self.bench.run_id}/{self.way.replace('+', '-')}-{self.number}"

    @property
    def platforms(self) -> list[str]:
        return [f"linux/{name}" for name in self.way.partition("-")[0].split("+")]

    def measure(self) -> Sample:
        folder = self.bench.folder / "platforms/production-control"
        service = project.example(folder, SHAPE, link=True).services[0]
        if self.way in DOCKERFILES:
            (folder / "Dockerfile").write_text(DOCKERFILES[self.way])
        machine = self.bench.machine(self.repository, emulation=True)
        key = {"scenario": PLATFORMS, "shape": SHAPE, "way": self.way, "round": self.number}
        words = ("whalebuild", "bake", service.deps, "--platform", ",".join(self.platforms))
        sample = self.bench.measure(
            key, lambda: machine.run(*words, cwd=folder), lambda: self._check(machine)
        )
        self.bench.sandbox.down(machine)
        return sample

    def _check(self, machine: Machine) -> int:
        """What is published is for these platforms, and the packages in it can be imported."""
        body, _ = self.bench.registry.get(f"/v2/{self.repository}/manifests/deps")
        published = sorted(_platforms(json.loads(body)))
        if published != sorted(self.platforms):
            raise BenchError(f"published for {', '.join(published)}")
        for platform in self.platforms:
            run = ("docker", "run", "--rm", "--quiet", "--pull=always", "--platform", platform)
            image = f"{machine.env['IMAGE']}:deps"
            machine.run(*run, image, "python", "-c", "import pandas", cwd=self.bench.folder)
        return 0


def run_platforms(bench: Bench, selection: Selection, number: int) -> None:
    """Each of the ways that is asked for, once."""
    for way in PLATFORM_WAYS:
        if selection.wants(PLATFORMS, SHAPE, way, number):
            bench.add(_Run(bench, way, number).measure())


def _platforms(index: dict[str, list[dict[str, dict[str, str]]]]) -> Iterator[str]:
    for child in index.get("manifests", ()):
        found = child.get("platform", {})
        if found.get("os") == "linux":
            yield f"linux/{found['architecture']}"
