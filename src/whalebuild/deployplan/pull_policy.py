"""Which images ``docker compose pull`` would look up.

``shouldPullImage`` in ``pkg/compose/pull.go`` of compose; the older ones (2.x) decide the same way.
https://github.com/compose-spec/compose-spec/blob/main/05-services.md#pull_policy
"""

from __future__ import annotations

from whalebuild.bakefile.pair_names import with_tag
from whalebuild.compose.model import Service
from whalebuild.tags import APP_TAG

_NEVER = frozenset({"never", "build"})
_IF_MISSING = frozenset({"missing", "if_not_present"})


def not_pulled(service: Service, *, on_host: bool) -> str:
    """Why compose would not look a service's image up; empty if it would.

    Without a policy it does, also where the host has the image. ``daily``, ``weekly`` and
    ``every_...`` are for ``up``: one who pulls wants it now.

    Args:
        service: The service.
        on_host: Whether the host has an image of that name.
    """
    if service.image is None:
        return to_build(service) if service.built else "it names no image"
    if service.pull_policy in _NEVER:
        return f"its pull_policy is {service.pull_policy}"
    # A present :latest is looked up: it is expected to move.
    if service.pull_policy in _IF_MISSING and on_host and with_tag(service.image).tag != APP_TAG:
        return f"its pull_policy is {service.pull_policy}, and the host has it"
    return ""


def moves_tags(service: Service) -> bool:
    """Whether ``docker compose up`` may give the name of a service's image to another one."""
    return service.pull_policy not in {"", "never", *_IF_MISSING}


def to_build(service: Service) -> str:
    """What brings the image of a service up to date that is built on the host."""
    return f"built here, by `docker compose build {service.name}`"
