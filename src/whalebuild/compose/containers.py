"""Containers of a compose project, read from ``docker container inspect``.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerInspect
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from whalebuild.failures.failure import redact
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import image_name
from whalebuild.values import dataclass

# Marks a container that whalebuild made to see whether a version works.
TRIAL_LABEL = "dev.whalebuild.trial"
_COMPOSE = "com.docker.compose"
_NANOSECONDS = 1e9
_CHECK_SECONDS = 30.0  # ``defaultProbeTimeout``


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
        health_log: What the last run of the health check printed; empty for nothing.
        exit_code: Of its process, if that has ended.
        restarts: How often the engine has restarted it.
        started: When its process was started last, as RFC 3339; empty where that is not known.
        restart_policy: no, always, unless-stopped or on-failure.
        error: Why the engine could not start it; empty if it could.
        config_hash: What compose compares with its service's configuration; see ``hashes``.
        config_files: The files that compose read for it.
        aliases: The networks that it is in, by their names, and by which names it is found there,
            beside its own name and ID.
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
    started: str = ""
    restart_policy: str = "no"
    error: str = ""
    config_hash: str = ""
    config_files: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_up(self) -> bool:
        """Whether the engine has it going, or will have again in a moment."""
        return self.status in {"running", "restarting", "paused"}

    @property
    def has_done_its_work(self) -> bool:
        """Whether it ended well, and the engine does not start it again."""
        well = self.status == "exited" and self.exit_code == 0 and not self.error
        return well and self.restart_policy in {"no", "on-failure", ""}


def read_project_container(inspected: Mapping[str, Any]) -> Container | None:
    """Read one entry of ``docker container inspect``; None for one that is of no compose service.

    What is not as docker prints it is left out.
    """
    labels = _table(_table(inspected.get("Config")).get("Labels"))
    service = labels.get(f"{_COMPOSE}.service")
    found, image = inspected.get("Id"), inspected.get("Image")
    if not (isinstance(found, str) and isinstance(image, str) and isinstance(service, str)):
        return None
    state = _table(inspected.get("State"))
    health = _table(state.get("Health"))
    policy = _table(_table(inspected.get("HostConfig")).get("RestartPolicy")).get("Name")
    return Container(
        id=found,
        name=str(inspected.get("Name") or "").removeprefix("/"),
        service=service,
        image=image,
        number=_number(labels.get(f"{_COMPOSE}.container-number"), 1),
        oneoff=str(labels.get(f"{_COMPOSE}.oneoff")).lower() == "true",
        trial=TRIAL_LABEL in labels,
        image_name=image_name(_table(inspected.get("Config")).get("Image")),
        status=str(state.get("Status") or ""),
        health=_health(health.get("Status")),
        health_log=_last_output(health.get("Log")),
        exit_code=_number(state.get("ExitCode"), 0),
        restarts=_number(inspected.get("RestartCount"), 0),
        started=str(state.get("StartedAt") or ""),
        restart_policy=str(policy or "no"),
        error=redact(str(state.get("Error") or "")),
        config_hash=str(labels.get(f"{_COMPOSE}.config-hash") or ""),
        config_files=_files(labels.get(f"{_COMPOSE}.project.config_files")),
        aliases=_aliases(_table(inspected.get("NetworkSettings")).get("Networks"), found),
    )


@dataclass(frozen=True)
class HealthCheck:
    """A container's own health check.

    Attributes:
        words: What is run in the container.
        timeout: Seconds.
    """

    words: tuple[str, ...]
    timeout: float


def health_check(inspected: Mapping[str, Any]) -> HealthCheck | None:
    """The health check in one entry of ``docker container inspect``; None where it has none.

    ``daemon/health.go`` in moby/moby has what the engine makes of it.
    """
    config = _table(inspected.get("Config"))
    check = _table(config.get("Healthcheck"))
    test = check.get("Test")
    kind, *words = [str(word) for word in test] if isinstance(test, list) and test else ["NONE"]
    if kind == "NONE" or not words:
        return None
    shell = config.get("Shell")
    if kind == "CMD-SHELL":
        before = [str(word) for word in shell] if isinstance(shell, list) else ["/bin/sh", "-c"]
        words = [*before, *words]
    timeout = _number(check.get("Timeout"), 0) / _NANOSECONDS
    return HealthCheck(tuple(words), timeout or _CHECK_SECONDS)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _aliases(networks: object, container: str) -> dict[str, tuple[str, ...]]:
    """By network. Engines before Docker 25 list the short ID, which they add themselves."""
    found = {}
    for network, endpoint in _table(networks).items():
        names = _table(endpoint).get("Aliases")
        names = names if isinstance(names, list) else []
        found[network] = tuple(str(name) for name in names if name != container[:12])
    return found


def _files(label: object) -> tuple[str, ...]:
    return tuple(each for each in str(label or "").split(",") if each)


def _number(value: object, default: int) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else default


def _health(value: object) -> str:
    """Docker says "none" of a container without a check, if it says anything."""
    return value if isinstance(value, str) and value != "none" else ""


def _last_output(log: object) -> str:
    """What the last run of the check printed; of one that took too long, docker's message."""
    runs = [_table(run) for run in log] if isinstance(log, list) else []
    return redact(str(runs[-1].get("Output") or "").strip()) if runs else ""
