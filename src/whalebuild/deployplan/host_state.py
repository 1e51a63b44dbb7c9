"""What a deploy sees of a host: the project's containers and the engine's images at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from whalebuild.compose.containers import Container
from whalebuild.compose.model import Service
from whalebuild.deployplan.plan import RunningVersion, running_of, running_version
from whalebuild.oci.reference import Reference, familiar
from whalebuild.published.host_images import HostImage
from whalebuild.published.kept import kept_name
from whalebuild.values import dataclass


@dataclass(frozen=True)
class HostState:
    """One look at a host.

    Attributes:
        containers: The project's, running or not.
        images: The engine's, by ID.
        names: The engine's images by the names that they have there, as docker shows these.
    """

    containers: tuple[Container, ...]
    images: Mapping[str, HostImage]
    names: Mapping[str, HostImage]

    @classmethod
    def at(cls, containers: Iterable[Container], images: Iterable[HostImage]) -> HostState:
        """Make it of what project and engine have answered."""
        by_id = {image.id: image for image in images}
        names = {
            familiar(str(name)): image
            for image in by_id.values()
            for name in (*image.tags, *image.digests, *image.kept)
        }
        return cls(tuple(containers), by_id, names)

    def image(self, name: Reference) -> HostImage | None:
        """The image that the engine has under a name, or under the name that keeps its digest."""
        if name.digest is None:
            return self.names.get(familiar(str(name)))
        by_digest = Reference(name.repository, digest=name.digest)
        for known in (by_digest, kept_name(name.digest)):
            if found := self.names.get(familiar(str(known))):
                return found
        # The containerd image store lists one digest of several; an image's ID is its digest there.
        same = self.images.get(name.digest)
        return same if same and familiar(name.repository) in same.repositories else None

    def running(self, service: Service, recorded: Reference | None) -> RunningVersion | None:
        """Which version a service runs; if it runs several, the recorded one, or else the first."""
        return running_version(self.containers, self.images, service, recorded)

    def runs_several(self, service: str) -> bool:
        """Whether a service runs more than one image."""
        return len({each.image for each in running_of(self.containers, service)}) > 1

    def runs(self, service: str) -> bool:
        """Whether a service runs, or has done its work."""
        return bool(running_of(self.containers, service))
