"""Looks up what services are to run: a version by digest, or why there is none."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from whalebuild.bakefile.pair_names import with_tag
from whalebuild.compose.model import Service
from whalebuild.deployplan.host_state import HostState
from whalebuild.deployplan.pull_policy import not_pulled, to_build
from whalebuild.errors import RefusedError, UnreachableError, UsageError, WhalebuildError
from whalebuild.oci.reference import Reference, familiar
from whalebuild.published.host_images import HostImage
from whalebuild.published.kept import kept_name
from whalebuild.published.lookup import ManifestLookup
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Resolved:
    """What a service is to run.

    Attributes:
        version: ``repository[:tag]@digest``; None where compose is left with it.
        why: Why compose is.
        unreachable: Why its registry could not be asked.
    """

    version: Reference | None = None
    why: str = ""
    unreachable: WhalebuildError | None = None


@dataclass(frozen=True)
class Resolver:
    """Asks registries, side by side; only for what ``docker compose pull`` would look up.

    Attributes:
        deployed: Names of the services of which a version was deployed before.
    """

    lookup: ManifestLookup
    seen: HostState
    deployed: Collection[str] = ()

    def resolve(
        self, services: Collection[Service], dependencies: Collection[str] = ()
    ) -> Mapping[str, Resolved]:
        """Look services' images up.

        Args:
            services: Which.
            dependencies: Those of them that are only started since others need them: what the host
                has of these is not looked up, as compose does not.

        Raises:
            UsageError: An image is neither published, nor on the host, nor built.
        """
        known = {each.name: self._known(each, dependencies) for each in services}
        asked = (each.image for each in services if each.image and known[each.name] is None)
        self.lookup.begin_digests(with_tag(image) for image in asked)
        return {each.name: known[each.name] or self._asked(each) for each in services}

    def _known(self, service: Service, dependencies: Collection[str]) -> Resolved | None:
        """What is known of a service without its registry."""
        if service.image is None:
            return Resolved(why=not_pulled(service, on_host=False))
        named = with_tag(service.image)
        image = self.seen.image(named)
        why = not_pulled(service, on_host=image is not None)
        if why:
            return Resolved(why=why)
        if named.digest:
            return Resolved(named)
        if service.name in dependencies and image:
            digest = _digest(image, named)
            version = Reference(named.repository, named.tag, digest) if digest else None
            return Resolved(version, why="" if version else "it is the host's own")
        return None

    def _asked(self, service: Service) -> Resolved:
        assert service.image is not None, "such a service is known"  # noqa: S101
        named = with_tag(service.image)
        try:
            digest = self.lookup.digest(named)
        except (RefusedError, UnreachableError) as error:
            if service.built and service.name not in self.deployed and self.seen.image(named):
                # Built here under a name that nobody has to have published: compose goes on, too.
                return Resolved(why=f"{error.what}; {to_build(service)}")
            return Resolved(unreachable=error)
        if digest:
            return Resolved(Reference(named.repository, named.tag, digest))
        if service.built:
            return Resolved(why=f"not published; {to_build(service)}")
        if self.seen.image(named):
            return Resolved(why="not published: it is the host's own")
        raise not_published(named)


def not_published(named: Reference) -> UsageError:
    """The error of an image that is nowhere."""
    return UsageError(
        f"{named} is not published, and not on this host",
        next_step="publish it (`whalebuild bake`), or correct the image in the project's file",
    )


def _digest(image: HostImage, named: Reference) -> str | None:
    """By which digest an image of the host can be pulled from where its name says, if by any."""
    repository = familiar(named.repository)
    pulled = (each.digest for each in image.digests if familiar(each.repository) == repository)
    # The containerd image store lists but one of them; an image's ID is its digest there.
    own = image.id if kept_name(image.id) in image.kept else None
    return next(pulled, own)
