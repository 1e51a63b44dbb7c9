"""What services of a project depend on, and in which order that has to be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from whalebuild.compose.model import Model, Service

#: The condition of ``depends_on`` under which compose waits for a health check.
HEALTHY = "service_healthy"


def dependencies_of(model: Model, names: Iterable[str]) -> tuple[Service, ...]:
    """All that services depend on, directly or not, what is needed first before the others.

    Services of profiles that are not chosen are left out, as compose leaves out those that are not
    ``required``.
    """
    wanted = tuple(names)
    return tuple(each for each in _sorted(model, wanted) if each.name not in wanted)


def in_order(model: Model, names: Iterable[str]) -> tuple[Service, ...]:
    """Services, those that others of them need before these."""
    wanted = tuple(names)
    return tuple(each for each in _sorted(model, wanted) if each.name in wanted)


def needed_healthy(model: Model) -> frozenset[str]:
    """The services whose health check others wait for."""
    return frozenset(
        name
        for each in model.services.values()
        for name, how in each.depends_on.items()
        if how == HEALTHY
    )


def _sorted(model: Model, names: Iterable[str]) -> Iterator[Service]:
    seen: set[str] = set()

    def visit(name: str) -> Iterator[Service]:
        service = model.services.get(name)
        if service is None or name in seen:
            return
        seen.add(name)
        for needed in service.depends_on:
            yield from visit(needed)
        yield service

    for name in names:
        yield from visit(name)
