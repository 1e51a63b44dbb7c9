"""A project, an engine and a registry in memory: a bake from its request to the tags."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.builder_notes import FakeNotes
from tests.support.builders import BUILDER
from tests.support.console import FakeConsole
from tests.support.engine import PushingEngine, definition
from tests.support.progress import step
from tests.support.registry import FakeRegistry
from tests.support.retrier import patient
from tests.support.source_tree import FakeTree
from tests.support.web import FakeWeb
from whalebuild.bake.baker import Baker
from whalebuild.bake.result import BakeResult
from whalebuild.bakefile.images import BuildOptions
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bundle.index import Bundle, read_bundle
from whalebuild.bundle.published import PublishedApp, read_app
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.manifest import parse_index
from whalebuild.oci.reference import parse_reference
from whalebuild.plan.plan import Plan
from whalebuild.plan.planner import Planner
from whalebuild.settings import Settings

DEPS, APP = "acme/web:deps", "acme/web:latest"
UNKNOWN = "FROM debian AS dependencies\nADD https://x/y /\nFROM dependencies\n"
WEB = {"app": {"tags": ["acme/web:latest"]}}
PUSH_BUSY = "ERROR: failed to solve: failed to push acme/web:deps: 503 Service Unavailable\n"
DONE = (step("[1/1] RUN x"), step("exporting to image", "503"))


@dataclass
class BakeWorld:
    """Everything that a bake reads and writes; ``console`` is that of the last bake."""

    engine: PushingEngine = field(
        default_factory=lambda: PushingEngine(definition(WEB), answer_facts=BUILDER)
    )
    tree: FakeTree = field(default_factory=FakeTree)
    settings: Settings = field(default_factory=Settings)
    console: FakeConsole = field(default_factory=FakeConsole)
    notes: FakeNotes = field(default_factory=FakeNotes)
    web: FakeWeb = field(default_factory=FakeWeb)

    @property
    def registry(self) -> FakeRegistry:
        return self.engine.registry

    def targets(self, **targets: dict[str, Any]) -> None:
        """Replace the bake file."""
        self.engine.file = definition(targets)

    def plan(self, *names: str, ask: bool = True, thorough: bool = False, **options: Any) -> Plan:
        planner = Planner(
            *(self.engine, self.registry, self.tree, self.settings, patient()),
            ask=ask,
            thorough=thorough,
            web=self.web,
        )
        return planner.plan(BakeRequest(targets=names), BuildOptions(**options))

    def run(self, plan: Plan) -> BakeResult:
        """Bake a plan; records of earlier requests and builds are cleared."""
        return self.new_baker(plan).bake()

    def new_baker(self, plan: Plan) -> Baker:
        """A baker; records of earlier requests and builds are cleared."""
        self.registry.requests.clear()
        self.engine.baked.clear()
        self.console = FakeConsole()
        retrier = patient(announce=self.console.note)
        clock = itertools.count(10).__next__
        return Baker(
            *(plan, self.engine, self.registry, self.console, retrier, self.notes),
            clock=clock,
            token=lambda: "5ca1ab1e",
            web=self.web,
        )

    def bake(self, *names: str, **options: Any) -> BakeResult:
        return self.run(self.plan(*names, **options))

    def set(self, **settings: Any) -> None:
        self.settings = replace(self.settings, **settings)

    def base(self, name: str = "debian:latest", content: bytes = b"one") -> str:
        """Put a base image into the registry; returns its digest."""
        return self.registry.keep(parse_reference(name, where="a test"), content)


def actions(result: BakeResult) -> dict[str, str]:
    return {target.target: target.action for target in result.targets}


def bundle_of(world: BakeWorld, text: str = DEPS) -> Bundle:
    found = world.registry.at(text)
    index = parse_index(found.raw)
    assert index
    return read_bundle(index, found.digest)


def app_of(world: BakeWorld, text: str = APP) -> PublishedApp:
    return read_app(parse_reference(text, where="a test"), world.registry.at(text))


def published() -> BakeWorld:
    """A world in which everything is published once."""
    world = BakeWorld()
    world.bake()
    return world


def refs(world: BakeWorld, bake: int, name: str, key: str) -> list[str]:
    return [entry["ref"] for entry in world.engine.targets(bake)[name].get(key, ())]


def stale() -> BakeWorld:
    """A published world whose dependencies have to be rebuilt, with a cache to import."""
    world = published()
    world.tree.write(**{"requirements.txt": "x==2\n"})
    return world


def scripted(*bakes: tuple[Sequence[str], str | None]) -> BakeWorld:
    world = stale()
    world.engine.bakes = [
        (list(lines), CommandFailedError(words) if words else None) for lines, words in bakes
    ]
    return world
