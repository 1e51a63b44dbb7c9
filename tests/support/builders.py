"""A ``builder.ports.Builders`` with given answers, and builders and facts for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.platforms import AMD64, ARM64
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.listing import Builder, CacheUsage
from whalebuild.builder.nodes import Node
from whalebuild.failures.command_failed import CommandFailedError

GOOD_FACTS = BuilderFacts("default", "docker", containerd_store=True, platform=AMD64)
BUILDER = BuilderFacts("ci", "docker-container", containerd_store=True, platform=AMD64)
A = Node("farm0", "tcp://a:1", platforms=(AMD64,), given=(AMD64,), own=AMD64)
B = Node("farm1", "tcp://b:1", platforms=(ARM64,), given=(ARM64,), own=ARM64)
B_DOWN = Node("farm1", "tcp://b:1", status="inactive", given=(ARM64,))
OWN = Builder("default", "docker", (Node("default", "default", platforms=(AMD64,)),), current=True)
REFUSED = CommandFailedError(
    "ERROR: failed to call diskusage: Unavailable: connection error: desc = "
    '"transport: Error while dialing: dial tcp 192.0.2.1:1: connect: connection refused"\n'
)
NO_BUILDER = CommandFailedError('ERROR: no builder "fram" found\n')


def _give(value: Any) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


@dataclass
class FakeBuilders:
    """``there`` has builders by name; ``failures`` has the error of a call by its description."""

    there: dict[str, Any] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    failures: dict[str, BaseException] = field(default_factory=dict)
    usages: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    engine: Any = True
    files: tuple[str, ...] = ()
    calls: list[str] = field(default_factory=list)

    def _call(self, said: str) -> None:
        self.calls.append(said)
        if said in self.failures:
            raise self.failures[said]

    def all(self) -> tuple[Builder, ...]:
        self._call("all")
        return tuple(each for each in self.there.values() if isinstance(each, Builder))

    def look(self, name: str | None, *, boot: bool = False) -> Builder:
        self._call(f"{'boot' if boot else 'look'} {name or 'default'}")
        return _give(self.there.get(name or "default", NO_BUILDER))

    def stored(self, name: str) -> bool:
        return name in self.made

    def create(self, words: Sequence[str]) -> None:
        self._call(f"create {words[-1]}")
        self.made.add(words[1])

    def use(self, name: str) -> None:
        self._call(f"use {name}")

    def remove(self, name: str, *, keep_state: bool = False) -> None:
        self._call(f"remove {name}{' keeping its state' if keep_state else ''}")

    def usage(self, builder: str, node: str) -> CacheUsage:
        return _give(self.usages.get(node, CacheUsage(10, 5)))

    def try_build(self, builder: str, words: Sequence[str]) -> None:
        for word, said in self.refused.items():
            if word in words:
                raise CommandFailedError(said)

    def engine_answers(self) -> bool:
        return _give(self.engine)

    def file(self, path: str) -> str | None:
        return f"/here/{path}" if path in self.files else None


def farm(*nodes: Node) -> FakeBuilders:
    return FakeBuilders({"farm": Builder("farm", "remote", nodes or (A, B)), "default": OWN})
