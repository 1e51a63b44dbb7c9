"""Builders as buildx shows them: ``docker buildx inspect``, which has no form for machines.

It looks at one builder, and ``docker buildx ls`` at all, those included that make it wait. The form
is that of ``commands/inspect.go`` in https://github.com/docker/buildx; where it gets one for
machines, this goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whalebuild.core.nodes import RUNNING, Node

# "Name:   value" at the margin; what a node has more than one line of is indented.
_FIELD = re.compile(r"(?P<name>\S[^:]*):\s*(?P<value>.*)")


@dataclass(frozen=True)
class Builder:
    """One builder.

    Attributes:
        name: Its name.
        driver: docker, docker-container, kubernetes or remote; empty where that cannot be told.
        nodes: Its nodes; those that do not run have no platforms but what they were given.
        error: Why nothing more is known of it.
    """

    name: str
    driver: str
    nodes: tuple[Node, ...] = ()
    error: str | None = None

    @property
    def runs(self) -> bool:
        """Whether any node of it runs."""
        return any(node.status == RUNNING for node in self.nodes)

    @property
    def platform(self) -> str | None:
        """The platform that it builds for where none is named: its first running node's."""
        return next((node.platforms[0] for node in self.nodes if node.platforms), None)


def read_inspection(text: str) -> Builder:
    """Read what ``docker buildx inspect`` prints; what is not there stays empty."""
    head, *blocks = list(_blocks(text)) or [{}]
    nodes = tuple(_node(block) for block in blocks)
    return Builder(head.get("Name", ""), head.get("Driver", ""), nodes, head.get("Error") or None)


def _blocks(text: str) -> Iterator[Mapping[str, str]]:
    """The builder's fields, then each node's."""
    block: dict[str, str] = {}
    for line in text.splitlines():
        found = _FIELD.match(line)
        if found is None:
            continue
        if found["name"] == "Name" and block:
            yield block
            block = {}
        block.setdefault(found["name"], found["value"].strip())
    if block:
        yield block


def _node(block: Mapping[str, str]) -> Node:
    """A ``*`` is behind the platforms that a node was given."""
    words = [word.strip() for word in block.get("Platforms", "").split(",") if word.strip()]
    given = tuple(word.rstrip("*") for word in words if word.endswith("*"))
    status = block.get("Status", "")
    return Node(
        name=block.get("Name", ""),
        endpoint=block.get("Endpoint", ""),
        status=status,
        # One that does not run is shown with what it was given, and can build nothing now.
        platforms=tuple(word.rstrip("*") for word in words) if status == RUNNING else (),
        given=given,
        version=block.get("BuildKit version", ""),
        error=block.get("Error") or None,
    )
