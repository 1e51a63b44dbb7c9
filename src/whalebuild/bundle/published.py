"""The published bundle under ``:deps``, and the published application, read from manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field

from whalebuild.bundle.annotations import PREFIX, SCHEME_KEY, NoLock, from_annotations
from whalebuild.bundle.build_inputs import BuildRecord, read_record
from whalebuild.bundle.index import Bundle, read_bundle
from whalebuild.bundle.lock import SCHEME, Lock
from whalebuild.oci.manifest import Descriptor, Manifest, parse_index
from whalebuild.oci.reference import Reference
from whalebuild.values import dataclass

_APP_KEY = f"{PREFIX}app.key"
_APP_DEPS = f"{PREFIX}app.deps"
_APP_BASES = f"{PREFIX}app.bases"


@dataclass(frozen=True)
class PublishedDeps:
    """A bundle as the registry has it; ``raw`` is its index."""

    reference: Reference
    bundle: Bundle
    lock: Lock | NoLock
    raw: bytes = field(repr=False, default=b"")

    @property
    def pinned(self) -> Reference:
        """Its index, by digest."""
        return Reference(self.reference.repository, digest=self.bundle.digest)


@dataclass(frozen=True)
class AppRecord:
    """What an application's index records of its build.

    Attributes:
        key: The application's key, see ``bundle.app_key``.
        deps: Digests of the image manifests of its dependencies image, by platform.
        bases: Digests of its other base images, by ``BaseImage.key``.
    """

    key: str
    deps: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)

    def as_annotations(self) -> dict[str, str]:
        """The record as annotations of the image index."""
        return {
            SCHEME_KEY: str(SCHEME),
            _APP_KEY: self.key,
            _APP_DEPS: _json(self.deps),
            _APP_BASES: _json(self.bases),
        }


@dataclass(frozen=True)
class PublishedApp:
    """An application's image as the registry has it.

    Attributes:
        reference: Where it was found.
        manifest: Its index, or a single manifest.
        images: The image manifests of an index, by platform.
        record: What whalebuild recorded of its build, if it did.
        build: What it recorded for the decision about the application's cache.
    """

    reference: Reference
    manifest: Manifest
    images: Mapping[str, Descriptor]
    record: AppRecord | None
    build: BuildRecord = field(default_factory=BuildRecord)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that can be run."""
        return tuple(self.images)


def read_deps(reference: Reference, manifest: Manifest) -> PublishedDeps:
    """Read the manifest under ``:deps``; that of another tool has no lock."""
    index = parse_index(manifest.raw)
    if index is None:
        return PublishedDeps(reference, Bundle(manifest.digest, {}), NoLock("it is no image index"))
    lock = from_annotations(index.annotations)
    return PublishedDeps(reference, read_bundle(index, manifest.digest), lock, manifest.raw)


def read_app(reference: Reference, manifest: Manifest) -> PublishedApp:
    """Read the manifest under the application's tag."""
    index = parse_index(manifest.raw)
    if index is None:
        return PublishedApp(reference, manifest, {}, None)
    annotations = index.annotations
    return PublishedApp(
        reference, manifest, index.images, _record(annotations), read_record(annotations)
    )


def _record(annotations: Mapping[str, str]) -> AppRecord | None:
    if annotations.get(SCHEME_KEY) != str(SCHEME):
        return None
    try:
        return AppRecord(
            annotations[_APP_KEY],
            _table(annotations[_APP_DEPS]),
            _table(annotations[_APP_BASES]),
        )
    except (KeyError, ValueError, RecursionError):
        return None


def _table(text: str) -> dict[str, str]:
    table = json.loads(text)
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise ValueError("not a table of texts")
    return table


def _json(table: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(table.items())), separators=(",", ":"))
