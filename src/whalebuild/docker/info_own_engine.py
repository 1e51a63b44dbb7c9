"""What a docker context's own engine is: its platform, and where it keeps images."""

from __future__ import annotations

import os

from whalebuild.bakefile.request import EngineFacts
from whalebuild.docker.buildx_store import context_name
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.info import engine_info
from whalebuild.errors import UsageError
from whalebuild.oci.platform import parse_platforms

_CONTAINERD = "io.containerd.snapshotter.v1"


def own_engine(calls: DockerCalls, name: str) -> EngineFacts:
    """The builder that a context's engine itself is; it has the context's name.

    Raises:
        CommandFailedError: The engine does not answer.
    """
    env: dict[str, str | None] = {}
    if name != context_name(os.environ):
        env = {"DOCKER_HOST": None, "DOCKER_CONTEXT": name}
    told = engine_info({**os.environ, **{key: value or "" for key, value in env.items()}})
    if told is None:
        with calls.client(env) as docker:
            info = docker.system.info()
        status, system, machine = info.driver_status, info.os_type, info.architecture
    else:
        status, system, machine = (
            told.get(key) for key in ("DriverStatus", "OSType", "Architecture")
        )
    store = ["driver-type", _CONTAINERD] in (status or [])
    return EngineFacts(name, "docker", store, platform_of_engine(system, machine))


def platform_of_engine(system: str | None, machine: str | None) -> str | None:
    """The engine's platform; None for a machine that no platform is known by."""
    try:
        (platform,) = parse_platforms([f"{system}/{machine}"], where="docker info")
    except UsageError:
        return None
    return platform
