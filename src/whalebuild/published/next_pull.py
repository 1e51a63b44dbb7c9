"""Tells after a bake what its image costs a host that has the one before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass, field
from functools import partial

from whalebuild.bundle.published import PublishedApp
from whalebuild.failures.failure import FailedError
from whalebuild.oci.image_config import ImageConfig
from whalebuild.oci.manifest import Descriptor, parse_image
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
from whalebuild.published.view import ImageView
from whalebuild.runtime.threads import Submit

# Everything is published by then: nobody is to wait long for a line.
_SECONDS = 2.0


@dataclass(frozen=True)
class Foreteller:
    """Compares two versions of an application, with two small requests a platform.

    What cannot be read at once is not told: it fails no bake, and is not tried again.
    """

    registry: Registry
    seconds: float = _SECONDS
    clock: Callable[[], float] = time.monotonic
    _submit: Submit = field(default_factory=Submit)

    def next_pull(
        self, before: PublishedApp, images: Mapping[str, Descriptor], index: Descriptor
    ) -> Mapping[str, NextPull] | None:
        """What a host that has the version before downloads of this one, by platform.

        Args:
            before: The version before; it has an index.
            images: The new version's images by platform.
            index: The new version's index.
        """
        both = [platform for platform in images if platform in before.images]
        deadline = self.clock() + self.seconds
        repository = before.reference.repository
        asked = {
            platform: (
                self._ask(repository, before.images[platform]),
                self._ask(repository, images[platform]),
            )
            for platform in both
        }
        told = {}
        for platform, (old, new) in asked.items():
            there, wanted = self._image(old, deadline), self._image(new, deadline)
            if there is None or wanted is None:
                return None
            to = ImageToPull(
                before.reference, index.digest, index.size, platform, wanted, ImageConfig()
            )
            have = HostContent(blobs_of(before.manifest.digest, there))
            diff = compare(to, have, HostSource(HostSide.REGISTRY))
            told[platform] = NextPull(diff.download, diff.total)
        return told or None

    def _ask(self, repository: str, child: Descriptor) -> Future[ImageView | None]:
        return self._submit(partial(self._read, Reference(repository, digest=child.digest)))

    def _read(self, reference: Reference) -> ImageView | None:
        try:
            found = self.registry.manifest(reference)
        except FailedError:
            return None
        parsed = parse_image(found.raw) if found else None
        return ImageView(found.digest, len(found.raw), parsed) if found and parsed else None

    def _image(self, asked: Future[ImageView | None], deadline: float) -> ImageView | None:
        try:
            return asked.result(timeout=max(0.0, deadline - self.clock()))
        except NotYetError:
            return None
