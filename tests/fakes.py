"""Stand-ins for the ports of workflows: scripted answers, and a record of what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from whalebuild.core.bakefile import Target
from whalebuild.core.dockerfile import Dockerfile, parse_dockerfile
from whalebuild.core.errors import UsageError, WhalebuildError
from whalebuild.core.events import Event
from whalebuild.core.failures import CommandFailedError, RequestFailedError, classify
from whalebuild.core.references import Reference
from whalebuild.core.request import BakeRequest, EngineFacts

GOOD_FACTS = EngineFacts("default", "docker", containerd_store=True)
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
    registry: dict[str, Any] = field(default_factory=dict)
    bakes: list[tuple[list[str], Exception | None]] = field(default_factory=list)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    requests: list[BakeRequest] = field(default_factory=list)
    listed: list[BakeRequest] = field(default_factory=list)
    looked_at: list[str | None] = field(default_factory=list)
    baked: list[tuple[Mapping[str, Any], str | None, tuple[str, ...]]] = field(default_factory=list)

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

    def facts(self, builder: str | None) -> EngineFacts:
        self.looked_at.append(builder)
        return _answer(self.answer_facts)

    def head(self, reference: Reference) -> object | None:
        """The registry's part: what the adapter would raise for these words of docker."""
        try:
            return _answer(self.registry.get(str(reference))) or None
        except CommandFailedError as failed:
            raise RequestFailedError(classify(failed.stderr)) from None

    def bake(
        self, definition: Mapping[str, Any], *, builder: str | None, allow: Sequence[str]
    ) -> Iterator[str]:
        self.baked.append((definition, builder, tuple(allow)))
        lines, failure = self.bakes.pop(0)
        yield from lines
        if failure:
            raise failure


@dataclass
class FakeTree:
    """Files in memory: names of bake files, and one Dockerfile for all targets."""

    files: tuple[str, ...] = ("docker-bake.hcl",)
    text: str | None = "FROM debian AS dependencies\nRUN pip install x\nFROM dependencies\n"
    read: list[str] = field(default_factory=list)

    def bake_files(self) -> tuple[str, ...]:
        return self.files

    def dockerfile(self, target: Target) -> Dockerfile | None:
        self.read.append(target.name)
        if self.text is None:
            raise UsageError("cannot read the Dockerfile", cause="No such file or directory")
        return parse_dockerfile(self.text)


@dataclass
class FakeConsole:
    """Remembers what it was told."""

    begun: list[tuple[str, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def begin(self, targets: Sequence[str]) -> None:
        self.begun.append(tuple(targets))

    def event(self, event: Event) -> None:
        self.events.append(event)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def raw(self, line: str) -> None:
        self.lines.append(line)
