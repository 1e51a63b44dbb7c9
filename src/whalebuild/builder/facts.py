"""What is known of a builder before a bake."""

from __future__ import annotations

from whalebuild.builder.nodes import Node
from whalebuild.values import dataclass


@dataclass(frozen=True)
class BuilderFacts:
    """What a builder can do, as far as it decides about a bake.

    Attributes:
        builder: The builder's name.
        driver: buildx's driver: docker, docker-container, kubernetes or remote.
        containerd_store: Whether the engine keeps images in containerd; only the docker driver
            depends on it.
        platform: The platform that it builds for where none is named.
        nodes: Its nodes, as far as they are known.
        missing: It is not there, and has to be made before it is used.
    """

    builder: str
    driver: str
    containerd_store: bool
    platform: str | None = None
    nodes: tuple[Node, ...] = ()
    missing: bool = False
