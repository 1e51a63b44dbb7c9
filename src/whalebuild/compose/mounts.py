"""Storage that two versions of a service would share while both run.

A socket, a pid file or a file database in a volume is one file for both: the second version that
starts replaces it, and the first one is dead to its clients though it runs.
"""

from __future__ import annotations

from collections.abc import Collection

from whalebuild.compose.model import Model, Service


def shared_storage(model: Model, service: Service, safe: Collection[str]) -> tuple[str, ...]:
    """The volumes and paths of the host that a service may write beside its running version.

    What is read-only, in memory (``tmpfs``) or a container's own (volumes without a name) is not
    shared.

    Args:
        model: The project.
        service: The service.
        safe: Volumes and paths that two versions may write at once, as the user says: by the name
            in the project's file, or by the engine's.
    """
    aliases = {
        str((about or {}).get("name") or key): key
        for key, about in (model.raw.get("volumes") or {}).items()
    }
    return tuple(
        each
        for each in dict.fromkeys(service.writes)
        if each not in safe and aliases.get(each) not in safe and each.rstrip("/") not in safe
    )
