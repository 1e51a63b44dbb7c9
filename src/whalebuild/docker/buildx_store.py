"""Which builder buildx would use, and how it was made, from the files in which buildx keeps that.

The user's are read and never written; buildx is shown changed copies of them where it would not
tell otherwise what is asked (``store/store.go`` and ``store/storeutil/storeutil.go`` of
https://github.com/docker/buildx): asking buildx takes two commands.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from whalebuild.docker.config import config_folder, context_name, read_json

_BUILDER_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9._-]*")


def chosen_builder(env: Mapping[str, str]) -> str | None:
    """The builder of ``BUILDX_BUILDER`` or ``buildx use``; None is the docker context's own."""
    return env.get("BUILDX_BUILDER") or _current_builder(_folder(env), env)


def stored_builder(env: Mapping[str, str], name: str) -> dict[str, Any]:
    """What buildx stored of a builder; empty for one that it did not make."""
    if not _BUILDER_NAME.fullmatch(name):
        return {}
    return read_json(_folder(env) / "instances" / name.lower())


def stored_builders(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What buildx stored of all builders that it made, by name."""
    try:
        names = sorted(path.name for path in (_folder(env) / "instances").iterdir())
    except OSError:
        return {}
    stored = {name: stored_builder(env, name) for name in names}
    return {str(found["Name"]): found for found in stored.values() if found.get("Name")}


def stored_nodes(stored: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The nodes of a stored builder."""
    nodes = stored.get("Nodes")
    return tuple(n for n in nodes if isinstance(n, dict)) if isinstance(nodes, list) else ()


def given_platforms(node: Mapping[str, Any]) -> tuple[str, ...]:
    """The platforms that a stored node was given, as ``os/architecture[/variant]``."""
    given = node.get("Platforms")
    keys = ("os", "architecture", "variant")
    return tuple(
        "/".join(str(each[key]) for key in keys if each.get(key))
        for each in (given if isinstance(given, list) else ())
        if isinstance(each, dict)
    )


def has_own_network(stored: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Whether a stored builder's node is in a container or pod with a network of its own."""
    options = node.get("DriverOpts")
    network = str(options.get("network") or "") if isinstance(options, dict) else ""
    shared = network == "host" or network.startswith("container:")
    driver = stored.get("Driver")
    return driver == "kubernetes" or (driver == "docker-container" and not shared)


def write_copy(
    env: Mapping[str, str],
    folder: Path,
    builders: Iterable[Mapping[str, Any]],
    keep: Callable[[Mapping[str, Any]], bool] = lambda _: True,
) -> None:
    """Write a folder for ``BUILDX_CONFIG`` with these builders, whose nodes are given no platforms.

    buildx then shows the platforms of each machine, its own first. It finds BuildKit's containers
    by the nodes' names, which stay. The current builder stays, too.
    """
    instances = folder / "instances"
    instances.mkdir(parents=True)
    for stored in builders:
        nodes = [{**node, "Platforms": None} for node in stored_nodes(stored) if keep(node)]
        copied = json.dumps({**stored, "Nodes": nodes})
        (instances / str(stored["Name"]).lower()).write_text(copied)
    with suppress(OSError):
        shutil.copy(_folder(env) / "current", folder)
        shutil.copytree(_folder(env) / "defaults", folder / "defaults")


def _folder(env: Mapping[str, str]) -> Path:
    return Path(env.get("BUILDX_CONFIG") or config_folder(env) / "buildx")


def _current_builder(folder: Path, env: Mapping[str, str]) -> str | None:
    """The builder chosen with ``buildx use``: for all contexts, or for the current one."""
    endpoint = _docker_endpoint(env)
    chosen = read_json(folder / "current")
    name = chosen.get("Name")
    if isinstance(name, str) and name and (chosen.get("Global") or chosen.get("Key") == endpoint):
        return name
    of_endpoint = hashlib.sha256(endpoint.encode()).hexdigest()[:20]
    try:
        return (folder / "defaults" / of_endpoint).read_text().strip() or None
    except OSError:
        return None


def _docker_endpoint(env: Mapping[str, str]) -> str:
    """The docker context's name, or the address of the default one."""
    if env.get("DOCKER_HOST"):
        return env["DOCKER_HOST"]
    named = context_name(env)
    return named if named and named != "default" else "unix:///var/run/docker.sock"
