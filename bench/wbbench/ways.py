"""The ways with Docker: what people do today, the hand-tuned floor, and whalebuild.

A way is asked to ``prepare`` a work: whatever a team would have written down once (a bake file,
a digest) is done there, and what comes back is the part that is timed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from wbbench.as_written import TUNED
from wbbench.project import Project, Service
from wbbench.registry import Registry
from wbbench.sandbox import Machine, Outcome

Timed = Callable[[], Outcome | None]


@dataclass(frozen=True)
class Work:
    """One project to publish from one machine."""

    project: Project
    image: str
    repository: str
    registry: Registry
    machine: Machine
    #: Whether the dependencies are to be built: nothing is published yet, or they changed.
    rebuild: bool
    #: For what belongs to this machine and this work alone.
    scratch: Path

    def run(self, *command: str | Path) -> Outcome:
        """Run a command in the project's folder."""
        return self.machine.run(*command, cwd=self.project.folder)

    def of(self, service: Service) -> str:
        """The service's repository as clients name it."""
        return f"{self.image}{service.suffix}"

    def bake(self, override: dict[str, object], *arguments: str) -> None:
        """Run the project's own bake file, and what the way adds to it."""
        file = self.scratch / "override.json"
        file.write_text(json.dumps({"target": override}, indent=1))
        files = ("-f", "docker-bake.hcl", "-f", str(file))
        self.run("docker", "buildx", "bake", *files, *arguments)


@dataclass(frozen=True)
class Way:
    """A name for tables and filters, and one line that says what it is."""

    name: str
    title: str

    def unavailable(self) -> str | None:
        """Why it cannot run here; None if it can."""

    def prepare(self, work: Work) -> Timed:
        """Everything that is not timed; the result is."""
        raise NotImplementedError


class ByHand(Way):
    """Two builds and two pushes for each service; one where it has one image."""

    def prepare(self, work: Work) -> Timed:
        """Nothing to prepare."""
        env = work.machine.env
        options = ["--build-arg", f"PYTHON_IMAGE={env['PYTHON_IMAGE']}"]
        options += ["--secret", f"id=ca,src={env['CA_BUNDLE']}"]

        def timed() -> None:
            for service in work.project.services:
                deps, app = f"{work.of(service)}:deps", f"{work.of(service)}:latest"
                stage = ("--target", "dependencies", "-t", deps)
                if service.deps:
                    work.run("docker", "build", *options, *stage, service.context)
                work.run("docker", "build", *options, "-t", app, service.context)
                if service.deps:
                    work.run("docker", "push", deps)
                work.run("docker", "push", app)

        return timed


class InlineCache(Way):
    """The cache's metadata rides in `:deps` itself, or in the one image that there is."""

    def prepare(self, work: Work) -> Timed:
        """Write what this adds to the bake file."""
        override: dict[str, object] = {}
        for service in work.project.services:
            carrier = service.deps or service.app
            tag = "deps" if service.deps else "latest"
            cache = [f"type=registry,ref={work.of(service)}:{tag}"]
            override[service.app] = {"cache-from": cache}
            override[carrier] = {"cache-from": cache, "cache-to": ["type=inline"]}
        return lambda: work.bake(override, "--push")


class MaxCache(Way):
    """A third tag; the application's target exports it, which covers all stages."""

    def prepare(self, work: Work) -> Timed:
        """Write what this adds to the bake file."""
        override: dict[str, object] = {}
        for service in work.project.services:
            cache = f"type=registry,ref={work.of(service)}:buildcache"
            if service.deps:
                override[service.deps] = {"cache-from": [cache]}
            override[service.app] = {"cache-from": [cache], "cache-to": [f"{cache},mode=max"]}
        return lambda: work.bake(override, "--push")


class Floor(Way):
    """By hand, knowing all: the context pinned to the published image, nothing else built.

    Where the final stage copies from the dependencies, a cache exported by the application while
    it was pinned the same way spares it the download of what it copies. A Dockerfile that has no
    stage for the dependencies was given one, and `--link`.
    """

    def prepare(self, work: Work) -> Timed:
        """Look the pinned digests up, unless they are only just going to be made."""
        if not work.rebuild:
            override = self._applications(work)
            return lambda: work.bake(override, *_names(work.project.services))
        push = dict(self._dependencies(work, service) for service in work.project.services)

        def timed() -> None:
            work.bake(push, "--push", *push)
            work.bake(self._applications(work), *_names(work.project.services))

        return timed

    def _applications(self, work: Work) -> dict[str, object]:
        return {service.app: self._application(work, service) for service in work.project.services}

    def _dependencies(self, work: Work, service: Service) -> tuple[str, dict[str, object]]:
        """The target of the dependencies, and what to add to it."""
        if service.deps:
            return service.deps, {}
        tags = [f"{work.of(service)}:deps"]
        stage = {"dockerfile": TUNED, "target": "dependencies"}
        return "deps", {"inherits": ["_common"], **stage, "tags": tags}

    def _application(self, work: Work, service: Service) -> dict[str, object]:
        image = work.of(service)
        _, digest = work.registry.image(f"{work.repository}{service.suffix}", "deps")
        output = "type=image,push=true,store=false,unpack=false"
        target: dict[str, object] = {
            "contexts": {"dependencies": f"docker-image://{image}@{digest}"},
            "output": [output],
        }
        if not service.deps:
            target |= {"dockerfile": TUNED, "target": "final"}
        if work.project.shape == "copy":
            cache = f"type=registry,ref={image}:buildcache"
            target["cache-to" if work.rebuild else "cache-from"] = [
                f"{cache},mode=max" if work.rebuild else cache
            ]
        return target


class Whalebuild(Way):
    """The project's bake file as it is."""

    def prepare(self, work: Work) -> Timed:
        """Nothing to prepare."""
        return lambda: work.run("whalebuild", "bake")


def _names(services: Iterable[Service]) -> list[str]:
    return [service.app for service in services]


DOCKER_WAYS: tuple[Way, ...] = (
    ByHand("by-hand", "`docker build` and `docker push`, for each of the two tags"),
    InlineCache("inline", "`buildx bake` of both, inline cache on `:deps`"),
    MaxCache("max", "`buildx bake` of both, `mode=max` cache under a third tag, `:buildcache`"),
    Floor("floor", "`buildx bake` of a bake file written by hand, pinned to `:deps` by digest"),
    Whalebuild("whalebuild", "`whalebuild bake`"),
)
