"""By which names the containers of a service are found in its networks, and which lack theirs.

Compose gives each container that it makes the service's name, the container's own, and the aliases
of the file (``getAliases`` in ``pkg/compose/create.go``). Docker's DNS finds a container by them
from its start to its end, whether it works or not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from whalebuild.compose.containers import Container
from whalebuild.compose.model import Model, Service
from whalebuild.values import dataclass

Names = Mapping[str, tuple[str, ...]]

_HALF_REPLACED = re.compile(r"[0-9a-f]{12}_(.+)")


@dataclass(frozen=True)
class UnnamedContainers:
    """Containers that are not found by their service's name, though compose gave it to them.

    Attributes:
        removable: IDs of those that can be removed: others of the service have the name, or they
            were never started.
        to_rejoin: Those that must get their names back, by ID: in which networks, and which.
    """

    removable: tuple[str, ...] = ()
    to_rejoin: Mapping[str, Names] | None = None


def found_by_name(service: Service) -> bool:
    """Whether containers of a service can be given their names late, and lose them early.

    It must be reached through its networks alone: ports that it publishes on the host change with
    each rejoining of a network, which cuts the requests under way there.
    """
    return bool(service.networks) and not service.publishes and not service.exclusive


def without_names(container: Container) -> Names:
    """The networks of a container, and none of its names."""
    return dict.fromkeys(container.aliases, ())


def unnamed_containers(model: Model, containers: Collection[Container]) -> UnnamedContainers:
    """Find the containers that a deploy which was killed has left without their names.

    Compose does not see that they lack them: such a container may be the one that it keeps.
    """
    removable: list[str] = []
    to_rejoin: dict[str, Names] = {}
    for service in filter(found_by_name, model.services.values()):
        own = [c for c in containers if c.service == service.name and not c.oneoff]
        unnamed = [each for each in own if not _is_found(service, each)]
        others = any(each.status == "running" for each in own if each not in unnamed)
        for each in unnamed:
            if others or each.status == "created":
                removable.append(each.id)
            elif names := dict(_missing_names(service, each)):
                to_rejoin[each.id] = names
    return UnnamedContainers(tuple(removable), to_rejoin)


def half_replaced(containers: Collection[Container]) -> tuple[str, ...]:
    """IDs of containers that compose was about to put in the place of others when it was killed.

    It makes them under a name with the ID of the old one before it, removes that, and renames
    (``planRecreateContainer`` in ``pkg/compose/reconcile.go``). Left beside the old one, the next
    ``up`` fails of a name that is in use.
    """
    names = {each.name for each in containers}
    return tuple(
        each.id
        for each in containers
        if each.status == "created"
        and (found := _HALF_REPLACED.fullmatch(each.name))
        and found[1] in names
    )


def _is_found(service: Service, container: Container) -> bool:
    return all(service.name in container.aliases.get(n, ()) for n in service.networks)


def _missing_names(service: Service, container: Container) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By network, the names that it must get back.

    A network that it is not in at all is left to compose, which replaces the container for that.
    """
    for network, aliases in service.networks.items():
        if service.name not in container.aliases.get(network, (service.name,)):
            yield network, (container.name, service.name, *aliases)
