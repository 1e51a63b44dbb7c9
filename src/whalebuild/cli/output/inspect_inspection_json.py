"""Published pairs for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import AppRecord
from whalebuild.published.view import CacheView, Image, PairView, Shared, Side

SCHEMA = "whalebuild.inspect/1"


def inspection_json(views: Iterable[PairView]) -> dict[str, Any]:
    """The versioned form of ``inspect``; sizes are bytes, and null is what is not there."""
    return {"schema": SCHEMA, "pairs": [_pair(view) for view in views]}


def _pair(view: PairView) -> dict[str, Any]:
    return {
        "dependencies": {
            "reference": str(view.deps_reference),
            **_side(view.deps),
            "lock": _lock(view.lock) if isinstance(view.lock, Lock) else None,
            "no_lock_because": view.lock.reason if isinstance(view.lock, NoLock) else None,
            "caches": [_cache(cache) for cache in view.caches],
        },
        "application": view.names.app
        and {
            "reference": str(view.names.app),
            **_side(view.app),
            "record": asdict(view.record) if isinstance(view.record, AppRecord) else None,
            "no_record_because": None if isinstance(view.record, AppRecord) else view.record.reason,
        },
        "shared": {platform: _shared(shared) for platform, shared in view.shared.items()},
        "built_on_dependencies": view.built_on_it,
        "built_on_dependencies_by_platform": dict(view.built_on),
    }


def _side(side: Side | None) -> dict[str, Any]:
    return {
        "published": side is not None,
        "digest": side and side.digest,
        "index": side and not side.plain,
        "bytes": side and side.bytes,
        "attestations": side and side.attestations,
        "images": {p: _image(image) for p, image in side.images.items()} if side else {},
    }


def _image(image: Image) -> dict[str, Any]:
    """``layers`` is null where the manifest cannot be read."""
    manifest = image.manifest
    return {
        "digest": image.digest,
        "manifest_bytes": image.size,
        "config": manifest and {"digest": manifest.config.digest, "bytes": manifest.config.size},
        "layers": manifest
        and [{"digest": digest, "bytes": size} for digest, size in image.layers.items()],
        "bytes": manifest and sum(image.blobs.values()),
    }


def _shared(shared: Shared) -> dict[str, Any]:
    return {
        "layers": shared.layers,
        "layers_bytes": shared.bytes,
        "new_layers": shared.new_layers,
        "download_bytes": shared.download,
    }


def _cache(view: CacheView) -> dict[str, Any]:
    cache = view.cache
    return {
        "role": cache.role,
        "target": cache.target or None,
        "platforms": list(cache.platforms),
        **_image(view.image),
        "extra_bytes": view.extra if view.image.manifest else None,
    }


def _lock(lock: Lock) -> dict[str, Any]:
    """Inputs by platform and name, with the short digests of the lock."""
    return {
        "scheme": lock.scheme,
        "key": lock.key,
        "keys": dict(lock.keys),
        "bases": {platform: dict(table) for platform, table in lock.bases.items()},
        "facts": {platform: dict(table) for platform, table in lock.facts.items()},
        "files": {platform: dict(table) for platform, table in lock.files.items()},
        "grouping": lock.grouping,
    }
