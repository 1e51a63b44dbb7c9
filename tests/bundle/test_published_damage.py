"""Whatever stands in an index's annotations, reading it ends with a value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from whalebuild.bundle.annotations import NoLock, to_annotations
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import AppRecord, read_app, read_deps
from whalebuild.oci.manifest import INDEX_TYPE, MANIFEST_TYPE, Manifest, digest_of
from whalebuild.oci.reference import Reference

REFERENCE = Reference("registry.test/web", "deps")
SOUND = {
    **to_annotations(Lock({"linux/amd64": "key"})),
    **AppRecord("key").as_annotations(),
}
DAMAGE = ["", "[]", "{", "3", "null", '"x"', '{"":[]}', '{"a":3}', "[" * 100_000, 3, None, [], {}]


def manifest(annotations: dict[str, Any], cached: object) -> Manifest:
    cache = {"dev.whalebuild.cache": "deps", "dev.whalebuild.cache.platforms": cached}
    child = {"mediaType": MANIFEST_TYPE, "digest": digest_of(b""), "size": 3, "annotations": cache}
    document = {"mediaType": INDEX_TYPE, "manifests": [child], "annotations": annotations}
    raw = json.dumps(document).encode()
    return Manifest(raw, INDEX_TYPE, digest_of(raw))


@pytest.mark.parametrize("value", DAMAGE, ids=lambda value: repr(value)[:9])
@pytest.mark.parametrize("name", SOUND)
def test_a_damaged_annotation_is_no_lock_or_no_record(name: str, value: object) -> None:
    damaged = manifest({**SOUND, name: value}, value)
    lock = read_deps(REFERENCE, damaged).lock
    record = read_app(REFERENCE, damaged).record
    assert isinstance(lock, Lock | NoLock)
    assert record is None or isinstance(record, AppRecord)
    if name.endswith((".key", ".keys", ".scheme", ".facts")) and ".app." not in name:
        assert isinstance(lock, NoLock)


def test_without_damage_both_are_read() -> None:
    sound = manifest(SOUND, "linux/amd64")
    assert isinstance(read_deps(REFERENCE, sound).lock, Lock)
    assert read_app(REFERENCE, sound).record == AppRecord("key")
