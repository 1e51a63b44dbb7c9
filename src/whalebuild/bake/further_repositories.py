"""The layers of an app base in the further repositories of an application."""

from __future__ import annotations

from collections.abc import Iterable

from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import parse_image
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.rebase.images import Image
from whalebuild.runtime.retrying_registry import RetryingRegistry


def lacks_layers(
    registry: RetryingRegistry, repository: str, home: str, images: Iterable[Image]
) -> bool:
    """Whether a repository lacks layers of images, and they cannot be mounted there.

    Args:
        registry: Where to ask.
        repository: The further repository.
        home: The repository that has them.
        images: Of all platforms.

    Raises:
        WhalebuildError: The registry refused, or could not be reached.
    """
    parsed = (parse_image(image.manifest) for image in images)
    layers = dict.fromkeys(layer.digest for image in parsed if image for layer in image.layers)
    near = Reference(repository).registry == Reference(home).registry

    def is_there(digest: str) -> bool:
        def look(at: Registry) -> bool:
            there = at.has_blob(repository, digest)
            return there or (near and at.mount_blob(repository, digest, home))

        return registry.read(Reference(repository, digest=digest), look)

    with failures_as_errors():
        return not all(map(is_there, layers))
