"""A registry that is read through the retrier: the one place where requests meet retries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from whalebuild.oci.manifest import Descriptor, Manifest
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.runtime.retrier import Retrier
from whalebuild.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True)
class RetryingRegistry:
    """Reads a registry; a request is made again after a failure that may pass. Thread-safe.

    Every method raises ``FailedError``: the last failure, with the budget spent, or one that will
    not pass.
    """

    registry: Registry
    retrier: Retrier

    def manifest(self, reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        """Get a manifest; None where the registry has no such manifest."""
        return self.read(reference, lambda at: at.manifest(reference, mirrors=mirrors))

    def head(self, reference: Reference, *, mirrors: bool = False) -> Descriptor | None:
        """Ask what the reference stands for; None where the registry has no such manifest."""
        return self.read(reference, lambda at: at.head(reference, mirrors=mirrors))

    def blob(self, repository: str, digest: str, limit_bytes: int) -> bytes:
        """Get a small blob."""
        reference = Reference(repository, digest=digest)
        return self.read(reference, lambda at: at.blob(repository, digest, limit_bytes))

    def put(self, reference: Reference, raw: bytes, media_type: str) -> str:
        """Publish a manifest; return its digest."""
        return self.step(
            f"pushing {reference}",
            reference.registry,
            lambda at: at.put_manifest(reference, raw, media_type),
        )

    def read(self, reference: Reference, look: Callable[[Registry], T]) -> T:
        """Make several requests about a reference; after a failure all of them are made again."""
        return self.step(f"reading {reference}", reference.registry, look)

    def step(self, name: str, host: str, action: Callable[[Registry], T]) -> T:
        """Make the requests of a step.

        Args:
            name: What is done, for the user.
            host: The registry that is asked, ``host`` or ``host:port``.
            action: Makes the requests; all of them are made again after a failure.
        """
        return self.retrier.call(name, lambda: action(self.registry), registry=host)
