"""Builders as buildx shows them: ``docker buildx inspect``, ``ls`` and ``du``.

``inspect`` looks at one builder and has no form for machines; ``ls`` has one, and looks at all
builders, those included that make it wait (``commands/inspect.go`` and ``ls.go`` in
https://github.com/docker/buildx).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from whalebuild.builder.nodes import RUNNING, Node
from whalebuild.values import dataclass

# "Name:   value" at the margin; what a node has more than one line of is indented.
_FIELD = re.compile(r"(?P<name>\S[^:]*):\s*(?P<value>.*)")
# Drivers that start BuildKit from its image.
_FROM_IMAGE = frozenset({"docker-container", "kubernetes"})

# "Total:   1.2GB", below the table of ``du``.
_SIZE = re.compile(
    r"^(?P<name>[A-Za-z]+):\s+(?P<number>[\d.]+)\s*(?P<unit>[kMGTP]?)B\s*$", re.MULTILINE
)
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}


@dataclass(frozen=True)
class Builder:
    """One builder.

    Attributes:
        name: Its name.
        driver: docker, docker-container, kubernetes or remote; empty where that cannot be told.
        nodes: Its nodes; those that do not run have no platforms but what they were given.
        error: Why nothing more is known of it.
        current: Whether it is the one that buildx uses where none is named.
    """

    name: str
    driver: str
    nodes: tuple[Node, ...] = ()
    error: str | None = None
    current: bool = False

    @property
    def runs(self) -> bool:
        """Whether any node of it runs."""
        return any(node.status == RUNNING for node in self.nodes)

    @property
    def platform(self) -> str | None:
        """What is built where no platform is named: what its first node was given first.

        Or else that node's own. (buildx takes the own one even of a node that was given
        another to build.) A node of whose machine nothing is known does not count.
        """
        known = (node for node in self.nodes if node.platforms or node.own)
        first = next(known, None)
        return next(filter(None, (*first.given, *first.platforms, first.own))) if first else None

    def with_given_platforms(self, given: Mapping[str, tuple[str, ...]]) -> Builder:
        """This builder with the platforms that its nodes were given when it was made.

        For one that buildx was asked about as if they had been given none: a running node's first
        platform is its machine's own then.

        Args:
            given: Platforms by node name.
        """
        nodes = (
            replace(
                node,
                given=given.get(node.name, ()),
                own=node.platforms[0] if node.platforms else node.own,
            )
            for node in self.nodes
        )
        return replace(self, nodes=tuple(nodes))


@dataclass(frozen=True)
class CacheUsage:
    """Bytes, rounded by buildx to four digits; None where it does not say.

    Attributes:
        total: All that it holds.
        reclaimable: What ``docker buildx prune --all`` would remove.
    """

    total: int | None = None
    reclaimable: int | None = None


def read_inspection(text: str) -> Builder:
    """Read what ``docker buildx inspect`` prints; what is not there stays empty."""
    head, *blocks = list(_blocks(text)) or [{}]
    driver = head.get("Driver", "")
    nodes = tuple(_node(block, driver) for block in blocks)
    return Builder(head.get("Name", ""), driver, nodes, head.get("Error") or None)


def read_listing(text: str) -> tuple[Builder, ...]:
    """Read what ``docker buildx ls --format json`` prints: a JSON object a line.

    Raises:
        ValueError: It is something else.
    """
    return tuple(_builder(json.loads(line)) for line in text.splitlines() if line.strip())


def read_usage(text: str) -> CacheUsage:
    """Read what ``docker buildx du`` prints."""
    found = {
        line["name"]: round(float(line["number"]) * _UNITS[line["unit"]])
        for line in _SIZE.finditer(text)
    }
    return CacheUsage(found.get("Total"), found.get("Reclaimable"))


def _builder(listed: Mapping[str, Any]) -> Builder:
    name, driver = str(listed.get("Name") or ""), str(listed.get("Driver") or "")
    named = (node for node in listed.get("Nodes") or () if node.get("Name"))
    nodes = tuple(_listed_node(node, driver) for node in named)
    error = str(listed.get("Err") or "") or None
    return Builder(name, driver, nodes, error, bool(listed.get("Current")))


def _listed_node(node: Mapping[str, Any], driver: str) -> Node:
    return Node(
        name=str(node["Name"]),
        endpoint=str(node.get("Endpoint") or ""),
        status=str(node.get("Status") or ""),
        platforms=tuple(node.get("Platforms") or ()),
        version=str(node.get("Version") or ""),
        brings_qemu=driver in _FROM_IMAGE,
        error=str(node.get("Err") or "") or None,
    )


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


def _node(block: Mapping[str, str], driver: str) -> Node:
    """Read a node; buildx marks the platforms that it was given with a ``*``."""
    words = [word.strip() for word in block.get("Platforms", "").split(",") if word.strip()]
    given = tuple(word.rstrip("*") for word in words if word.endswith("*"))
    status = block.get("Status", "")
    return Node(
        name=block.get("Name", ""),
        endpoint=block.get("Endpoint", ""),
        status=status,
        # buildx shows a node that does not run with the platforms that it was given.
        platforms=tuple(word.rstrip("*") for word in words) if status == RUNNING else (),
        given=given,
        version=block.get("BuildKit version", ""),
        brings_qemu=driver in _FROM_IMAGE,
        error=block.get("Error") or None,
    )
