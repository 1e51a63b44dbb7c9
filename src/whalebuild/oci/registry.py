"""What is asked of registries."""

from __future__ import annotations

from typing import Protocol

from whalebuild.oci.manifest import Descriptor, Manifest
from whalebuild.oci.reference import Reference


class Registry(Protocol):
    """Registries, spoken to directly. Every method may raise ``RequestFailedError``."""

    def manifest(self, reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        """Get a manifest; None where the registry has no such manifest."""

    def head(self, reference: Reference, *, mirrors: bool = False) -> Descriptor | None:
        """Ask what the reference stands for; None where the registry has no such manifest."""

    def put_manifest(self, reference: Reference, raw: bytes, media_type: str) -> str:
        """Publish a manifest under a tag or by its digest, and return the digest."""

    def blob(
        self, repository: str, digest: str, limit_bytes: int, *, mirrors: bool = False
    ) -> bytes:
        """Get a small blob."""

    def try_upload(self, repository: str) -> None:
        """Begin an upload, and cancel it."""

    def delete_manifest(self, reference: Reference) -> bool:
        """Delete a manifest, or a tag; tell whether the registry did."""

    def hide(self, text: str) -> str:
        """Take the secrets of the logins that were used out of a text; raises nothing."""
