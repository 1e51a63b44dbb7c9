"""An ``oci.registry.Registry`` in memory, and images to put into it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from whalebuild.bundle.published import AppRecord
from whalebuild.failures.classify_docker import classify
from whalebuild.failures.classify_http import from_answer
from whalebuild.failures.failure import Failure, RequestFailedError
from whalebuild.oci.blobs import Arrival, BlobSource
from whalebuild.oci.manifest import (
    ATTESTATION,
    INDEX_TYPE,
    MANIFEST_TYPE,
    REFERENCE_DIGEST,
    REFERENCE_TYPE,
    Descriptor,
    Manifest,
    digest_of,
    parse_index,
    write_index,
)
from whalebuild.oci.reference import Reference

BUSY = "ERROR: unexpected status from the registry: 503 Service Unavailable"
DENIED = "ERROR: denied: requested access to the resource is denied"


@dataclass
class FakeRegistry:
    """Manifests by repository and digest, tags that point to them, and blobs.

    As in distribution, an index can be put only where its children are.

    Attributes:
        failures: Docker's words (or what they mean) by ``VERB reference`` or ``reference``: one
            text is said always, a list is one answer a request, None is no failure.
        requests: ``VERB reference`` of all that was asked, in order; what may go to mirrors is
            written MIRRORS.
        secret: A login's.
        down: What it says to everybody, while it is down.
        bases: Base images that are there without anybody's doing, under every tag.
    """

    failures: dict[str, str | Failure | list[str | None]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    manifests: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    secret: str = ""
    down: str = ""
    bases: tuple[str, ...] = ("debian",)

    def __enter__(self) -> FakeRegistry:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    @property
    def puts(self) -> list[str]:
        """The references that manifests were put under."""
        return [r.removeprefix("PUT ") for r in self.requests if r.startswith("PUT ")]

    def manifest(self, reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        self._ask("MIRRORS" if mirrors else "GET", reference)
        return self._find(reference)

    def head(self, reference: Reference, *, mirrors: bool = False) -> Descriptor | None:
        self._ask("MIRRORS" if mirrors else "HEAD", reference)
        found = self._find(reference)
        return found.descriptor if found else None

    def put_manifest(self, reference: Reference, raw: bytes, media_type: str) -> str:
        self._ask("PUT", reference)
        index = parse_index(raw)
        repository = reference.repository
        for child in index.manifests if index else ():
            if (repository, child.digest) not in self.manifests:
                said = {"errors": [{"code": "MANIFEST_BLOB_UNKNOWN", "message": child.digest}]}
                failure = from_answer(f"PUT {reference}", 400, {}, json.dumps(said).encode())
                raise RequestFailedError(failure)
        return self.keep(reference, raw, media_type)

    def blob(
        self, repository: str, digest: str, limit_bytes: int, *, mirrors: bool = False
    ) -> bytes:
        self._ask("MIRRORS" if mirrors else "BLOB", Reference(repository, digest=digest))
        raw = self.blobs[repository, digest]
        assert len(raw) <= limit_bytes
        return raw

    def try_upload(self, repository: str) -> None:
        self._ask("UPLOAD", Reference(repository))

    def has_blob(self, repository: str, digest: str) -> bool:
        self._ask("LOOK", Reference(repository, digest=digest))
        return (repository, digest) in self.blobs

    def mount_blob(self, repository: str, digest: str, from_repository: str) -> bool:
        self._ask("MOUNT", Reference(repository, digest=digest))
        if (from_repository, digest) in self.blobs:
            self.blobs[repository, digest] = self.blobs[from_repository, digest]
        return (repository, digest) in self.blobs

    def upload(
        self,
        repository: str,
        digest: str,
        source: BlobSource,
        *,
        mount_from: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> FakeUpload:
        return FakeUpload(self, repository, digest, source, mount_from, progress)

    def delete_manifest(self, reference: Reference) -> bool:
        self._ask("DELETE", reference)
        if reference.tag:
            return self.tags.pop((reference.repository, reference.tag), None) is not None
        return self.manifests.pop((reference.repository, str(reference.digest)), None) is not None

    def hide(self, text: str) -> str:
        return text.replace(self.secret, "***") if self.secret else text

    def keep(self, reference: Reference, raw: bytes, media_type: str = MANIFEST_TYPE) -> str:
        """Put a manifest there without a request; returns its digest."""
        digest = digest_of(raw)
        self.manifests[reference.repository, digest] = Manifest(raw, media_type, digest)
        if reference.tag:
            self.tags[reference.repository, reference.tag] = digest
        return digest

    def at(self, text: str) -> Manifest:
        """The manifest under ``repository:tag``."""
        repository, _, tag = text.rpartition(":")
        return self.manifests[repository, self.tags[repository, tag]]

    def _find(self, reference: Reference) -> Manifest | None:
        digest = reference.digest or self.tags.get((reference.repository, reference.tag or ""))
        if digest is None and reference.repository in self.bases:
            raw = reference.repository.encode()
            return Manifest(raw, MANIFEST_TYPE, digest_of(raw))
        return self.manifests.get((reference.repository, digest or ""))

    def _ask(self, verb: str, reference: Reference) -> None:
        asked = f"{verb} {reference}"
        self.requests.append(asked)
        said = self.failures.get(asked, self.failures.get(str(reference), self.down))
        if isinstance(said, list):
            said = said.pop(0) if said else None
        if said:
            raise RequestFailedError(said if isinstance(said, Failure) else classify(said))


@dataclass
class FakeUpload:
    """An upload that looks, mounts, and sends chunks of ten bytes, each of them a ``SEND``."""

    registry: FakeRegistry
    repository: str
    digest: str
    source: BlobSource
    mount_from: str | None
    progress: Callable[[int, int], None] | None
    bytes_sent: int = 0
    _raw: bytes = b""
    _looked: bool = False

    def advance(self) -> Arrival | None:
        key = self.repository, self.digest
        if not self._looked:
            if self.registry.has_blob(*key):
                return Arrival.THERE
            self._looked = True
            if self.mount_from and self.registry.mount_blob(*key, self.mount_from):
                return Arrival.MOUNTED
        self.registry._ask("SEND", Reference(self.repository, digest=self.digest))
        piece = self.source.open(len(self._raw)).read(10)
        self._raw += piece
        self.bytes_sent += len(piece)
        if self.progress:
            self.progress(len(self._raw), self.source.size)
        if len(self._raw) < self.source.size:
            return None
        assert digest_of(self._raw) == self.digest
        self.registry.blobs[key] = self._raw
        return Arrival.SENT


def push_image(
    registry: FakeRegistry,
    repositories: Sequence[str],
    platforms: Sequence[str],
    content: str,
    *,
    attested: bool = True,
) -> str:
    """Put an image there, like those that BuildKit pushes; returns its digest.

    With attestations it is an index, and each push has other attestations; one platform without
    attestations is a single manifest.
    """
    children: list[Descriptor] = []
    for platform in platforms:
        image = _image(registry, repositories, platform, f"{content} for {platform}")
        children.append(image)
        if attested:
            said = f"made by push {len(registry.manifests)}"
            other = _image(registry, repositories, "unknown/unknown", said)
            annotations = {REFERENCE_TYPE: ATTESTATION, REFERENCE_DIGEST: image.digest}
            children.append(Descriptor(other.digest, other.size, annotations=annotations))
    if not attested and len(children) == 1:
        return children[0].digest
    raw = write_index(children, {})
    for name in repositories:
        registry.keep(Reference(name), raw, INDEX_TYPE)
    return digest_of(raw)


def push_app(registry: FakeRegistry, where: Reference, content: str) -> Reference:
    """Put an application there; returns its reference with tag and digest."""
    image = _image(registry, [where.repository], "linux/amd64", content)
    raw = write_index([image], AppRecord("key").as_annotations())
    return Reference(where.repository, where.tag, registry.keep(where, raw, INDEX_TYPE))


def push_cache(
    registry: FakeRegistry, where: Reference, content: str, config_size: int = 500
) -> dict[str, object]:
    """Put a cache manifest there; returns its descriptor in buildx's metadata."""
    config = {"digest": _digest(content), "size": config_size, "mediaType": "application/vnd.x"}
    raw = json.dumps({"config": config, "layers": []}).encode()
    digest = registry.keep(Reference(where.repository, where.tag), raw)
    return {"digest": digest, "size": len(raw), "mediaType": MANIFEST_TYPE}


def _image(
    registry: FakeRegistry, repositories: Sequence[str], platform: str, content: str
) -> Descriptor:
    system, architecture, *variant = platform.split("/")
    config: Mapping[str, str] = {"os": system, "architecture": architecture, "of": content}
    if variant:
        config = {**config, "variant": variant[0]}
    blob = json.dumps(config).encode()
    child = {"digest": digest_of(blob), "size": len(blob), "mediaType": "application/vnd.x"}
    layer = {"digest": _digest(content), "size": 1000, "mediaType": "application/vnd.y"}
    raw = json.dumps({"mediaType": MANIFEST_TYPE, "config": child, "layers": [layer]}).encode()
    for repository in repositories:
        registry.blobs[repository, digest_of(blob)] = blob
        registry.keep(Reference(repository), raw)
    shown = None if "unknown" in platform else platform
    return Descriptor(digest_of(raw), len(raw), platform=shown)


def _digest(content: str) -> str:
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
