"""Which services a deploy is about: dependencies that do not run, and what has to wait."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from whalebuild.compose.containers import Container
from whalebuild.compose.model import ENDED_WELL, Model, Service
from whalebuild.compose.order import dependencies_of


def idle_dependencies(
    model: Model, names: Collection[str], runs: Callable[[str], bool]
) -> frozenset[str]:
    """What services depend on, also by others, and what does not run.

    Args:
        model: The project.
        names: The services that were named.
        runs: Whether a service runs, or has done its work.
    """
    needed = dependencies_of(model, names)
    return frozenset(each.name for each in needed if each.replicas and not runs(each.name))


def awaited_jobs(model: Model, names: Collection[str]) -> frozenset[str]:
    """The jobs that services wait for, also by other jobs: new code is not to run without them."""
    jobs: set[str] = set()
    waiting = list(names)
    while waiting:
        for name, condition in model.services[waiting.pop()].depends_on.items():
            if condition == ENDED_WELL and name in model.services and name not in jobs:
                jobs.add(name)
                waiting.append(name)
    return frozenset(jobs - set(names))


def held_back(
    services: Iterable[Service], unreachable: Collection[str], runs: Callable[[str], bool]
) -> Mapping[str, str]:
    """Services that cannot be deployed since they need one whose image cannot be had; and why.

    A job would have to run in its new version first; what is to run beside them may go on as it is.

    Args:
        services: Those of the plan.
        unreachable: Those whose registry cannot be asked.
        runs: Whether a service runs, or has done its work.
    """
    chosen = [each for each in services if each.name not in unreachable]
    held: dict[str, str] = {}
    while True:
        left = {*unreachable, *held}
        more = {
            each.name: why
            for each in chosen
            if each.name not in held and (why := next(_waits(each, left, runs), ""))
        }
        if not more:
            return held
        held |= more


def _waits(service: Service, left: Collection[str], runs: Callable[[str], bool]) -> Iterator[str]:
    for name, condition in service.depends_on.items():
        if name not in left:
            continue
        if condition == ENDED_WELL:
            yield f"it waits for the job {name}"
        elif not runs(name):
            yield f"it needs {name}, which does not run"


def built_here(services: Iterable[Service]) -> tuple[str, ...]:
    """What is to be known of services that are built on the host and nowhere published."""
    names = [each.name for each in services if each.built and each.image is None]
    if not names:
        return ()
    command = f"`docker compose build {' '.join(names)}`"
    return (f"built here, not pulled: {', '.join(names)}; {command} makes a new version",)


def orphans(containers: Iterable[Container], services: Collection[str]) -> tuple[Container, ...]:
    """Containers whose service is not among a project's, as compose tells them.

    ``isOrphaned`` in ``pkg/compose/containers.go``: of ``docker compose run``, those that ended.
    """
    return tuple(
        each
        for each in containers
        if not each.trial
        and (each.status in {"exited", "dead"} if each.oneoff else each.service not in services)
    )
