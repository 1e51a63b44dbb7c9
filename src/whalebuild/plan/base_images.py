"""Asks registries about external images: their digests now, and whether they have ONBUILD."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import field
from functools import partial

from whalebuild.errors import UsageError
from whalebuild.failures.failure import FailedError
from whalebuild.inputs.values import BaseImage
from whalebuild.oci.manifest import Manifest, has_triggers, parse_image, parse_index
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.oci.registry import Registry
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass

_CONFIG_LIMIT = 4 << 20


@dataclass
class BaseImages:
    """External images, asked for side by side; each once.

    Attributes:
        manifests: What was read of them, by digest.
    """

    registry: RetryingRegistry
    submit: Submit
    manifests: dict[str, Manifest] = field(default_factory=dict)
    _digests: dict[str, Future[str]] = field(default_factory=dict)
    _triggering: dict[str, Future[bool]] = field(default_factory=dict)

    def digests(self, images: Iterable[BaseImage]) -> dict[str, str]:
        """The digests that images have now, by ``BaseImage.key``.

        One that cannot be found out (it may be only in the builder) is left out.
        """
        wanted = list(images)
        for image in wanted:
            if image.reference not in self._digests:
                self._digests[image.reference] = self.submit(partial(self._ask, image.reference))
        found = {image.key: self._digests[image.reference].result() for image in wanted}
        return {key: digest for key, digest in found.items() if digest}

    def with_triggers(self, images: Iterable[BaseImage]) -> BaseImage | None:
        """Find an image that leaves instructions to its children: they may read anything.

        An image whose digest a lock has was looked at when it was locked.
        """
        wanted = list(images)
        for image in wanted:
            if image.reference not in self._triggering:
                asked = self.submit(partial(self._triggers, image.reference))
                self._triggering[image.reference] = asked
        return next((each for each in wanted if self._triggering[each.reference].result()), None)

    def _ask(self, text: str) -> str:
        try:
            reference = _reference(text)
            found = self.registry.head(reference, mirrors=True)
        except (FailedError, UsageError):
            return ""
        return found.digest if found else ""

    def _triggers(self, text: str) -> bool:
        try:
            reference = _reference(text)
            return self.registry.read(reference, partial(self._leaves_instructions, reference))
        except (FailedError, UsageError):
            return False

    def _leaves_instructions(self, reference: Reference, registry: Registry) -> bool:
        """Whether an image has ONBUILD.

        Platforms of one image have the same instructions as far as anybody has seen.
        """
        found = self._manifest(reference, registry)
        index = parse_index(found.raw) if found else None
        if index is not None:
            first = next(iter(index.images.values()), None)
            child = Reference(reference.repository, digest=first.digest if first else None)
            found = self._manifest(child, registry) if first else None
        image = parse_image(found.raw) if found else None
        if image is None:
            return False
        repository, digest = reference.repository, image.config.digest
        return has_triggers(registry.blob(repository, digest, _CONFIG_LIMIT, mirrors=True))

    def _manifest(self, reference: Reference, registry: Registry) -> Manifest | None:
        found = registry.manifest(reference, mirrors=True)
        if found:
            self.manifests[found.digest] = found
        return found


def _reference(text: str) -> Reference:
    reference = parse_reference(text, where="FROM")
    return reference if reference.tag or reference.digest else reference.tagged("latest")
