"""Cold dependencies for other platforms: emulated, and as the example has it.

The seconds of each step of the build are kept too: they say where the time goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wbbench import project
from wbbench.errors import BenchError
from wbbench.measuring import Bench
from wbbench.samples import Sample
from wbbench.sandbox import Machine, Outcome
from wbbench.selection import EMULATED, HEAVY, PLATFORM_WAYS, PLATFORMS, Selection

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
#: Compiled, large, and as many people have them; each has wheels for linux/arm64.
HEAVY_REQUIREMENTS = """\
pandas==3.1.1
scipy==1.18.1
pydantic==2.14.4
uvloop==0.23.0
"""
#: Emulated, and without bytecode: pandas alone takes a minute and more there.
_IMPORTS = {PLATFORMS: "import pandas", HEAVY: "import pydantic, scipy, uvloop"}
_STEP = re.compile(
    r"^#(?P<step>\d+) (?:DONE (?:(?P<minutes>\d+) min )?(?P<seconds>[\d.]+) ?s|(?P<name>.+))$"
)
#: Shorter steps are no part of an answer.
_LONG = 0.1


@dataclass
class _Run:
    """One way in one round: a repository that nobody has heard of, and an empty machine."""

    bench: Bench
    scenario: str
    way: str
    number: int
    steps: dict[str, float] = field(default_factory=dict)

    @property
    def repository(self) -> str:
        name = f"{self.scenario}-{self.way.replace('+', '-')}"
        return f"bench-{self.bench.run_id}/{name}-{self.number}"

    @property
    def platforms(self) -> list[str]:
        return [f"linux/{name}" for name in self.way.partition("-")[0].split("+")]

    def measure(self) -> Sample:
        folder = self.bench.folder / "platforms/production-control"
        service = project.example(folder, SHAPE, link=True).services[0]
        if self.way in DOCKERFILES:
            (folder / "Dockerfile").write_text(DOCKERFILES[self.way])
        if self.scenario == HEAVY:
            (folder / "requirements.txt").write_text(HEAVY_REQUIREMENTS)
        machine = self.bench.machine(self.repository, emulation=True)
        key = {"scenario": self.scenario, "shape": SHAPE, "way": self.way, "round": self.number}
        words = ("whalebuild", "bake", service.deps, "--platform", ",".join(self.platforms))

        def bake() -> Outcome:
            ended = machine.run(*words, cwd=folder)
            self.steps = build_steps(ended.output)
            return ended

        sample = self.bench.measure(key, bake, lambda: self._check(machine))
        self.bench.sandbox.down(machine)
        return replace(sample, steps=self.steps)

    def _check(self, machine: Machine) -> int:
        """What is published is for these platforms, and the packages in it can be imported."""
        body, _ = self.bench.registry.get(f"/v2/{self.repository}/manifests/deps")
        published = sorted(_platforms(json.loads(body)))
        if published != sorted(self.platforms):
            raise BenchError(f"published for {', '.join(published)}")
        for platform in self.platforms:
            run = ("docker", "run", "--rm", "--quiet", "--pull=always", "--platform", platform)
            image = f"{machine.env['IMAGE']}:deps"
            imports = ("python", "-c", _IMPORTS[self.scenario])
            machine.run(*run, image, *imports, cwd=self.bench.folder)
        return 0


def run_platforms(bench: Bench, selection: Selection, number: int) -> None:
    """Each of the ways that is asked for, once."""
    for scenario in (PLATFORMS, HEAVY):
        for way in PLATFORM_WAYS:
            if selection.wants(scenario, SHAPE, way, number):
                bench.add(_Run(bench, scenario, way, number).measure())


def build_steps(output: Iterable[str]) -> dict[str, float]:
    """The steps that took long, by the first line that the build's progress has of each."""
    names: dict[str, str] = {}
    steps: dict[str, float] = {}
    for line in output:
        if not (found := _STEP.match(line.rstrip())):
            continue
        if found["name"]:
            names.setdefault(found["step"], found["name"])
            continue
        taken = 60 * int(found["minutes"] or 0) + float(found["seconds"])
        if taken >= _LONG:
            name = names.get(found["step"], "?")
            steps[name] = round(steps.get(name, 0.0) + taken, 2)
    return steps


def _platforms(index: dict[str, list[dict[str, dict[str, str]]]]) -> Iterator[str]:
    for child in index.get("manifests", ()):
        found = child.get("platform", {})
        if found.get("os") == "linux":
            yield f"linux/{found['architecture']}"
