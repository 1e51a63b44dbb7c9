"""The registry, spoken to directly: manifests as bytes, small blobs, and uploads of any blob.

Follows the OCI distribution specification 1.1:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md. Nothing is tried again here:
``runtime.retrier`` does that, by the failure's kind.

Import this module where it is needed: the HTTP library takes longer to import than ``--help``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Self

from whalebuild.failures.classify_http import NoAnswer
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.oci.blobs import BegunUploads, BlobSource
from whalebuild.oci.manifest import INDEX_TYPES, MANIFEST_TYPES, Descriptor, Manifest
from whalebuild.oci.reference import Reference
from whalebuild.registry import blobs
from whalebuild.registry.answers import (
    MANIFEST_LIMIT,
    digest_like,
    media_type_of,
    named_digest,
    require_manifest,
    verify,
    wrong,
)
from whalebuild.registry.hosts import HostSettings, builder_settings
from whalebuild.registry.session import Call, RegistrySession
from whalebuild.registry.upload import BlobUpload

_TYPES = (*sorted(INDEX_TYPES, reverse=True), *sorted(MANIFEST_TYPES, reverse=True))
_ACCEPT = {"Accept": ", ".join(_TYPES)}
_MISSING = frozenset({HTTPStatus.NOT_FOUND.value})


class RegistryClient:
    """All registries, with docker's logins and the builder's settings; thread-safe.

    A context manager: leaving it closes connections. Every method raises ``RequestFailedError``
    when a registry refuses or cannot be reached; its failure is an ``HttpFailure``.

    Args:
        env: Where docker's configuration, buildx's state and the proxies are found.
        builder: The builder whose ``buildkitd.toml`` counts; None is the current one.
        settings: Registry settings by host, instead of the builder's.
        begun: Remembers uploads, so that a later run goes on with them.
    """

    def __init__(
        self,
        env: Mapping[str, str] = os.environ,
        *,
        builder: str | None = None,
        settings: Mapping[str, HostSettings] | None = None,
        begun: BegunUploads | None = None,
    ) -> None:
        if settings is None:
            settings = builder_settings(env, builder)
        self._session = RegistrySession(env, settings)
        self._largest_chunks: dict[str, int] = {}
        self._begun = begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def hide(self, text: str) -> str:
        """See ``oci.registry.Registry``."""
        return self._session.hide(text)

    def manifest(self, reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        """Get a manifest; None if the registry has no such manifest.

        Args:
            reference: By digest if it has one, else by tag.
            mirrors: Ask the registry's mirrors first, as for a base image; not for what this
                program publishes, of which a mirror may have an old one.

        Raises:
            RequestFailedError: The registry refused, could not be reached, or gave content that
                does not match the digest.
        """
        # Any 404 is "missing", as for containerd: registries differ too much in its body.
        call = Call(
            "GET",
            _manifest_path(reference),
            _ACCEPT,
            accepted=_MISSING,
            limit=MANIFEST_LIMIT,
            mirrors=mirrors,
        )
        answer = self._session.call(reference.repository, call)
        if not answer.ok:
            return None
        require_manifest(call, answer)
        for wanted in (reference.digest, named_digest(answer)):
            verify(call, answer, wanted)
        digest = reference.digest or digest_like(answer.body)
        return Manifest(answer.body, media_type_of(answer), digest)

    def head(self, reference: Reference, *, mirrors: bool = False) -> Descriptor | None:
        """Ask what a reference stands for; None if the registry has no such manifest.

        Raises:
            RequestFailedError: As for ``manifest``.
        """
        # A 403 has its reason in the body, which HEAD leaves out; some registries have no HEAD.
        unclear = {HTTPStatus.FORBIDDEN.value, HTTPStatus.METHOD_NOT_ALLOWED.value}
        call = Call(
            "HEAD",
            _manifest_path(reference),
            _ACCEPT,
            accepted=_MISSING | unclear,
            mirrors=mirrors,
        )
        answer = self._session.call(reference.repository, call)
        if answer.status in _MISSING:
            return None
        digest = reference.digest or named_digest(answer)
        size = answer.headers.get("Content-Length", "")
        if answer.ok and digest and size.isdecimal():
            return Descriptor(digest, int(size), media_type_of(answer))
        found = self.manifest(reference, mirrors=mirrors)
        return found.descriptor if found else None

    def put_manifest(self, reference: Reference, raw: bytes, media_type: str) -> str:
        """Publish a manifest: by tag if the reference has one, else by digest.

        Returns:
            Its digest, which the registry has confirmed as far as it names one.

        Raises:
            RequestFailedError: The registry refused, could not be reached, or keeps other bytes.
            ValueError: The reference has the digest of something else.
        """
        digest = digest_like(raw, like=reference.digest)
        if reference.digest not in {None, digest}:
            raise ValueError(f"{reference} is not the digest of what is to be published: {digest}")
        path = f"manifests/{reference.tag or reference.digest or 'latest'}"
        call = Call("PUT", path, {"Content-Type": media_type}, raw, action="push")
        answer = self._session.call(reference.repository, call)
        kept = named_digest(answer)
        if kept and kept != digest_like(raw, like=kept):
            detail = f"sent {digest}, the registry has {kept}"
            raise RequestFailedError(wrong(call, answer, NoAnswer.WRONG_CONTENT, detail))
        return digest

    def delete_manifest(self, reference: Reference) -> bool:
        """Delete a manifest, or a tag alone where the registry can do that; tell whether it did.

        Raises:
            RequestFailedError: The registry could not be reached; a refusal is no error.
        """
        call = Call("DELETE", _manifest_path(reference), action="delete")
        try:
            self._session.call(reference.repository, call)
        except RequestFailedError as error:
            if error.failure.kind in {FailureKind.MISSING, FailureKind.REFUSED}:
                return False
            raise
        return True

    def blob(
        self, repository: str, digest: str, limit_bytes: int, *, mirrors: bool = False
    ) -> bytes:
        """Get a blob, such as the configuration of an image or of a cache.

        Args:
            repository: As ``Reference.repository`` has it.
            digest: Of the blob.
            limit_bytes: Larger blobs are an error.
            mirrors: Ask the registry's mirrors first.

        Raises:
            RequestFailedError: The registry refused, has no such blob, could not be reached, or
                gave content that is too large or does not match the digest.
        """
        call = Call("GET", f"blobs/{digest}", limit=limit_bytes, mirrors=mirrors)
        answer = self._session.call(repository, call)
        if not answer.complete:
            detail = f"over {limit_bytes} bytes"
            raise RequestFailedError(wrong(call, answer, NoAnswer.TOO_LARGE, detail))
        verify(call, answer, digest)
        return answer.body

    def try_upload(self, repository: str) -> None:
        """Begin an upload, and cancel it: whether the registry takes anything now.

        Raises:
            RequestFailedError: It does not.
        """
        begun = blobs.begin_upload(self._session, repository)
        if begun.location:
            blobs.cancel_upload(self._session, repository, begun.location)

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob that is to be pushed to it; False where it does not say.

        Raises:
            RequestFailedError: The registry could not be asked.
        """
        return blobs.has_blob(self._session, repository, digest)

    def mount_blob(self, repository: str, digest: str, from_repository: str) -> bool:
        """Give a repository a blob of another one of its registry; return whether it has it now.

        Raises:
            RequestFailedError: The registry could not be reached; a refusal is no error.
        """
        begun = blobs.try_mount(self._session, repository, digest, from_repository)
        if begun and begun.location:
            blobs.cancel_upload(self._session, repository, begun.location)
        return begun is not None and begun.location is None

    def upload(
        self,
        repository: str,
        digest: str,
        source: BlobSource,
        *,
        mount_from: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> BlobUpload:
        """See ``oci.registry.Registry``."""
        return BlobUpload(
            self._session,
            repository,
            digest,
            source,
            self._largest_chunks,
            mount_from,
            progress,
            self._begun,
        )


def _manifest_path(reference: Reference) -> str:
    return f"manifests/{reference.digest or reference.tag or 'latest'}"
