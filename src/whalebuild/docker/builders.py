"""buildx's builders: looked at, made, tried and removed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from whalebuild.builder.listing import (
    Builder,
    CacheUsage,
    read_inspection,
    read_listing,
    read_usage,
)
from whalebuild.docker.buildx_store import (
    chosen_builder,
    given_platforms,
    has_own_network,
    stored_builder,
    stored_builders,
    stored_nodes,
    write_copy,
)
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import context_name
from whalebuild.docker.environment import OF_OWN_PLATFORM
from whalebuild.docker.info import engine_info
from whalebuild.errors import EngineError


def inspect_builder(calls: DockerCalls, builder: str | None, *, boot: bool = False) -> Builder:
    """Look at one builder (None is the current one), and start it before if told so.

    buildx does not tell the platforms that a node was given from those that its machine runs. Where
    nodes were given platforms, buildx is shown a copy of the builder without them
    (``buildx_store.write_copy``). It is started as it was made.
    """
    name = builder or chosen_builder(os.environ)
    stored = stored_builder(os.environ, name) if name else {}
    # A current one that has been removed is not named: buildx falls back to the context's own.
    chosen = [name] if name and (builder or stored) else []
    given = _given_platforms(stored)
    env: dict[str, str | None] = {}
    if any(given.values()):
        folder = calls.file(".buildx")
        write_copy(os.environ, folder, [stored])
        env = {"BUILDX_CONFIG": str(folder)}
    if boot:
        output = calls.run(["buildx", "inspect", "--bootstrap", *chosen])
    if env or not boot:
        output = calls.run(["buildx", "inspect", *chosen], env)
    found = read_inspection(output)
    isolated = {node.get("Name") for node in stored_nodes(stored) if has_own_network(stored, node)}
    nodes = (replace(node, own_network=node.name in isolated) for node in found.nodes)
    found = replace(found, nodes=tuple(nodes))
    return found.with_given_platforms(given) if env else found


class DockerBuilders:
    """See ``builder.ports.Builders``. A context manager: leaving it stops what still runs."""

    def __init__(self, calls: DockerCalls | None = None) -> None:
        self._calls = calls or DockerCalls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def all(self) -> tuple[Builder, ...]:
        """See ``builder.ports.Builders``."""
        stored = stored_builders(os.environ)
        folder = self._calls.file(".buildx")
        write_copy(os.environ, folder, stored.values())
        output = self._calls.run(
            ["buildx", "ls", "--format", "json"], {"BUILDX_CONFIG": str(folder)}
        )
        try:
            listed = read_listing(output)
        except (ValueError, TypeError, AttributeError, KeyError):
            raise EngineError(
                "`docker buildx ls` gave an answer that cannot be used",
                next_step="check the version of buildx: 0.13 or newer is needed",
            ) from None
        return tuple(
            found.with_given_platforms(_given_platforms(stored.get(found.name, {})))
            for found in listed
        )

    def look(self, name: str | None, *, boot: bool = False) -> Builder:
        """See ``builder.ports.Builders``."""
        found = inspect_builder(self._calls, name, boot=boot)
        chosen = chosen_builder(os.environ)
        there = chosen and stored_builder(os.environ, chosen)
        current = chosen if there else context_name(os.environ)
        return replace(found, current=found.name == current)

    def stored(self, name: str) -> bool:
        """See ``builder.ports.Builders``."""
        return bool(stored_builder(os.environ, name))

    def create(self, arguments: Sequence[str]) -> None:
        """See ``builder.ports.Builders``."""
        self._calls.run(["buildx", "create", *arguments])

    def use(self, name: str) -> None:
        """See ``builder.ports.Builders``."""
        with self._calls.client(plugin="buildx") as docker:
            docker.buildx.use(name)

    def remove(self, name: str, *, keep_state: bool = False) -> None:
        """See ``builder.ports.Builders``."""
        self._calls.run(["buildx", "rm", *(["--keep-state"] if keep_state else []), name])

    def usage(self, builder: str, node: str) -> CacheUsage:
        """See ``builder.ports.Builders``.

        ``docker buildx du`` adds the nodes up, and fails if one of them is down: it is asked about
        a builder that has this node alone.
        """
        stored = stored_builder(os.environ, builder)
        env: dict[str, str | None] = {}
        if stored:
            folder = self._calls.file(".buildx")
            write_copy(os.environ, folder, [stored], lambda each: each.get("Name") == node)
            env = {"BUILDX_CONFIG": str(folder)}
        return read_usage(self._calls.run(["buildx", "du", "--builder", builder], env))

    def try_build(self, builder: str, arguments: Sequence[str]) -> None:
        """See ``builder.ports.Builders``."""
        folder = self._calls.file(".context")
        folder.mkdir()
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        filled = [word.replace("{folder}", str(folder)) for word in arguments]
        call = ["buildx", "build", "--builder", builder, "--progress", "plain", *filled]
        self._calls.run([*call, str(folder)], OF_OWN_PLATFORM)

    def engine_answers(self) -> bool:
        """See ``builder.ports.Builders``."""
        if engine_info(os.environ) is None:
            self._calls.run(["version", "--format", "{{.Server.Version}}"])
        return True

    def file(self, path: str) -> str | None:
        """See ``builder.ports.Builders``."""
        found = Path(path).expanduser()
        readable = found.is_file() and os.access(found, os.R_OK)
        return str(found.absolute()) if readable else None


def _given_platforms(stored: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The platforms that a stored builder's nodes were given, by the node's name."""
    return {str(node.get("Name")): given_platforms(node) for node in stored_nodes(stored)}
