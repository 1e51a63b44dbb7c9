"""By which names the containers of a service are found in its networks, and which lack theirs.

Compose gives each container that it makes the service's name, the container's own, and the aliases
of the file (``getAliases`` in ``pkg/compose/create.go``). Docker's DNS finds a container by them
from its start to its end, whether it works or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from whalebuild.compose.containers import Container
from whalebuild.compose.model import Model, Service

Names = Mapping[str, tuple[str, ...]]


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


def _is_found(service: Service, container: Container) -> bool:
    return all(service.name in container.aliases.get(n, ()) for n in service.networks)


def _missing_names(service: Service, container: Container) -> Iterator[tuple[str, tuple[str, ...]]]:
    """By network, the names that it must get back.

    A network that it is not in at all is left to compose, which replaces the container for that.
    """
    for network, aliases in service.networks.items():
        if service.name not in container.aliases.get(network, (service.name,)):
            yield network, (container.name, service.name, *aliases)
