"""A builder as it is shown, in text and for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from whalebuild.builder.capabilities import Feature, main_platforms, misplaced
from whalebuild.builder.listing import Builder, CacheUsage
from whalebuild.builder.nodes import Execution, Node, NodePlacement, places

LIST_SCHEMA = "whalebuild.builders/1"
SCHEMA = "whalebuild.builder/1"
REMOVED_SCHEMA = "whalebuild.builder-removed/1"


@dataclass(frozen=True)
class NodeView:
    """A node, how much cache it holds, and why it does not answer."""

    node: Node
    usage: CacheUsage | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class BuilderView:
    """A builder, with what was found out about its nodes and what it can do."""

    builder: Builder
    nodes: tuple[NodeView, ...]
    features: tuple[Feature, ...] = ()

    @property
    def places(self) -> tuple[NodePlacement, ...]:
        """Where each platform is built."""
        return builder_places(self.builder)


def builder_places(builder: Builder) -> tuple[NodePlacement, ...]:
    """Where each platform is built."""
    return places(builder.nodes, main_platforms(builder))


def list_json(builders: Iterable[Builder]) -> dict[str, Any]:
    """The versioned form of ``builder ls``."""
    shown = [{**_builder(each), "nodes": [_node(n) for n in each.nodes]} for each in builders]
    return {"schema": LIST_SCHEMA, "builders": shown}


def view_json(view: BuilderView) -> dict[str, Any]:
    """The versioned form of ``builder inspect`` and ``create``; sizes are bytes."""
    nodes = [
        {
            **_node(each.node),
            "error": each.trouble or each.node.error,
            "cache_bytes": each.usage and each.usage.total,
            "reclaimable_bytes": each.usage and each.usage.reclaimable,
        }
        for each in view.nodes
    ]
    features = [
        {"name": f.name, "able": f.able, "known_by": f.known.value, "why": f.why}
        for f in view.features
    ]
    shown = {**_builder(view.builder), "nodes": nodes, "features": features}
    return {"schema": SCHEMA, "builder": shown, "warnings": list(misplaced(view.builder))}


def _builder(builder: Builder) -> dict[str, Any]:
    return {
        "name": builder.name,
        "driver": builder.driver or None,
        "current": builder.current,
        "error": builder.error,
        "platforms": [
            {"platform": at.platform, "node": at.node.name, "how": at.how.value}
            for at in builder_places(builder)
        ],
    }


def _node(node: Node) -> dict[str, Any]:
    def those(how: Execution) -> list[str]:
        return [p for p in dict.fromkeys((*node.given, *node.platforms)) if node.how(p) is how]

    return {
        "name": node.name,
        "endpoint": node.endpoint,
        "status": node.status,
        "buildkit": node.version or None,
        "own": node.own,
        "given": list(node.given),
        "native": those(Execution.NATIVE),
        "emulated": those(Execution.EMULATED),
        "unable": those(Execution.UNABLE),
        "error": node.error,
    }
