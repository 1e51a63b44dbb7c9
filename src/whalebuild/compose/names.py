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
        useless: IDs of those that can be removed: others of the service have the name, or they
            were never started.
        again: Those that are to have their names again, by ID: in which networks, and which.
    """

    useless: tuple[str, ...] = ()
    again: Mapping[str, Names] | None = None


def found_by_name(service: Service) -> bool:
    """Whether containers of a service can be given their names late, and lose them early.

    In its networks others know it by its name. What it publishes on the host is at other ports
    after each rejoining, and requests under way there are cut.
    """
    return bool(service.networks) and not service.publishes and not service.alone


def without_names(container: Container) -> Names:
    """The networks of a container, and none of its names."""
    return dict.fromkeys(container.aliases, ())


def nameless(model: Model, containers: Collection[Container]) -> UnnamedContainers:
    """What a run that was killed has left without names.

    Such a container is as good as any other to compose: it may be the one that it keeps.
    """
    useless: list[str] = []
    again: dict[str, Names] = {}
    for service in filter(found_by_name, model.services.values()):
        mine = [c for c in containers if c.service == service.name and not c.oneoff]
        lacking = [each for each in mine if not _is_found(service, each)]
        others = any(each.status == "running" for each in mine if each not in lacking)
        for each in lacking:
            if others or each.status == "created":
                useless.append(each.id)
            else:
                again[each.id] = dict(_lacks(service, each))
    return UnnamedContainers(tuple(useless), {key: names for key, names in again.items() if names})


def _is_found(service: Service, container: Container) -> bool:
    return all(service.name in container.aliases.get(n, ()) for n in service.networks)


def _lacks(service: Service, container: Container) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A network that it is not in at all is compose's: it replaces containers for that."""
    for network, aliases in service.networks.items():
        if service.name not in container.aliases.get(network, (service.name,)):
            yield network, (container.name, service.name, *aliases)
