"""Reads what is published: indexes, the images in them, and their configurations.

The one place that walks from an index to an image manifest and on to its configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import field
from functools import partial
from typing import TypeVar

from whalebuild.bundle.published import PublishedApp, PublishedDeps, read_app, read_deps
from whalebuild.failures.failure import FailedError, may_not_exist_yet
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import ImageManifest, Manifest, parse_image, parse_index
from whalebuild.oci.reference import Reference
from whalebuild.published.view import ImageView, view_manifest
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass

_CONFIG_LIMIT = 4 << 20  # bytes
T = TypeVar("T")


@dataclass
class ManifestLookup:
    """Reads manifests, side by side and each once.

    Begun before a long build, it also finds out early that a registry cannot be used. Every method
    but the two that begin may raise ``WhalebuildError``: the registry refused, or could not be
    reached.
    """

    registry: RetryingRegistry
    submit: Submit = field(default_factory=Submit)
    _begun: dict[Reference, Future[Manifest | None]] = field(default_factory=dict)
    _asked: dict[Reference, Future[str | None]] = field(default_factory=dict)

    def begin(self, references: Iterable[Reference]) -> None:
        """Start to read manifests that will be needed, and do not wait for them."""
        for reference in references:
            if reference not in self._begun:
                self._begun[reference] = self.submit(partial(self._read, reference))

    def begin_digests(self, references: Iterable[Reference]) -> None:
        """Start to ask what references stand for, and do not wait for it."""
        for reference in references:
            if reference not in self._asked:
                self._asked[reference] = self.submit(partial(self._ask, reference))

    def digest(self, reference: Reference) -> str | None:
        """The digest of the manifest or index that a reference stands for; None for nothing.

        It is asked with HEAD: a GET of a manifest counts as a pull at Docker Hub
        (https://docs.docker.com/docker-hub/usage/pulls/).
        """
        self.begin_digests([reference])
        with failures_as_errors():
            return self._asked[reference].result()

    def manifest(self, reference: Reference) -> Manifest | None:
        """The manifest or index that a reference stands for; None where nothing is published."""
        self.begin([reference])
        with failures_as_errors():
            return self._begun[reference].result()

    def deps(self, reference: Reference) -> PublishedDeps | None:
        """What is published under a dependencies tag, ``:deps``."""
        found = self.manifest(reference)
        return read_deps(reference, found) if found else None

    def app(self, reference: Reference) -> PublishedApp | None:
        """What is published under an application's tag."""
        found = self.manifest(reference)
        return read_app(reference, found) if found else None

    def child(self, reference: Reference, platform: str | None) -> ImageView | None:
        """The image for a platform in the index that a reference stands for.

        A reference that stands for an image manifest itself is that image, for whatever platform.
        None where nothing is published, or no image for the platform.
        """
        found = self.manifest(reference)
        if found is None:
            return None
        index = parse_index(found.raw)
        if index is None:
            return view_manifest(found)
        child = index.images.get(platform or "")
        return self.image(reference.repository, child.digest, child.size) if child else None

    def image(self, repository: str, digest: str, size: int) -> ImageView:
        """An image by the digest and size of its manifest, as an index lists them."""
        found = self.manifest(Reference(repository, digest=digest))
        return ImageView(digest, size, parse_image(found.raw) if found else None)

    def config(self, repository: str, image: ImageManifest) -> bytes:
        """An image's configuration, the JSON as it is stored."""
        with failures_as_errors():
            return self.registry.blob(repository, image.config.digest, _CONFIG_LIMIT)

    def _read(self, reference: Reference) -> Manifest | None:
        return _if_there(lambda: self.registry.manifest(reference))

    def _ask(self, reference: Reference) -> str | None:
        found = _if_there(lambda: self.registry.head(reference))
        return found.digest if found else None


def _if_there(look: Callable[[], T | None]) -> T | None:
    try:
        return look()
    except FailedError as failed:
        # Docker Hub says so of a repository that the first push will create.
        if may_not_exist_yet(failed.failure):
            return None
        raise
