"""A published pair in a registry in memory, to be inspected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from whalebuild.bakefile.pair_names import PairNames, names_of_image
from whalebuild.bundle.annotations import to_annotations
from whalebuild.bundle.index import Cache, write_bundle
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import AppRecord
from whalebuild.cli.output.inspect import inspection_text
from whalebuild.failures.failure import Failure, FailureKind, RequestFailedError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.oci.manifest import (
    ATTESTATION,
    MANIFEST_TYPE,
    REFERENCE_DIGEST,
    REFERENCE_TYPE,
    Descriptor,
    Manifest,
    digest_of,
)
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.published.inspect import Inspector
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.view import PairView
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry

REPOSITORY = "registry.test/web"
AMD64, ARM64 = "linux/amd64", "linux/arm64"
BASE, PACKAGES, CODE = ("base", 50_000_000), ("packages", 2_000_000), ("code", 900)
Layer = tuple[str, int]


@dataclass
class MemoryRegistry:
    """The part of ``oci.registry.Registry`` that ``inspect`` uses."""

    held: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refusing: bool = False

    def manifest(self, reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        self.asked.append(str(reference))
        if self.refusing:
            raise RequestFailedError(Failure(FailureKind.REFUSED, "denied", "denied: no"))
        raw = self.held.get(str(reference))
        return Manifest(raw, "", digest_of(raw)) if raw is not None else None

    def blob(self, repository: str, digest: str, limit_bytes: int) -> bytes:
        assert (repository, limit_bytes) == (REPOSITORY, 4 << 20)
        return self.blobs[digest]

    def push(self, raw: bytes, tag: str | None = None) -> Descriptor:
        digest = digest_of(raw)
        self.held[f"{REPOSITORY}@{digest}"] = raw
        if tag:
            self.held[f"{REPOSITORY}:{tag}"] = raw
        return Descriptor(digest, len(raw))

    def image(self, platform: str, *layers: Layer, config: int = 100) -> Descriptor:
        child = self.push(image_manifest(f"{platform} {layers}", layers, config))
        return Descriptor(child.digest, child.size, platform=platform)

    # What oci.registry.Registry has beside it is not for inspect.
    head = put_manifest = delete_manifest = None


def image_manifest(name: str, layers: Sequence[Layer], config: int = 100) -> bytes:
    def blob(name: str, size: int) -> dict[str, Any]:
        return {"mediaType": "x", "digest": digest_of(name.encode()), "size": size}

    document = {
        "mediaType": MANIFEST_TYPE,
        "config": blob(f"config of {name}", config),
        "layers": [blob(*layer) for layer in layers],
    }
    return json.dumps(document).encode()


LOCK = Lock(
    {AMD64: "a", ARM64: "b"},
    facts={p: {"Dockerfile: stage dependencies": "12"} for p in (AMD64, ARM64)},
    files={p: {"requirements.txt": "34:644"} for p in (AMD64, ARM64)},
    bases={p: {"debian:12": digest_of(b"debian")} for p in (AMD64, ARM64)},
)


@dataclass
class PublishedPair:
    """A pair for two platforms, and the registry that has it."""

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        registry = self.registry
        self.deps = {p: registry.image(p, (f"{p} base", BASE[1]), PACKAGES) for p in (AMD64, ARM64)}
        self.apps = {
            p: registry.image(p, (f"{p} base", BASE[1]), PACKAGES, CODE) for p in (AMD64, ARM64)
        }
        cached = registry.push(image_manifest("cache", [PACKAGES, ("extra", 77)], 1500))
        self.cache = Cache("app", (AMD64,), cached.digest, cached.size, "web")
        self.publish()

    def publish(self, tag: str = "latest", deps_tag: str = "deps", **on: str) -> None:
        attests = {REFERENCE_TYPE: ATTESTATION, REFERENCE_DIGEST: self.deps[AMD64].digest}
        attestation = Descriptor(digest_of(b"attestation"), 5, annotations=attests)
        bundle = write_bundle(self.deps, [attestation], [self.cache], to_annotations(LOCK))
        self.registry.push(bundle, deps_tag)
        record = AppRecord("k", on or {p: image.digest for p, image in self.deps.items()})
        self.registry.push(write_bundle(self.apps, (), (), record.as_annotations()), tag)

    def inspect(self, image: str = REPOSITORY, platforms: Sequence[str] = ()) -> PairView:
        [view] = self.inspect_all(
            [names_of_image(parse_reference(image, where="IMAGE"))], platforms
        )
        return view

    def inspect_all(
        self, names: Sequence[PairNames], platforms: Sequence[str] = ()
    ) -> tuple[PairView, ...]:
        retrier = Retrier(RetryPolicy(2, 1.0), lambda _: None, sleep=lambda _: None)
        return Inspector(ManifestLookup(RetryingRegistry(self.registry, retrier))).inspect(
            names, platforms
        )  # type: ignore[arg-type]

    def text(self, image: str = REPOSITORY) -> str:
        return inspection_text([self.inspect(image)])
