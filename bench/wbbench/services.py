"""The scenarios with many services in one bake file."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from wbbench import project
from wbbench.errors import BenchError
from wbbench.project import Project
from wbbench.running import check_runs
from wbbench.samples import Sample
from wbbench.sandbox import Machine
from wbbench.selection import WAN, Selection
from wbbench.track import Track

#: With these bake only says what is in the file.
QUESTIONS = ("--print", "--list", "--call", "--check", "--help")
#: Passes everything on, and notes what was asked of docker.
SHIM = '#!/bin/sh\necho "$@" >> "{log}"\nexec "{docker}" "$@"\n'


@dataclass
class ManyTrack(Track):
    """A track whose project has many services; they share a prefix of their repositories."""

    scenario: str = "services-1"
    count: int = 1

    @property
    def name(self) -> str:
        """For folders and repositories."""
        return f"{self.way.name}-{self.scenario}"

    def restart(self, number: int) -> None:
        """Begin anew."""
        self.repository = f"bench-{self.bench.run_id}/{self.name}-{number}"
        self.project = project.many(self.bench.folder / self.name, self.count)
        self.published = False


def run_services(track: ManyTrack, selection: Selection, number: int) -> None:
    """Publish all of them once; then change one, and publish from a fresh runner."""
    scenario = track.scenario
    if not selection.wants(scenario, track.shape, track.way.name, number):
        return
    bench = track.bench
    if not track.repository:
        track.restart(number)
        seeder = track.machine()
        sample = track.publish(seeder, f"{scenario}-cold", number, rebuild=True)
        bench.sandbox.down(seeder)
        if not sample.error:
            sample = replace(sample, distinct=_distinct(track))
        bench.add(sample)
        track.broken = sample.error
    if track.broken:
        bench.add(track.fail(scenario, number))
        return
    track.change_code()
    if track.way.name == "whalebuild" and not scenario.startswith(WAN):
        _plan(track, scenario, number)
    machine = track.machine()
    sample = track.publish(machine, scenario, number)
    bench.add(sample if sample.error else _run_once(track, machine, sample))
    bench.sandbox.down(machine)


def _distinct(track: ManyTrack) -> int:
    """The bytes of all that the services' tags hold: what two have in common once."""
    blobs: dict[str, int] = {}
    for service in track.project.services:
        for tag in ("deps", "latest"):
            blobs |= track.bench.registry.blobs(f"{track.repository}{service.suffix}", tag)
    return sum(blobs.values())


def _run_once(track: ManyTrack, machine: Machine, sample: Sample) -> Sample:
    """Start the service that changed, and one that did not; once a track."""
    if track.has_run:
        return sample
    track.has_run = True
    try:
        for service in (track.project.services[0], track.project.services[-1]):
            check_runs(machine, f"{machine.env['IMAGE']}{service.suffix}", service)
    except BenchError as error:
        return replace(sample, error=str(error))
    return sample


def _plan(track: ManyTrack, scenario: str, number: int) -> None:
    """Time the plan of the same change, and count what a bake of it asks of docker."""
    bench, machine = track.bench, track.machine()
    key = {"scenario": f"{scenario}-plan", "shape": track.shape, "way": "whalebuild"}
    folder = track.project.folder
    plan = bench.measure(
        {**key, "round": number}, lambda: machine.run("whalebuild", "plan", cwd=folder), lambda: 0
    )
    bench.add(plan)
    if f"{scenario}-bakes" not in bench.notes and not plan.error:
        bench.notes[f"{scenario}-bakes"] = _count_bakes(machine, track.project)
        track.change_code()
    bench.sandbox.down(machine)


def _count_bakes(machine: Machine, project: Project) -> int:
    """Bake once more, with a docker on the PATH that takes notes. Not timed."""
    folder = machine.home / "shim"
    folder.mkdir()
    log = folder / "log"
    docker = shutil.which("docker", path=machine.env["PATH"])
    (folder / "docker").write_text(SHIM.format(log=log, docker=docker))
    (folder / "docker").chmod(0o755)
    path = {"PATH": f"{folder}{os.pathsep}{machine.env['PATH']}"}
    machine.run("whalebuild", "bake", cwd=project.folder, env=path)
    return bakes(log)


def bakes(log: Path) -> int:
    """How many of the noted commands were bakes that build, and no questions about the file."""
    words = [line.split() for line in log.read_text().splitlines()]
    bakes = [line for line in words if line[:2] == ["buildx", "bake"]]
    return sum(not any(word.startswith(QUESTIONS) for word in line) for line in bakes)
