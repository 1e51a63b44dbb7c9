from __future__ import annotations

import json

import pytest

from tests.support.plans import BUNDLE, LATEST, image, lock, published
from tests.support.platforms import AMD64, ARM64
from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.index import Cache, write_bundle
from whalebuild.bundle.published import AppRecord, PublishedApp, read_app, read_deps
from whalebuild.oci.manifest import INDEX_TYPE, MANIFEST_TYPE, Manifest, digest_of

RECORD = AppRecord(
    "key", {AMD64: "sha256:1", ARM64: "sha256:2"}, {"python:3 ($BUILDPLATFORM)": "sha256:3"}
)
IMAGES = {AMD64: image(1, AMD64), ARM64: image(2, ARM64)}


def manifest(raw: bytes, media_type: str = INDEX_TYPE) -> Manifest:
    return Manifest(raw, media_type, digest_of(raw))


SINGLE = manifest(json.dumps({"config": {}, "layers": []}).encode(), MANIFEST_TYPE)


def app(annotations: dict[str, str]) -> PublishedApp:
    return read_app(LATEST, manifest(write_bundle(IMAGES, (), (), annotations)))


def test_a_bundle_is_read_with_its_lock_its_caches_and_its_bytes() -> None:
    cache = Cache("app", (AMD64,), "sha256:c", 7, "app")
    found = published(lock(AMD64, ARM64), tuple(IMAGES.values()), (cache,))
    assert found.lock == lock(
        AMD64,
        ARM64,
        facts={AMD64: {}, ARM64: {}},
        files={AMD64: {}, ARM64: {}},
        bases={AMD64: {}, ARM64: {}},
    )
    assert found.bundle.images == IMAGES
    assert found.bundle.caches == (cache,)
    assert digest_of(found.raw) == found.bundle.digest == found.pinned.digest
    assert str(found.pinned) == f"acme/web@{found.bundle.digest}"


@pytest.mark.parametrize(
    ("found", "reason", "images"),
    [
        (SINGLE, "it is no image index", {}),
        (manifest(b"no JSON"), "it is no image index", {}),
        (manifest(write_bundle(IMAGES, (), (), {})), "it has no lock", IMAGES),
        (
            manifest(write_bundle(IMAGES, (), (), {"dev.whalebuild.scheme": "99"})),
            "its lock is of another version of whalebuild (scheme 99)",
            IMAGES,
        ),
        (
            manifest(write_bundle(IMAGES, (), (), {"dev.whalebuild.scheme": "1"})),
            "its lock is damaged",
            IMAGES,
        ),
    ],
    ids=["a single manifest", "no JSON", "another tool's", "a later version's", "damaged"],
)
def test_dependencies_without_a_lock_say_why(
    found: Manifest, reason: str, images: dict[str, object]
) -> None:
    read = read_deps(BUNDLE, found)
    assert read.lock == NoLock(reason)
    assert (read.bundle.digest, read.bundle.images) == (found.digest, images)


def test_an_applications_record_is_read_again() -> None:
    read = app({**RECORD.as_annotations(), "org.opencontainers.image.title": "x"})
    assert read.record == RECORD
    assert (read.images, read.platforms) == (IMAGES, (AMD64, ARM64))


def test_equal_records_are_written_alike() -> None:
    other = AppRecord("key", dict(reversed(RECORD.deps.items())), RECORD.bases)
    assert json.dumps(other.as_annotations()) == json.dumps(RECORD.as_annotations())


@pytest.mark.parametrize(
    "changes",
    [
        {"dev.whalebuild.scheme": "2"},
        {"dev.whalebuild.scheme": None},
        {"dev.whalebuild.app.key": None},
        {"dev.whalebuild.app.deps": None},
        {"dev.whalebuild.app.deps": "{"},
        {"dev.whalebuild.app.deps": "[]"},
        {"dev.whalebuild.app.bases": '{"a": 1}'},
        {"dev.whalebuild.app.bases": "[" * 100_000},
    ],
    ids=lambda changes: " ".join(f"{k[15:]}={str(v)[:9]}" for k, v in changes.items()),
)
def test_what_cannot_be_read_is_no_record(changes: dict[str, str | None]) -> None:
    merged = {**RECORD.as_annotations(), **changes}
    read = app({name: value for name, value in merged.items() if value is not None})
    assert read.record is None
    assert read.platforms == (AMD64, ARM64)


def test_an_application_without_index_has_no_platforms_and_no_record() -> None:
    read = read_app(LATEST, SINGLE)
    assert (read.platforms, read.record, read.manifest) == ((), None, SINGLE)
