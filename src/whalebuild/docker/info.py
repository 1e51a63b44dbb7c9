"""The engine of a docker context: where it is, and what it says of itself.

It is asked on its socket. ``docker info`` says the same, but runs every CLI plugin first, which
takes longer than a plan. Only what it reads is trusted; where there is no local socket, the docker
client is asked.
https://docs.docker.com/reference/api/engine/version/v1.43/#tag/System/operation/SystemInfo
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from typing import Any

from whalebuild.builder.facts import BuilderFacts
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import context_name
from whalebuild.docker.engine_connection import SocketConnection, local_socket
from whalebuild.errors import UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.platform import parse_platforms

_SECONDS = 5.0
_NO_ANSWER = (
    OSError,
    ValueError,
    RecursionError,
    http.client.HTTPException,
    CommandFailedError,
)
_CONTAINERD = ["driver-type", "io.containerd.snapshotter.v1"]  # in the status of its image store


def own_engine(calls: DockerCalls, name: str) -> BuilderFacts:
    """The builder that a context's engine itself is; it has the context's name.

    Raises:
        CommandFailedError: The engine does not answer.
    """
    env: dict[str, str | None] = {}
    if name != context_name(os.environ):
        env = {"DOCKER_HOST": None, "DOCKER_CONTEXT": name}
    asked = engine_info({**os.environ, **{key: value or "" for key, value in env.items()}})
    return facts_of(name, client_info(calls, env) if asked is None else asked)


def facts_of(name: str, info: Mapping[str, Any]) -> BuilderFacts:
    """The builder that an engine is, by what it says of itself; it has its context's name."""
    platform = platform_of_engine(info.get("OSType"), info.get("Architecture"))
    store = info.get("DriverStatus")
    has_store = isinstance(store, list) and _CONTAINERD in store
    return BuilderFacts(name, "docker", has_store, platform)


def client_info(
    calls: DockerCalls, env: Mapping[str, str | None] | None = None
) -> Mapping[str, Any]:
    """What ``docker info`` says of the engine.

    Raises:
        CommandFailedError: The engine does not answer.
        EngineError: Docker answered with something else than JSON.
    """
    return calls.run_object(["system", "info", "--format", "{{json .}}"], env)


def engine_info(env: Mapping[str, str]) -> dict[str, Any] | None:
    """Ask a local engine what it is; None where that cannot be done this way."""
    path = local_socket(env)
    if not path:
        return None
    connection = SocketConnection(path, seconds=_SECONDS)
    try:
        connection.request("GET", "/info")
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == http.client.OK else None
    except _NO_ANSWER:
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None


def platform_of_engine(system: str | None, machine: str | None) -> str | None:
    """The engine's platform; None for a machine that is not known."""
    try:
        (platform,) = parse_platforms([f"{system}/{machine}"], where="docker info")
    except UsageError:
        return None
    return platform
