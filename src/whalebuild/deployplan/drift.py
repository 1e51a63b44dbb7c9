"""Services that run something else than the record of deployments says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from whalebuild.compose.containers import Container
from whalebuild.deployments.history import interrupted_services, state_now
from whalebuild.deployments.record import History, Versions
from whalebuild.deployplan.host_state import HostState
from whalebuild.deployplan.plan import running_of
from whalebuild.deployplan.ports import Project
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage
from whalebuild.published.ports import Host
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Drift:
    """A service that does not run what it should.

    Attributes:
        recorded: What runs as far as the record says; None for nothing.
        found: Digests of what its containers run; empty if none runs.
    """

    service: str
    recorded: Reference | None
    found: tuple[str, ...]


def find_drift(project: Project, host: Host, history: History) -> tuple[Drift, ...]:
    """Find the services that somebody has changed outside whalebuild.

    Those that an interrupted deployment was about are left out: see :func:`left_running`.

    Raises:
        WhalebuildError: The project cannot be read, or there is no engine.
    """
    if not _recorded(history):
        return ()
    return drift_of(history, HostState.at(project.containers(), host.listed()))


def drift_of(history: History, seen: HostState) -> tuple[Drift, ...]:
    """The same, of what was seen of the host."""
    return compare_running(_recorded(history), seen.containers, seen.images.values())


def _recorded(history: History) -> Versions:
    interrupted = interrupted_services(history)
    return {name: v for name, v in state_now(history).items() if name not in interrupted}


def left_running(project: Project, host: Host, history: History) -> dict[str, tuple[str, ...]]:
    """What runs, by digest, of the services that an interrupted deployment was about.

    Raises:
        WhalebuildError: The project cannot be read, or there is no engine.
    """
    interrupted = interrupted_services(history)
    if not interrupted:
        return {}
    containers, by_id = project.containers(), {image.id: image for image in host.listed()}
    found = {}
    for service in sorted(interrupted):
        running = [each for each in running_of(containers, service) if not each.trial]
        found[service] = tuple(dict.fromkeys(_digest(each, by_id, None) for each in running))
    return found


def compare_running(
    recorded: Versions, containers: Iterable[Container], images: Iterable[HostImage]
) -> tuple[Drift, ...]:
    """Compare the record's state with the containers that run.

    Args:
        recorded: What is meant to run, see ``deployments.history.state_now``.
        containers: Of the project.
        images: The engine's.
    """
    by_id = {image.id: image for image in images}
    all_containers = tuple(containers)
    found = []
    for service, version in recorded.items():
        running = [each for each in running_of(all_containers, service) if not each.trial]
        if _as_recorded(running, by_id, version):
            continue
        digests = (_digest(each, by_id, version) for each in running)
        found.append(Drift(service, version, tuple(dict.fromkeys(digests))))
    return tuple(found)


def _as_recorded(
    running: Iterable[Container], images: Mapping[str, HostImage], version: Reference | None
) -> bool:
    containers = tuple(running)
    if version is None or not containers:
        return version is None and not containers
    return all(_runs(each, images, version) for each in containers)


def _runs(container: Container, images: Mapping[str, HostImage], version: Reference) -> bool:
    image = images.get(container.image)
    digest = version.digest or ""
    return digest == container.image or (image is not None and image.stands_for(digest))


def _digest(
    container: Container, images: Mapping[str, HostImage], version: Reference | None
) -> str:
    """The digest to show of what a container runs: that of its repository, if it has one."""
    if version and _runs(container, images, version):
        return version.digest or ""
    image = images.get(container.image)
    name = container.image_name or version
    return image.digest_in(name.repository) if image and name else container.image
