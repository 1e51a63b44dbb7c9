"""One way on one shape of Dockerfile: a project, its repository, and the machines that know it.

The registry's state is carried from one scenario to the next, as in a team's week: published
once, then changed again and again. Every change is new to the world (the release number is in
the code), so no cache of another way or round can have it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from wbbench import project
from wbbench.errors import BenchError
from wbbench.measuring import Bench
from wbbench.project import Project
from wbbench.samples import Sample
from wbbench.sandbox import Machine
from wbbench.ways import Way, Work


@dataclass
class Track:
    """The state of one way."""

    bench: Bench
    way: Way
    shape: str
    link: bool = True
    published: bool = False
    #: Whether what was published has been started, and did what it should.
    has_run: bool = False
    broken: str = ""
    repository: str = ""
    project: Project | None = None
    #: A machine that has built and published all this itself, but for what others did since.
    warm: Machine | None = None
    warm_is_current: bool = False
    #: Of another track of the same way and shape.
    prefix: str = ""
    #: A production host that has some earlier `:latest`.
    host: Machine | None = None
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def name(self) -> str:
        """For folders and repositories."""
        return f"{self.prefix}{self.way.name}-{self.shape}"

    def restart(self, number: int) -> None:
        """Begin anew: the example as it is, and a repository that nobody has heard of."""
        self.forget_machines()
        self.repository = f"bench-{self.bench.run_id}/{self.name}-{number}"
        folder = self.bench.folder / self.name / "production-control"
        self.project = project.example(folder, self.shape, link=self.link)
        self.published, self.broken = False, ""

    def change_code(self) -> None:
        """Make the code differ from all code before; in a project of many, that of the first."""
        self.project.services[0].change_code(f"{self.name}-{next(self._numbers)}")

    def machine(self) -> Machine:
        """A fresh machine for this repository."""
        return self.bench.machine(self.repository)

    def publish(
        self, machine: Machine, scenario: str, number: int, *, rebuild: bool = False
    ) -> Sample:
        """Let the way publish the project from that machine, timed and checked.

        ``rebuild`` says that there are dependencies to build, which must show in ``:deps``.
        """
        scratch = machine.home / "bench"
        scratch.mkdir(exist_ok=True)
        image = machine.env["IMAGE"]
        registry = self.bench.registry
        work = Work(self.project, image, self.repository, registry, machine, rebuild, scratch)
        key = {"scenario": scenario, "shape": self.shape, "way": self.way.name, "round": number}
        try:
            timed = self.way.prepare(work)
            before = self._dependencies() if self.published and rebuild else None
        except BenchError as error:
            return Sample(**key, error=str(error))
        sample = self.bench.measure(key, timed, lambda: self._check(before))
        self.published = self.published or not sample.error
        return sample

    def fail(self, scenario: str, number: int) -> Sample:
        """A sample for what could not be tried, because it stands on what failed before."""
        return Sample(scenario, self.shape, self.way.name, number, error=self.broken)

    def forget_machines(self) -> None:
        """Take down the machines that go with this repository."""
        for machine in (self.warm, self.host):
            if machine:
                self.bench.sandbox.down(machine)
        self.warm = self.host = None

    def _dependencies(self) -> set[str]:
        return set(self.bench.registry.layers(self.repository, "deps"))

    def _check(self, dependencies_before: set[str] | None) -> int:
        """`:latest` must hold the code as it is now: doing nothing is fast as well."""
        if dependencies_before is not None and self._dependencies() == dependencies_before:
            raise BenchError("published, but :deps has the layers that it had before")
        service = self.project.services[0]
        published, size = self.bench.registry.code(f"{self.repository}{service.suffix}")
        if published != service.code.read_text():
            raise BenchError("published, but :latest has other code than the project")
        return size
