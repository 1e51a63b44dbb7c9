"""Machines that bake a platform each, and the job that merges what they have built."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.bake import BakeWorld
from tests.support.builders import BUILDER
from tests.support.console import FakeConsole
from tests.support.platforms import AMD64, ARM64
from tests.support.registry import FakeRegistry
from tests.support.retrier import patient
from whalebuild.bake.partial.format import part_json, read_part
from whalebuild.bake.partial.merge import Merger
from whalebuild.bake.partial.part import Part
from whalebuild.bake.result import BakeResult
from whalebuild.bakefile.images import Portion
from whalebuild.builder.facts import BuilderFacts
from whalebuild.oci.manifest import parse_index
from whalebuild.settings import Settings

BOTH = (AMD64, ARM64)
Document = dict[str, Any]


@dataclass
class Farm:
    """One world for each platform, with one registry.

    Attributes:
        documents: What the last partial bakes have written, by platform.
        said: Notes of the last merge.
    """

    registry: FakeRegistry = field(default_factory=FakeRegistry)
    facts: BuilderFacts = BUILDER
    worlds: dict[str, BakeWorld] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.worlds = {platform: self.another() for platform in BOTH}

    def another(self) -> BakeWorld:
        """One more machine."""
        world = BakeWorld()
        world.engine.registry = self.registry
        world.engine.answer_facts = self.facts
        world.set(platform=BOTH)
        return world

    def each(self, change: Callable[[BakeWorld], object]) -> None:
        """Change all machines."""
        for world in self.worlds.values():
            change(world)

    def bake(self, *platforms: str, **options: Any) -> None:
        """Bake parts; all of them where none is named."""
        for platform in platforms or BOTH:
            self.documents[platform] = bake_part(self.worlds[platform], platform, **options)

    def merge(self, *documents: Document, **settings: Any) -> BakeResult:
        """Merge what was baked, or other documents; not in the order of the platforms."""
        wanted = documents or [self.documents[p] for p in reversed(BOTH)]
        self.registry.requests.clear()
        console = FakeConsole()
        self.said = console.notes
        clock = itertools.count(10).__next__
        merger = Merger(self.registry, console, patient(), Settings(**settings), clock)
        return merger.merge(read(wanted))

    @property
    def tags(self) -> list[str]:
        return sorted(tag for _, tag in self.registry.tags)


def read(documents: Sequence[Document]) -> list[Part]:
    """Read documents as files."""
    return [read_part(json.dumps(each), _name(each)) for each in documents]


def _name(document: Document) -> str:
    platforms = document["platforms"]
    ours = isinstance(platforms, list) and all(isinstance(each, str) for each in platforms)
    return f"{'_'.join(platforms)}.json" if ours else "edited.json"


def bake_part(world: BakeWorld, *platforms: str, **options: Any) -> Document:
    """Bake on one machine; returns the document of its part."""
    plan = world.plan(portion=Portion(platforms, f"t{len(world.registry.manifests)}"), **options)
    part, result = world.new_baker(plan).bake_part()
    assert not result.published
    return part_json(part)


def children(world: BakeWorld, text: str) -> list[tuple[str, str, int, object]]:
    """An index without its attestations, whose digests differ with every push."""
    index = parse_index(world.registry.at(text).raw)
    assert index
    return [
        (str(child.platform), child.digest, child.size, dict(child.annotations))
        for child in index.manifests
        if not child.attests
    ] + [("annotations", "", 0, dict(index.annotations))]


def single() -> BakeWorld:
    """The result of one bake of both platforms, to compare with."""
    world = Farm().another()
    world.bake()
    return world


def merged(farm: Farm | None = None) -> Farm:
    farm = farm or Farm()
    farm.bake()
    farm.merge()
    return farm
