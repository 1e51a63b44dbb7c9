"""Estimates after a bake what the new image costs a host that has the one before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from functools import partial

from whalebuild.bundle.published import PublishedApp
from whalebuild.failures.failure import FailedError
from whalebuild.oci.image_config import ImageConfig
from whalebuild.oci.manifest import Descriptor, Manifest
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.published.download import (
    HostContent,
    HostSide,
    HostSource,
    ImageToPull,
    NextPull,
    blobs_of,
    compare,
)
from whalebuild.published.view import ImageView, view_manifest
from whalebuild.runtime.threads import Submit

# Everything is published by then: nobody should wait long for one line of output.
_SECONDS = 2.0


def estimate_next_pull(
    registry: Registry,
    before: PublishedApp,
    images: Mapping[str, Descriptor],
    index: Descriptor,
    clock: Callable[[], float],
    seconds: float = _SECONDS,
    *,
    manifests: Mapping[str, Manifest] | None = None,
) -> Mapping[str, NextPull] | None:
    """Compute what a host that has the version before downloads of the new one, by platform.

    At most two small requests a platform, side by side. The estimate fails no bake: where a
    manifest cannot be read at the first try, or not in time, there is none.

    Args:
        registry: Where both versions are.
        before: The version before; it has an index.
        images: The new version's images by platform.
        index: The new version's index.
        clock: Seconds, as ``time.monotonic``.
        seconds: How long to wait for all manifests.
        manifests: Those that need not be read, by digest.

    Returns:
        None where there is no estimate, or no platform is in both versions.
    """
    deadline = clock() + seconds
    repository = before.reference.repository
    submit = Submit()

    def begin(child: Descriptor) -> Future[ImageView | None]:
        known = (manifests or {}).get(child.digest)
        if known:
            return submit(lambda: _image(known))
        return submit(partial(_read, registry, Reference(repository, digest=child.digest)))

    def wait(reading: Future[ImageView | None]) -> ImageView | None:
        try:
            return reading.result(timeout=max(0.0, deadline - clock()))
        except NotYetError:
            return None

    begun = {
        platform: (begin(before.images[platform]), begin(image))
        for platform, image in images.items()
        if platform in before.images
    }
    pulls = {}
    for platform, (reading_old, reading_new) in begun.items():
        old, new = wait(reading_old), wait(reading_new)
        if old is None or new is None:
            return None
        to = ImageToPull(before.reference, index.digest, index.size, platform, new, ImageConfig())
        have = HostContent(blobs_of(before.manifest.digest, old))
        diff = compare(to, have, HostSource(HostSide.REGISTRY))
        pulls[platform] = NextPull(diff.download, diff.total)
    return pulls or None


def _read(registry: Registry, reference: Reference) -> ImageView | None:
    """Read an image's manifest; None where that fails or it is something else."""
    try:
        found = registry.manifest(reference)
    except FailedError:
        return None
    return _image(found) if found else None


def _image(found: Manifest) -> ImageView | None:
    image = view_manifest(found)
    return image if image and image.manifest else None
