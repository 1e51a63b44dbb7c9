"""Reads published images: manifests and configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import Descriptor, ImageManifest, parse_image, platform_of
from whalebuild.oci.reference import Reference
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.view import ImageView, TagView
from whalebuild.runtime.retrying_registry import RetryingRegistry

_CONFIG_LIMIT = 4 << 20
UNKNOWN = "unknown"


@dataclass(frozen=True)
class ImageReader:
    """Reads what a survey has asked for, or asks for it.

    Every method may raise ``WhalebuildError``: the registry refused, or could not be reached.
    """

    registry: RetryingRegistry
    survey: ManifestLookup

    def side(
        self, reference: Reference, children: Mapping[str, Descriptor], attestations: int
    ) -> TagView:
        """What is there under a reference, with these children."""
        found = self.survey.manifest(reference)
        assert found is not None, "it was there a moment ago"  # noqa: S101 - asked for only once
        alone = parse_image(found.raw)
        if alone is not None:
            platform = self._platform_of(reference.repository, alone)
            images = {platform: ImageView(found.digest, len(found.raw), alone)}
        else:
            images = {
                platform: self.image(reference, child.digest, child.size)
                for platform, child in children.items()
            }
        return TagView(reference, found.digest, len(found.raw), images, attestations)

    def image(self, where: Reference, digest: str, size: int) -> ImageView:
        """An image by the digest of its manifest."""
        found = self.survey.manifest(Reference(where.repository, digest=digest))
        return ImageView(digest, size, parse_image(found.raw) if found else None)

    def config(self, repository: str, image: ImageManifest) -> bytes:
        """An image's configuration."""
        with failures_as_errors():
            return self.registry.blob(repository, image.config.digest, _CONFIG_LIMIT)

    def _platform_of(self, repository: str, image: ImageManifest) -> str:
        """The platform of an image that has no index: its configuration has it."""
        return platform_of(self.config(repository, image)) or UNKNOWN
