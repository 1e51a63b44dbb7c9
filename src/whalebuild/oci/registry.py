"""The protocol for requests to registries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from whalebuild.oci.blobs import BlobSource, Upload
from whalebuild.oci.manifest import Descriptor, Manifest
from whalebuild.oci.reference import Reference


class Registry(Protocol):
    """Requests to registries, without an engine. All but one may raise ``RequestFailedError``.

    ``mirrors`` allows that a mirror of the registry answers.
    """

    def manifest(self, reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        """Get a manifest; None where the registry has no such manifest."""

    def head(self, reference: Reference, *, mirrors: bool = False) -> Descriptor | None:
        """Get a manifest's descriptor; None where the registry has no such manifest."""

    def put_manifest(self, reference: Reference, raw: bytes, media_type: str) -> str:
        """Publish a manifest under a tag or by its digest, and return the digest."""

    def blob(
        self, repository: str, digest: str, limit_bytes: int, *, mirrors: bool = False
    ) -> bytes:
        """Get a blob of at most ``limit_bytes``."""

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the repository has a blob that is to be pushed; False where it does not say."""

    def mount_blob(self, repository: str, digest: str, from_repository: str) -> bool:
        """Give the repository a blob of another one; return whether the registry did."""

    def upload(
        self,
        repository: str,
        digest: str,
        source: BlobSource,
        *,
        mount_from: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Upload:
        """Prepare the upload of a blob, without a request.

        ``mount_from`` is a repository of the same registry that may have it. ``progress`` is told,
        in the thread that sends, how far in the blob it is and how large the blob is; what it
        raises ends the request.
        """

    def try_upload(self, repository: str) -> None:
        """Begin an upload and cancel it, to see whether the registry would take one."""

    def delete_manifest(self, reference: Reference) -> bool:
        """Delete a manifest or a tag; return whether the registry did."""

    def hide(self, text: str) -> str:
        """Remove the secrets of logins that were used from a text; raises nothing."""
