"""The application's key: the same key means the same image.

It covers what the application's stages are made from, the dependencies that they stand on, and
what the bake file says of the image beside its stages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from whalebuild.bakefile.target import Target
from whalebuild.bundle.lock import SCHEME, Lock

# Attributes of a target that change the image or its index, but none of its steps.
_OF_THE_IMAGE = ("labels", "annotations", "attest", "output")


@dataclass(frozen=True)
class AppMaterial:
    """What is known of an application before its dependencies are.

    Attributes:
        lock: Of its stages, the dependencies' stage left out.
        attributes: What else decides about the image.
    """

    lock: Lock
    attributes: Mapping[str, object]

    @property
    def bases(self) -> dict[str, str]:
        """Digests of the external images, by ``BaseImage.key``."""
        return {key: digest for pins in self.lock.bases.values() for key, digest in pins.items()}

    def key(self, dependencies: Mapping[str, str]) -> str:
        """The key on these dependencies: digests of image manifests by platform."""
        parts = [SCHEME, self.lock.key, self.attributes, sorted(dependencies.items())]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def material(lock: Lock, target: Target) -> AppMaterial:
    """Put together what decides about the image of a target."""
    named = {name: target.attributes[name] for name in _OF_THE_IMAGE if name in target.attributes}
    return AppMaterial(lock, named)
