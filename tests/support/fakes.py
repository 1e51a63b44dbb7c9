"""Stand-ins for the ports of workflows: scripted answers, and a record of what was asked."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.fake_registry import FakeRegistry, push_cache, push_image
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bakefile.target import Target
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.nodes import Node
from whalebuild.buildkit.events import Event
from whalebuild.dockerfile.parser import Dockerfile, parse_dockerfile
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.failures.failure import CommandFailedError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.inputs.values import Build, ContextFiles, StageInputs, Undetermined
from whalebuild.oci.platform import LOCAL
from whalebuild.oci.reference import parse_reference
from whalebuild.plan.definition import NO_DIGEST
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.source.context import LocalContextFiles

AMD64, ARM64 = "linux/amd64", "linux/arm64"
GOOD_FACTS = BuilderFacts("default", "docker", containerd_store=True, platform=AMD64)
BUILDER = BuilderFacts("ci", "docker-container", containerd_store=True, platform=AMD64)
DATA = Path(__file__).parent / "data"


def outcome(action: Callable[[], Any]) -> Any:
    """What the action returns, or the expected error that it raises; no other error passes."""
    try:
        return action()
    except WhalebuildError as error:
        return error


def recording(name: str, target: str | None = None) -> list[str]:
    """The lines of a recorded ``--progress rawjson`` (buildx 0.29), host names replaced.

    With a target only its lines: what a bake of this target alone would have said.
    """
    lines = (DATA / f"{name}.rawjson").read_text().splitlines(keepends=True)
    return [kept for line in lines if (kept := _of_target(line, target))] if target else lines


def _of_target(line: str, target: str) -> str:
    if not line.startswith("{"):
        return line
    status = json.loads(line)
    steps = [
        v
        for v in status.get("vertexes", ())
        if v["name"].startswith((f"[{target} ", f"[{target}]"))
    ]
    if "vertexes" in status and not steps:
        return ""
    return json.dumps({**status, "vertexes": steps}) + "\n"


def patient(attempts: int = 3, announce: Callable[[str], None] = lambda _: None) -> Retrier:
    """A retrier that never sleeps."""
    return Retrier(RetryPolicy(attempts, 180.0), announce, lambda _: None)


def patiently(registry: Any, attempts: int = 3) -> RetryingRegistry:
    """A registry that is read again without a sleep."""
    return RetryingRegistry(registry, patient(attempts))


def definition(targets: Mapping[str, Any], *default: str) -> dict[str, Any]:
    """What ``bake --print`` prints for these targets."""
    full = {n: {"context": ".", "dockerfile": "Dockerfile", **a} for n, a in targets.items()}
    return {"group": {"default": {"targets": list(default or full)}}, "target": full}


def _answer(value: Any) -> Any:
    if isinstance(value, list):
        value = value.pop(0)
    if isinstance(value, Exception):
        raise value
    return value


@dataclass
class FakeEngine:
    """An engine whose answers are given; a list is one answer a call, an exception is raised."""

    file: Any = None
    names: Any = None
    answer_facts: Any = GOOD_FACTS
    bakes: list[tuple[list[str], Exception | None]] = field(default_factory=list)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    requests: list[BakeRequest] = field(default_factory=list)
    listed: list[BakeRequest] = field(default_factory=list)
    looked_at: list[str | None] = field(default_factory=list)
    baked: list[tuple[Mapping[str, Any], str | None, tuple[str, ...]]] = field(default_factory=list)
    dropped: list[tuple[str | None, int]] = field(default_factory=list)
    builders: tuple[str, ...] = ()
    answer_nodes: Any = ()
    asked_nodes: list[str | None] = field(default_factory=list)
    answer_boot: Any = GOOD_FACTS
    booted: list[str | None] = field(default_factory=list)

    def print_bake(self, request: BakeRequest) -> object:
        self.requests.append(request)
        whole = request.definition or _answer(self.file)
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
        self, definition: Mapping[str, Any], *, builder: str | None, allow: Sequence[str]
    ) -> Generator[str, None, None]:
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
    """An engine that does what a definition tells it to, in a registry in memory.

    An image's content is its target's name, the contexts that it stands on and ``salt``; scripted
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
        self, definition: Mapping[str, Any], *, builder: str | None, allow: Sequence[str]
    ) -> Generator[str, None, None]:
        if not self.bakes:
            self.bakes.append(([], None))
        yield from super().bake(definition, builder=builder, allow=allow)
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
        (output,) = target["output"]
        if output["type"] != "image":
            return {}
        tags = [parse_reference(tag, where="tags") for tag in target.get("tags", ())]
        repositories = [tag.repository for tag in tags] or output["name"].split(",")
        assert bool(tags) != ("push-by-digest" in output)
        named = [self.own if p == LOCAL else p for p in target.get("platforms") or [LOCAL]]
        platforms = [p for p in named if p not in self.drops]
        base = name.partition("_")[0]
        content = json.dumps([base, self.salt.get(base), target.get("contexts")])
        digest = push_image(self.registry, repositories, platforms, content, attested=self.attested)
        for tag in tags:
            self.registry.tags[tag.repository, str(tag.tag)] = digest
        metadata: dict[str, Any] = {"containerimage.digest": digest}
        for cache in target.get("cache-to", ()):
            where = parse_reference(cache["ref"], where="cache-to")
            assert where.tag or where.digest == NO_DIGEST
            said = f"cache of {name}: {content}"
            metadata["cache.manifest"] = push_cache(self.registry, where, said, self.config_size)
        return metadata


class FakeTree:
    """Files: names of bake files, one Dockerfile for all targets, and a context.

    The context is read by the real adapter, from a folder that goes away with this.
    """

    DOCKERFILE = (
        "FROM debian AS dependencies\n"
        "COPY requirements.txt .\n"
        "RUN pip install -r requirements.txt\n"
        "FROM dependencies\n"
        "COPY --link app.py .\n"
    )
    FILES = ("docker-bake.hcl",)

    def __init__(
        self,
        text: str | None = DOCKERFILE,
        files: tuple[str, ...] = FILES,
        contents: Mapping[str, str] | None = None,
    ) -> None:
        self.text = text
        self.files = files
        self.read: list[str] = []
        self.root = Path(tempfile.mkdtemp(prefix="whalebuild-test-"))
        weakref.finalize(self, shutil.rmtree, self.root)
        self.write(**{"requirements.txt": "x==1\n", "app.py": "1\n", **(contents or {})})

    def write(self, **contents: str) -> None:
        """Write files below the context."""
        for name, content in contents.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o644)

    def bake_files(self) -> tuple[str, ...]:
        return self.files

    def dockerfile(self, target: Target) -> Dockerfile | None:
        self.read.append(target.name)
        if target.dockerfile_inline:
            return parse_dockerfile(target.dockerfile_inline)
        if "://" in target.context:
            return None
        if self.text is None:
            raise UsageError("cannot read the Dockerfile", cause="No such file or directory")
        return parse_dockerfile(self.text)

    def context_files(
        self, inputs: StageInputs, build: Build, dockerfile: str | None
    ) -> ContextFiles | Undetermined:
        return LocalContextFiles(self.root).list_files(inputs, build, dockerfile)


@dataclass
class FakeNotes:
    """What is known of builders: those that refuse, with the registry."""

    refused: set[tuple[str, str]] = field(default_factory=set)

    def refuses_cache_by_digest(self, builder: str, registry: str) -> bool:
        return (builder, registry) in self.refused

    def note_refusal(self, builder: str, registry: str) -> None:
        self.refused.add((builder, registry))


@dataclass
class FakeConsole:
    """Remembers what it was told."""

    begun: list[tuple[str, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def begin(self, targets: Sequence[str]) -> None:
        self.begun.append(tuple(targets))

    def event(self, event: Event) -> None:
        self.events.append(event)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, what: str, how_far: str) -> None:
        self.shown.append(f"{what}: {how_far}")

    def raw(self, line: str) -> None:
        self.lines.append(line)
