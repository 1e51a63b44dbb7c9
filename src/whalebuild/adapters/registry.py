"""The registry, spoken to directly: manifests as bytes, small blobs, tags.

Follows the OCI distribution specification 1.1:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md. Layers are BuildKit's
business. Nothing is tried again here: ``workflows.retrying`` does that, by the failure's kind.

Import this module where it is needed: the HTTP library takes longer to import than ``--help``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

from whalebuild.adapters.registry_hosts import HostSettings, builder_settings
from whalebuild.adapters.registry_session import Call, RegistrySession
from whalebuild.adapters.registry_transport import Answer
from whalebuild.core.failures import Kind, RequestFailedError
from whalebuild.core.http_failures import HttpFailure, Trouble, no_answer
from whalebuild.core.manifests import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from whalebuild.core.references import Reference

_TYPES = (*sorted(INDEX_TYPES, reverse=True), *sorted(MANIFEST_TYPES, reverse=True))
_ACCEPT = {"Accept": ", ".join(_TYPES)}
# Registries must take manifests of 4 MiB and may refuse larger ones (specification, "Pushing").
_MANIFEST_LIMIT = 4 * 1024 * 1024
_MOST_PAGES = 1000
_NEXT_PAGE = re.compile(r"<([^>]+)>\s*;[^,]*\brel=\"?next\b", re.IGNORECASE)
_ALGORITHMS = frozenset({"sha256", "sha512"})  # the registered ones
_MISSING = frozenset({HTTPStatus.NOT_FOUND.value})
_OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Manifest:
    """A manifest or index as the registry has it, to the byte."""

    raw: bytes
    media_type: str
    digest: str

    @property
    def descriptor(self) -> Descriptor:
        """The manifest's descriptor, as far as the manifest alone tells it."""
        return Descriptor(self.digest, len(self.raw), self.media_type)


class RegistryClient:
    """All registries, with docker's logins and the builder's settings; thread-safe.

    A context manager: leaving it closes connections. Every method raises ``RequestFailedError``
    when a registry refuses or cannot be reached; its failure is an ``HttpFailure``.

    Args:
        env: Where docker's configuration, buildx's state and the proxies are found.
        builder: The builder whose ``buildkitd.toml`` counts; None is the current one.
        settings: Registry settings by host, instead of the builder's.
    """

    def __init__(
        self,
        env: Mapping[str, str] = os.environ,
        *,
        builder: str | None = None,
        settings: Mapping[str, HostSettings] | None = None,
    ) -> None:
        if settings is None:
            settings = builder_settings(env, builder)
        self._session = RegistrySession(env, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

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
            limit=_MANIFEST_LIMIT,
            mirrors=mirrors,
        )
        answer = self._session.call(reference.repository, call)
        if not answer.ok:
            return None
        _require_manifest(call, answer)
        for wanted in (reference.digest, _named_digest(answer)):
            _verify(call, answer, wanted)
        digest = reference.digest or _digest(answer.body)
        return Manifest(answer.body, _media_type(answer), digest)

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
        digest = reference.digest or _named_digest(answer)
        size = answer.headers.get("Content-Length", "")
        if answer.ok and digest and size.isdecimal():
            return Descriptor(digest, int(size), _media_type(answer))
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
        digest = _digest(raw, like=reference.digest)
        if reference.digest not in {None, digest}:
            raise ValueError(f"{reference} is not the digest of what is to be published: {digest}")
        path = f"manifests/{reference.tag or reference.digest or 'latest'}"
        call = Call("PUT", path, {"Content-Type": media_type}, raw, action="push")
        answer = self._session.call(reference.repository, call)
        kept = _named_digest(answer)
        if kept and kept != _digest(raw, like=kept):
            detail = f"sent {digest}, the registry has {kept}"
            raise RequestFailedError(_wrong(call, answer, Trouble.WRONG_CONTENT, detail))
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
            if error.failure.kind in {Kind.MISSING, Kind.REFUSED}:
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
            raise RequestFailedError(_wrong(call, answer, Trouble.TOO_LARGE, detail))
        _verify(call, answer, digest)
        return answer.body

    def blob_exists(self, repository: str, digest: str) -> bool:
        """Tell whether a repository has a blob.

        Raises:
            RequestFailedError: The registry refused, or could not be reached.
        """
        call = Call("HEAD", f"blobs/{digest}", accepted=_MISSING)
        return self._session.call(repository, call).ok

    def put_blob(self, repository: str, raw: bytes) -> str:
        """Upload a small blob in one piece (POST then PUT), and return its digest.

        Raises:
            RequestFailedError: The registry refused, or could not be reached.
        """
        digest = _digest(raw)
        start = Call("POST", "blobs/uploads/", {"Content-Length": "0"}, action="push")
        answer = self._session.call(repository, start)
        location = answer.headers.get("Location")
        if not location:
            raise RequestFailedError(_wrong(start, answer, Trouble.NO_REGISTRY, "no Location"))
        url = urljoin(answer.url, location)
        joint = "&" if "?" in url else "?"
        upload = Call("PUT", f"{url}{joint}digest={digest}", _OCTETS, raw, action="push")
        self._session.call(repository, upload)
        return digest

    def tags(self, repository: str) -> list[str]:
        """Return all tags, in the registry's order; none if there is no such repository.

        Raises:
            RequestFailedError: The registry refused, or could not be reached.
        """
        tags: list[str] = []
        path = "tags/list"
        for _ in range(_MOST_PAGES):
            call = Call("GET", path, accepted=_MISSING)
            answer = self._session.call(repository, call)
            if not answer.ok:
                break
            page = _page_of_tags(call, answer)
            tags += page
            following = _NEXT_PAGE.search(answer.headers.get("Link", ""))
            if not (following and page):
                break
            path = urljoin(answer.url, following[1])
        return tags


def _manifest_path(reference: Reference) -> str:
    return f"manifests/{reference.digest or reference.tag or 'latest'}"


def _digest(raw: bytes, *, like: str | None = None) -> str:
    """The digest in SHA-256, or in the algorithm of another digest."""
    algorithm = (like or "sha256").partition(":")[0]
    if algorithm not in _ALGORITHMS:
        return "nothing that can be computed"
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def _named_digest(answer: Answer) -> str | None:
    """What the registry calls the manifest; None if it does not, or in an unknown algorithm."""
    named = answer.headers.get("Docker-Content-Digest")
    return named if named and named.partition(":")[0] in _ALGORITHMS else None


def _verify(call: Call, answer: Answer, digest: str | None) -> None:
    if digest and digest != (found := _digest(answer.body, like=digest)):
        detail = f"expected {digest}, got {found}"
        raise RequestFailedError(_wrong(call, answer, Trouble.WRONG_CONTENT, detail))


def _require_manifest(call: Call, answer: Answer) -> None:
    """Tell a registry from the login page of a network, which answers 200 as well."""
    if not answer.complete:
        raise RequestFailedError(_wrong(call, answer, Trouble.TOO_LARGE, "over 4 MiB"))
    if not answer.body.lstrip().startswith(b"{"):
        raise RequestFailedError(_wrong(call, answer, Trouble.NO_REGISTRY, "no JSON"))


def _media_type(answer: Answer) -> str:
    """What the registry calls it; what the manifest calls itself where that says nothing."""
    named = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if named in INDEX_TYPES | MANIFEST_TYPES or not answer.body:
        return named
    try:
        itself = json.loads(answer.body).get("mediaType")
    except (AttributeError, ValueError):
        return named
    return itself if isinstance(itself, str) else named


def _page_of_tags(call: Call, answer: Answer) -> list[str]:
    try:
        tags = json.loads(answer.body)["tags"] or []
        return [str(tag) for tag in tags]
    except (KeyError, TypeError, ValueError):
        raise RequestFailedError(
            _wrong(call, answer, Trouble.NO_REGISTRY, "no list of tags")
        ) from None


def _wrong(call: Call, answer: Answer, trouble: Trouble, detail: str) -> HttpFailure:
    return no_answer(f"{call.method} {answer.url.partition('?')[0]}", trouble, detail)
