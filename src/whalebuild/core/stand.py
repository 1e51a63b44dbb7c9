"""The dependencies' image as an application's build stands on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from whalebuild.core.bundle import Bundle
from whalebuild.core.references import Reference


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

    def reference(self, platforms: tuple[str, ...], own: str | None) -> Reference:
        """What to pin: an image manifest; for several platforms the index that has them all."""
        one = platforms or ((own,) if own else tuple(self.images))
        digest = self.images.get(one[0] or "") if len(one) == 1 else None
        return Reference(self.repository, digest=digest or self.index)


def stand_of(repository: str, bundle: Bundle) -> Stand:
    """What applications stand on where a bundle is published."""
    images = {platform: image.digest for platform, image in bundle.images.items()}
    return Stand(repository, bundle.digest, images)
