"""The dependencies' image as an application's build stands on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from whalebuild.bundle.index import Bundle
from whalebuild.oci.reference import Reference
from whalebuild.plan.pins import image_context


@dataclass(frozen=True)
class Stand:
    """The dependencies' image as an application stands on it.

    Attributes:
        repository: Where it is.
        index: Its index, by digest.
        images: Digests of its image manifests, by platform.
    """

    repository: str
    index: str
    images: Mapping[str, str]

    def contexts(
        self, names: Iterable[str], platforms: tuple[str, ...], own: str | None
    ) -> dict[str, str]:
        """Named contexts that pin it: to image manifests, which the bundle keeps.

        For several platforms each has its own, as BuildKit looks it up
        (``frontend/dockerui/namedcontext.go``); for platforms that are not known the index has to
        do.
        """
        only = tuple(self.images) if len(self.images) == 1 else ()
        wanted = platforms or ((own,) if own else only)
        pinned = {p: Reference(self.repository, digest=self.images.get(p)) for p in wanted}
        if not pinned or not all(reference.digest for reference in pinned.values()):
            index = image_context(str(Reference(self.repository, digest=self.index)))
            return dict.fromkeys(names, index)
        several = len(pinned) > 1
        return {
            f"{name}::{_normal(platform)}" if several else name: image_context(str(reference))
            for name in names
            for platform, reference in pinned.items()
        }


def _normal(platform: str) -> str:
    """The platform as containerd writes it out."""
    return "linux/arm/v7" if platform == "linux/arm" else platform


def stand_of(repository: str, bundle: Bundle, without: Collection[str] = ()) -> Stand:
    """What applications stand on where a bundle is published; it is to lose some platforms."""
    images = {p: image.digest for p, image in bundle.images.items() if p not in without}
    return Stand(repository, bundle.digest, images)
