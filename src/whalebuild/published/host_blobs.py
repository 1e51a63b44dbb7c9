"""Finds out which blobs of an image a host has, from the images that its engine has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from whalebuild.errors import RefusedError
from whalebuild.oci.manifest import parse_image, parse_index
from whalebuild.oci.reference import Reference, familiar
from whalebuild.published.download import HostContent, ImageToPull, blobs_of
from whalebuild.published.host_images import HostImage
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.view import ImageView

# Each is one small request or two. With the first, as a rule an older version of the same image,
# nothing is left to be found out.
_MOST_READ = 8


@dataclass(frozen=True)
class HostBlobs:
    """Compares an image with those of a host.

    An engine tells the content of its layers (diff IDs), and not the digests of the blobs that they
    came in, which decide whether a blob is downloaded: these stand in the manifests. Manifests are
    read of the images that have the content of a layer, and only in the registry that has the
    image; what cannot be read there is known by content alone.

    Attributes:
        to: What is to be pulled.
        containerd: Whether the engine keeps images in containerd, and not in a graph driver.
    """

    survey: ManifestLookup
    to: ImageToPull
    containerd: bool

    def of(self, images: Iterable[HostImage], first: Sequence[HostImage] = ()) -> HostContent:
        """What is there with these images; those that are looked at first tell most.

        Raises:
            WhalebuildError: The registry could not be reached.
        """
        digests: set[str] = set()
        unread: set[str] = set()
        reads = 0
        candidates = sorted(images, key=lambda image: self._order(image, first))
        for image in candidates:
            if self._is_it(image):
                digests |= blobs_of(self.to.digest, self.to.image)
            if not self._tells(image, digests):
                continue
            reads += 1
            found = self._read(image) if reads <= _MOST_READ else frozenset[str]()
            digests |= found
            unread |= set() if found else set(image.diff_ids)
        chains = None if self.containerd else tuple(image.diff_ids for image in candidates)
        return HostContent(frozenset(digests), frozenset(unread), chains)

    def _order(self, image: HostImage, first: Sequence[HostImage]) -> tuple[bool, bool, int]:
        mine = familiar(self.to.reference.repository) in image.repositories
        shared = len(set(image.diff_ids) & set(self.to.config.diff_ids))
        return image not in first, not mine, -shared

    def _is_it(self, image: HostImage) -> bool:
        """Whether this is the image that is to be pulled, for the same platform."""
        known = {image.id, *(each.digest for each in image.digests)}
        return self.to.digest in known and image.diff_ids == self.to.config.diff_ids

    def _tells(self, image: HostImage, digests: set[str]) -> bool:
        """Whether the image's manifest may tell of something that is not known to be there yet."""
        manifest, ids = self.to.image.manifest, self.to.config.diff_ids
        layers = manifest.layers if manifest else ()
        there = set(image.diff_ids)
        pairs = zip(ids, layers, strict=False)
        open_ = any(diff_id in there and layer.digest not in digests for diff_id, layer in pairs)
        same = image.diff_ids == ids and self.to.image.digest not in digests
        return open_ or same

    def _read(self, image: HostImage) -> frozenset[str]:
        """The blobs of an image of the host; empty where its manifest cannot be read."""
        for reference in self._places(image):
            try:
                found = self._image(reference, image.platform)
            except RefusedError:  # others' images may be out of reach
                continue
            if found:
                return found
        return frozenset()

    def _places(self, image: HostImage) -> list[Reference]:
        here = self.to.reference
        places = [each for each in image.digests if each.registry == here.registry]
        # One that has lost its names with the containerd image store; its ID is a digest there.
        if self.containerd and not image.digests:
            places.append(Reference(here.repository, digest=image.id))
        return places

    def _image(self, reference: Reference, platform: str | None) -> frozenset[str]:
        found = self.survey.manifest(reference)
        if found is None:
            return frozenset()
        index = parse_index(found.raw)
        if index is None:
            whole = ImageView(found.digest, len(found.raw), parse_image(found.raw))
            return blobs_of(found.digest, whole) if whole.manifest else frozenset()
        child = index.images.get(platform or "")
        if child is None:
            return frozenset()
        raw = self.survey.manifest(Reference(reference.repository, digest=child.digest))
        image = ImageView(child.digest, child.size, parse_image(raw.raw) if raw else None)
        return blobs_of(found.digest, image) if image.manifest else frozenset()
