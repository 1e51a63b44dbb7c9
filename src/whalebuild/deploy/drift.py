"""Services that run something else than the record of deployments says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from whalebuild.compose.containers import Container
from whalebuild.deploy.history import state_now, unsure
from whalebuild.deploy.plan import running_of
from whalebuild.deploy.ports import Project
from whalebuild.deploy.record import History, Versions
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage
from whalebuild.published.ports import Host


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


def drifts(
    recorded: Versions, containers: Iterable[Container], images: Iterable[HostImage]
) -> tuple[Drift, ...]:
    """Compare the record's state with the containers that run.

    Args:
        recorded: ``deployment_history.state_now``.
        containers: Of the project.
        images: The engine's.
    """
    by_id = {image.id: image for image in images}
    all_containers = tuple(containers)
    found = []
    for service, version in recorded.items():
        mine = [each for each in running_of(all_containers, service) if not each.trial]
        if (version is None and not mine) or (
            mine and version and all(_runs(each, by_id, version) for each in mine)
        ):
            continue
        others = (_digest(each, by_id, version) for each in mine)
        found.append(Drift(service, version, tuple(dict.fromkeys(others))))
    return tuple(found)


def _runs(container: Container, images: Mapping[str, HostImage], version: Reference) -> bool:
    image = images.get(container.image)
    digest = version.digest or ""
    return digest == container.image or (image is not None and image.stands_for(digest))


def _digest(
    container: Container, images: Mapping[str, HostImage], version: Reference | None
) -> str:
    """By which digest people know what a container runs."""
    if version and _runs(container, images, version):
        return version.digest or ""
    image = images.get(container.image)
    name = container.image_name or version
    return image.digest_in(name.repository) if image and name else container.image


def find_drift(project: Project, host: Host, history: History) -> tuple[Drift, ...]:
    """Services that somebody has changed outside whalebuild.

    Those that an interrupted deployment was about are left out: either version may run of them.

    Raises:
        WhalebuildError: The project cannot be read, or there is no engine.
    """
    doubtful = unsure(history)
    known = {name: v for name, v in state_now(history).items() if name not in doubtful}
    if not known:
        return ()
    return drifts(known, project.containers(), host.images())
