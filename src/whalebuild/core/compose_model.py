"""A compose project as ``docker compose config --format json`` resolves it.

https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whalebuild.core.references import Reference


class Order(StrEnum):
    """Which of the two versions runs alone while services switch (``update_config.order``)."""

    STOP_FIRST = "stop-first"
    START_FIRST = "start-first"


@dataclass(frozen=True)
class Service:
    """One service of a project.

    Attributes:
        image: As the file names it; None where it names none (it is built).
        built: Whether it has a ``build`` section.
        pull_policy: Empty where none is given.
        order: ``deploy.update_config.order``; None where the file does not say.
        alone: Why two containers of it cannot run side by side with all that they are given: "it
            publishes port 8000", "its container is called db", "it uses the host's network"; empty
            where they can.
        on_host_network: Whether it uses the host's network (``network_mode: host``), or another
            container's: then not even one without published ports can run beside it.
        replicas: Containers that it is to have.
        platform: What it is to run on, if the file says so.
    """

    name: str
    image: Reference | None
    built: bool = False
    pull_policy: str = ""
    order: Order | None = None
    alone: str = ""
    on_host_network: bool = False
    replicas: int = 1
    platform: str | None = None


@dataclass(frozen=True)
class Model:
    """A project: its name, the services of the profiles that are chosen, and all as resolved."""

    name: str
    services: Mapping[str, Service]
    raw: Mapping[str, Any]
