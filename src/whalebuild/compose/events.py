"""What happens to containers, read from the engine's events.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemEvents
"""

from __future__ import annotations

from enum import StrEnum

from whalebuild.values import dataclass


class EventAction(StrEnum):
    """What can happen to a container that somebody waits for, in the engine's words."""

    START = "start"
    DIE = "die"
    DESTROY = "destroy"
    HEALTH = "health_status"


@dataclass(frozen=True)
class ContainerEvent:
    """Something that happened to a container.

    Attributes:
        container: Its ID.
        action: What.
        exit_code: That it ended with, if it did and the engine says so.
    """

    container: str
    action: EventAction
    exit_code: int | None = None


def read_container_event(found: object) -> ContainerEvent | None:
    """Read one event; None for any other, and for what is none."""
    if not isinstance(found, dict):
        return None
    actor = found.get("Actor")
    actor = actor if isinstance(actor, dict) else {}
    container, attributes = actor.get("ID"), actor.get("Attributes")
    # "health_status: healthy" as well.
    action = str(found.get("Action")).partition(":")[0]
    if not isinstance(container, str) or action not in list(EventAction):
        return None
    code = attributes.get("exitCode") if isinstance(attributes, dict) else None
    known = int(code) if isinstance(code, str) and code.isascii() and code.isdigit() else None
    return ContainerEvent(container, EventAction(action), known)
