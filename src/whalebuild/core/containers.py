"""Containers of a compose project, read from ``docker container inspect``.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerInspect
"""

from __future__ import annotations

from dataclasses import dataclass

from whalebuild.core.references import Reference


@dataclass(frozen=True)
class Container:
    """A container of a project, running or not.

    Attributes:
        id: The whole ID.
        name: Without the slash.
        service: The service that it belongs to.
        number: ``com.docker.compose.container-number``.
        oneoff: Whether ``docker compose run`` made it.
        trial: Whether whalebuild made it, to see whether a version works (label
            ``dev.whalebuild.trial``).
        image: ID of its image, as the engine names it.
        image_name: The name that it was started with; None if that is no reference.
        status: created, running, paused, restarting, removing, exited or dead.
        health: starting, healthy or unhealthy; empty without a health check.
        health_log: What the last run of the health check said; empty if it has said nothing.
        exit_code: Of its process, if that has ended.
        restarts: How often the engine has restarted it.
        restart_policy: no, always, unless-stopped or on-failure.
        error: Why the engine could not start it; empty if it could.
    """

    id: str
    name: str
    service: str
    image: str
    number: int = 1
    oneoff: bool = False
    trial: bool = False
    image_name: Reference | None = None
    status: str = "running"
    health: str = ""
    health_log: str = ""
    exit_code: int = 0
    restarts: int = 0
    restart_policy: str = "no"
    error: str = ""
