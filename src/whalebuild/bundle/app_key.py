"""The application's key: the same key means the same image.

It covers the inputs of the application's stages, the dependencies image that they are made from,
and the attributes of the bake target that change the image itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from whalebuild.bakefile.target import Target
from whalebuild.bundle.lock import SCHEME, Lock
from whalebuild.values import dataclass

# Attributes of a target that change the image or its index, but no step of the build.
_IMAGE_ATTRIBUTES = ("labels", "annotations", "attest", "output")


@dataclass(frozen=True)
class AppMaterial:
    """What an application's image is made from, apart from its dependencies image.

    Attributes:
        lock: Of its stages, without the dependencies stage.
        attributes: What changes the image but no step of it, by name: attributes of the bake
            target, and what buildx adds by its environment.
    """

    lock: Lock
    attributes: Mapping[str, object]

    @property
    def bases(self) -> dict[str, str]:
        """Digests of base images, by ``BaseImage.key``."""
        return {key: digest for pins in self.lock.bases.values() for key, digest in pins.items()}

    def key(self, dependencies: Mapping[str, str]) -> str:
        """The key; ``dependencies`` are digests of image manifests by platform."""
        parts = [SCHEME, self.lock.key, self.attributes, sorted(dependencies.items())]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def material(lock: Lock, target: Target, additions: Mapping[str, object]) -> AppMaterial:
    """What the image of a target is made from.

    Args:
        lock: That of its stages.
        target: The target.
        additions: What buildx adds to its image by its environment.
    """
    named = {
        name: target.attributes[name] for name in _IMAGE_ATTRIBUTES if name in target.attributes
    }
    return AppMaterial(lock, {**named, **additions})
