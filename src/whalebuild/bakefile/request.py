"""What the user asked for, and what the engine turned out to be: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from whalebuild.builder.nodes import Node


@dataclass(frozen=True)
class BakeRequest:
    """How to read a bake file, in buildx's own terms.

    Attributes:
        files: ``--file`` values; empty for buildx's default lookup.
        targets: Targets or groups; empty for the default group.
        overrides: ``--set`` values, ``targetpattern.key=value``.
        variables: ``--var`` values; they reach buildx through its environment.
        definition: A bake definition to read in place of files.
    """

    files: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    definition: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class EngineFacts:
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
