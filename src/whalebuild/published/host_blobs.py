"""Finds out which blobs of an image a host has, from the images that its engine has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whalebuild.errors import RefusedError
from whalebuild.oci.reference import Reference, familiar
from whalebuild.published.download import HostContent, ImageToPull, blobs_of
from whalebuild.published.host_images import HostImage
from whalebuild.published.lookup import ManifestLookup
from whalebuild.values import dataclass

# How many images' manifests are read, at one small request or two each. The first one, as a rule an
# older version of the same image, nearly always tells all.
_READ_LIMIT = 8


@dataclass(frozen=True)
class HostBlobs:
    """Compares an image with those of a host.

    An engine tells the diff IDs of its layers (digests of their content), and not the digests of
    the compressed blobs, which decide whether a blob is downloaded: these stand in the manifests.
    So the manifests of those host's images are read that have the content of a layer, and only
    from the registry that has the image; a layer whose manifest cannot be read is known by its
    content alone.

    Attributes:
        to: What is to be pulled.
        containerd: Whether the engine keeps images in containerd, and not in a graph driver.
    """

    lookup: ManifestLookup
    to: ImageToPull
    containerd: bool

    def of(self, images: Iterable[HostImage], first: Sequence[HostImage] = ()) -> HostContent:
        """What a host with these images has; the manifests of ``first`` are read first.

        Raises:
            WhalebuildError: The registry could not be reached.
        """
        digests: set[str] = set()
        diff_ids: set[str] = set()
        reads = 0
        candidates = sorted(images, key=lambda image: self._order(image, first))
        for image in candidates:
            if self._is_same(image):
                digests |= blobs_of(self.to.digest, self.to.image)
            if not self._is_worth_reading(image, digests):
                continue
            reads += 1
            found = self._read(image) if reads <= _READ_LIMIT else frozenset[str]()
            digests |= found
            diff_ids |= set() if found else set(image.diff_ids)
        chains = None if self.containerd else tuple(image.diff_ids for image in candidates)
        return HostContent(frozenset(digests), frozenset(diff_ids), chains)

    def _order(self, image: HostImage, first: Sequence[HostImage]) -> tuple[bool, bool, int]:
        same_repository = familiar(self.to.reference.repository) in image.repositories
        shared = len(set(image.diff_ids) & set(self.to.config.diff_ids))
        return image not in first, not same_repository, -shared

    def _is_same(self, image: HostImage) -> bool:
        """Whether this is the image that is to be pulled, for the same platform."""
        known = {image.id, *(each.digest for each in image.digests)}
        return self.to.digest in known and image.diff_ids == self.to.config.diff_ids

    def _is_worth_reading(self, image: HostImage, digests: set[str]) -> bool:
        """Whether the image's manifest may name a blob of ours that is not in ``digests`` yet."""
        manifest, diff_ids = self.to.image.manifest, self.to.config.diff_ids
        layers = manifest.layers if manifest else ()
        by_content = any(
            diff_id in image.diff_ids and layer.digest not in digests
            for diff_id, layer in zip(diff_ids, layers, strict=False)
        )
        same = image.diff_ids == diff_ids and self.to.image.digest not in digests
        return by_content or same

    def _read(self, image: HostImage) -> frozenset[str]:
        """The blobs of an image of the host; empty where its manifest cannot be read."""
        for reference in self._references(image):
            try:
                found = self._blobs(reference, image.platform)
            except RefusedError:  # this login may not read other people's images
                continue
            if found:
                return found
        return frozenset()

    def _references(self, image: HostImage) -> list[Reference]:
        """Where the registry of the image to pull may have a host's image."""
        to = self.to.reference
        references = [each for each in image.digests if each.registry == to.registry]
        # With the containerd image store, the ID of an image that has lost its names is its digest.
        if self.containerd and not image.digests:
            references.append(Reference(to.repository, digest=image.id))
        return references

    def _blobs(self, reference: Reference, platform: str | None) -> frozenset[str]:
        found = self.lookup.manifest(reference)
        image = self.lookup.child(reference, platform)
        if found is None or image is None or image.manifest is None:
            return frozenset()
        return blobs_of(found.digest, image)
