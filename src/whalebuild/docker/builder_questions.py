"""What docker says of builders: what each can do, and which machines it has."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.nodes import Node
from whalebuild.docker.buildx_store import chosen_builder, stored_builder
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import context_name
from whalebuild.docker.engine_connection import engine_endpoint
from whalebuild.docker.info import engine_info, own_engine, platform_of_engine

if TYPE_CHECKING:
    from whalebuild.builder.listing import Builder


class DockerQuestions:
    """See ``builder.ports.BuilderQuestions``."""

    def __init__(self, calls: DockerCalls) -> None:
        self._calls = calls

    def facts(self, builder: str | None) -> BuilderFacts:
        """See ``builder.ports.BuilderQuestions``.

        Only the docker driver depends on the local engine: a remote or containerised builder
        does without its image store, and even without a local engine.
        """
        if builder is None and chosen_builder(os.environ) is None:
            return own_engine(self._calls, context_name(os.environ))
        return self._facts(self._inspect(builder))

    def boot(self, builder: str | None) -> BuilderFacts:
        """See ``builder.ports.BuilderQuestions``."""
        return self._facts(self._inspect(builder, boot=True))

    def has_builder(self, name: str) -> bool:
        """See ``builder.ports.BuilderQuestions``."""
        return bool(stored_builder(os.environ, name))

    def nodes(self, builder: str | None) -> tuple[Node, ...]:
        """See ``builder.ports.BuilderQuestions``."""
        return self._inspect(builder).nodes

    def _facts(self, found: Builder) -> BuilderFacts:
        # buildx says nothing of a docker engine that is down; asking the engine does.
        if found.driver in {"", "docker"}:
            return own_engine(self._calls, found.name)
        return BuilderFacts(
            found.name,
            found.driver,
            containerd_store=True,
            platform=found.platform,
            nodes=found.nodes,
        )

    def _inspect(self, builder: str | None, *, boot: bool = False) -> Builder:
        """Look at one builder.

        A docker-container node on this machine's engine has its platform even if it does not run.
        """
        from whalebuild.docker.builders import inspect_builder  # noqa: PLC0415 - the engine is none

        found = inspect_builder(self._calls, builder, boot=boot)
        here = {context_name(os.environ), engine_endpoint(os.environ)}
        if found.driver != "docker-container" or here.isdisjoint(n.endpoint for n in found.nodes):
            return found
        info = engine_info(os.environ) or {}
        own = platform_of_engine(info.get("OSType"), info.get("Architecture"))
        nodes = (replace(n, own=n.own or own) if n.endpoint in here else n for n in found.nodes)
        return replace(found, nodes=tuple(nodes))
