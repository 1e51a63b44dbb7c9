"""Engines (``plan.ports.PlanEngine``, ``bake.ports.BakeEngine``) with scripted answers.

One of them also pushes what it builds to a registry in memory.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.builders import GOOD_FACTS
from tests.support.platforms import AMD64
from tests.support.registry import FakeRegistry, push_cache, push_image
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bakefile.target import Target
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.nodes import Node
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.platform import LOCAL
from whalebuild.oci.reference import parse_reference
from whalebuild.plan.definition import NO_DIGEST


def definition(targets: Mapping[str, Any], *default: str) -> dict[str, Any]:
    """What ``bake --print`` prints for these targets."""
    full = {n: {"context": ".", "dockerfile": "Dockerfile", **a} for n, a in targets.items()}
    return {"group": {"default": {"targets": list(default or full)}}, "target": full}


def read_definition(definition: Mapping[str, Any] | None) -> Any:
    """A bake definition as buildx reads it: its strings are templates."""
    if definition is None:
        return None
    written = json.dumps(definition)
    return json.loads(written.replace("$${", "${").replace("%%{", "%{"))


def _answer(value: Any) -> Any:
    if isinstance(value, list):
        value = value.pop(0)
    if isinstance(value, Exception):
        raise value
    return value


@dataclass
class FakeEngine:
    """An engine with given answers: a list has one for each call, an exception is raised."""

    file: Any = None
    names: Any = None
    answer_facts: Any = GOOD_FACTS
    bakes: list[tuple[list[str], Exception | None]] = field(default_factory=list)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    printed: str = ""
    requests: list[BakeRequest] = field(default_factory=list)
    listed: list[BakeRequest] = field(default_factory=list)
    looked_at: list[str | None] = field(default_factory=list)
    baked: list[tuple[Mapping[str, Any], str | None, tuple[str, ...]]] = field(default_factory=list)
    labelled: list[bool] = field(default_factory=list)
    dropped: list[tuple[str | None, int]] = field(default_factory=list)
    builders: tuple[str, ...] = ()
    answer_nodes: Any = ()
    asked_nodes: list[str | None] = field(default_factory=list)
    answer_boot: Any = GOOD_FACTS
    booted: list[str | None] = field(default_factory=list)

    def print_bake(self, request: BakeRequest) -> object:
        self.requests.append(request)
        whole = read_definition(request.definition) or _answer(self.file)
        known = whole["target"]
        if unknown := [name for name in request.targets if name not in known]:
            raise CommandFailedError(f"ERROR: failed to find target {unknown[0]}\n")
        wanted = list(request.targets) or whole["group"]["default"]["targets"]
        linked = [n for w in wanted or () for n in Target(w, known[w]).linked]
        targets = {name: known[name] for name in [*(wanted or ()), *linked]}
        return {"group": {"default": {"targets": wanted}}, "target": targets}

    def target_names(self, request: BakeRequest) -> tuple[str, ...]:
        self.listed.append(request)
        return _answer(self.names) if self.names is not None else tuple(self.file["target"])

    def facts(self, builder: str | None) -> BuilderFacts:
        self.looked_at.append(builder)
        return _answer(self.answer_facts)

    def nodes(self, builder: str | None) -> tuple[Node, ...]:
        self.asked_nodes.append(builder)
        return _answer(self.answer_nodes)

    def has_builder(self, name: str) -> bool:
        return name in self.builders

    def boot(self, builder: str | None) -> BuilderFacts:
        self.booted.append(builder)
        return _answer(self.answer_boot)

    def bake(
        self,
        definition: Mapping[str, Any],
        *,
        builder: str | None,
        allow: Sequence[str],
        git_labels: bool = True,
        call: str | None = None,
    ) -> Generator[str, None, None]:
        self.labelled.append(git_labels)
        self.baked.append((definition, builder, tuple(allow)))
        lines, failure = self.bakes.pop(0)
        yield from lines
        if failure:
            raise failure

    def drop_broken(self, builder: str | None) -> None:
        self.dropped.append((builder, len(self.baked)))
        raise CommandFailedError("ERROR: no builder\n")


@dataclass
class PushingEngine(FakeEngine):
    """An engine that executes a definition: it pushes images to a registry in memory.

    An image's content is its target's name, the contexts that it uses and ``salt``; scripted
    ``bakes``, where there are any, say what is streamed and which bake fails.

    Attributes:
        registry: Where it pushes to.
        salt: Further content by target's name (that of the bake file, without platform).
        drops: Platforms that it leaves out.
        attested: Whether images have attestations, and so are indexes.
        config_size: Of the caches that it exports.
        own: Its own platform.
    """

    registry: FakeRegistry = field(default_factory=FakeRegistry)
    salt: dict[str, str] = field(default_factory=dict)
    drops: tuple[str, ...] = ()
    attested: bool = True
    config_size: int = 500
    own: str = AMD64

    def bake(
        self,
        definition: Mapping[str, Any],
        *,
        builder: str | None,
        allow: Sequence[str],
        git_labels: bool = True,
        call: str | None = None,
    ) -> Generator[str, None, None]:
        if not self.bakes:
            self.bakes.append(([], None))
        yield from super().bake(
            definition, builder=builder, allow=allow, git_labels=git_labels, call=call
        )
        names = definition["group"]["default"]["targets"]
        self.metadata = {name: self._run(name, definition["target"][name]) for name in names}

    def targets(self, bake: int) -> dict[str, Any]:
        """The targets of one bake's default group."""
        made = self.baked[bake][0]
        return {name: made["target"][name] for name in made["group"]["default"]["targets"]}

    @property
    def built(self) -> list[list[str]]:
        """The names of what each bake built."""
        return [list(self.targets(number)) for number in range(len(self.baked))]

    def _run(self, name: str, target: Mapping[str, Any]) -> dict[str, Any]:
        (output,) = target.get("output") or [{"type": "cacheonly"}]
        if target.get("call"):
            return {}
        base = name.partition("_")[0]
        content = json.dumps([base, self.salt.get(base), target.get("contexts")])
        metadata: dict[str, Any] = {}
        if output["type"] == "image":
            metadata["containerimage.digest"] = self._push(target, output, content)
        for cache in target.get("cache-to", ()):
            where = parse_reference(cache["ref"], where="cache-to")
            assert where.tag or where.digest == NO_DIGEST
            said = f"cache of {name}: {content}"
            metadata["cache.manifest"] = push_cache(self.registry, where, said, self.config_size)
        return metadata

    def _push(self, target: Mapping[str, Any], output: Mapping[str, str], content: str) -> str:
        tags = [parse_reference(tag, where="tags") for tag in target.get("tags", ())]
        repositories = [tag.repository for tag in tags] or output["name"].split(",")
        assert bool(tags) != ("push-by-digest" in output)
        named = [self.own if p == LOCAL else p for p in target.get("platforms") or [LOCAL]]
        platforms = [p for p in named if p not in self.drops]
        digest = push_image(self.registry, repositories, platforms, content, attested=self.attested)
        for tag in tags:
            self.registry.tags[tag.repository, str(tag.tag)] = digest
        return digest
