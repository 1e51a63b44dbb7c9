"""What is shown of a builder: its nodes, their caches, what it can do, and where it builds."""

from __future__ import annotations

from whalebuild.builder.capabilities import Feature, main_platforms
from whalebuild.builder.listing import Builder, CacheUsage
from whalebuild.builder.nodes import Node, NodePlacement, place
from whalebuild.values import dataclass


@dataclass(frozen=True)
class NodeView:
    """A node, how much cache it holds, and why it does not answer."""

    node: Node
    usage: CacheUsage | None = None
    problem: str | None = None


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
    """Where each platform is built that is asked for alone."""
    found = (place(builder.nodes, platform) for platform in main_platforms(builder))
    return tuple(at for at in found if at)
