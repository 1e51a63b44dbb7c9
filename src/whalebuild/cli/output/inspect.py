"""Published pairs, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import AppRecord
from whalebuild.cli.output.table import columns
from whalebuild.oci.reference import Reference
from whalebuild.published.view import CacheView, ImageView, PairView, SharedLayers, TagView
from whalebuild.text import human_bytes, short_digest

SCHEMA = "whalebuild.inspect/1"

_SHORT = 12
_MANY = 12
_LOST = "cannot be read"
_MISSING = "missing"


def inspection_text(views: Iterable[PairView], width: int | None = None) -> str:
    """Each pair: both tags side by side, what they share, the lock and the caches."""
    return "\n\n".join("\n".join(_pair(view, width)) for view in views)


def _pair(view: PairView, width: int | None) -> Iterator[str]:
    yield _title(view)
    yield from columns(_rows(view))
    if view.app and view.deps:
        yield ""
        yield from _shared(view)
    if view.deps:
        yield ""
        yield from _lock(view.lock, _tag(view.deps_reference))
        if view.caches:
            yield ""
            yield f"caches in {_tag(view.deps_reference)}"
            yield from columns(list(_caches(view.caches)), width, head=True)


def _title(view: PairView) -> str:
    repositories = [view.deps_reference.repository]
    repositories += [view.names.app.repository] if view.names.app else []
    return ", ".join(dict.fromkeys(repositories))


def _rows(view: PairView) -> list[tuple[str, ...]]:
    platforms = view.platforms
    labels = ["", "  digest", "  holds", "  size"]
    labels += [label for platform in platforms for label in (f"  {platform}", "")]
    sides = [[_tag(view.deps_reference), *_side(view.deps, platforms)]]
    if view.names.app:
        sides.append([_tag(view.names.app), *_side(view.app, platforms)])
    return list(zip(labels, *sides, strict=True))


def _side(side: TagView | None, platforms: Sequence[str]) -> list[str]:
    """One side's cells, from top to bottom."""
    if side is None:
        return [_MISSING, *[""] * (2 + 2 * len(platforms))]
    cells = [short_digest(side.digest), _kind(side), human_bytes(side.bytes)]
    for platform in platforms:
        image = side.images.get(platform)
        cells += [short_digest(image.digest), _layers(image)] if image else ["none", ""]
    return cells


def _kind(side: TagView) -> str:
    if side.plain:
        return "one image, no index"
    count = len(side.images)
    attested = f", {side.attestations} attested" if side.attestations else ""
    return f"{count} image{_s(count)}{attested}"


def _layers(image: ImageView) -> str:
    if image.manifest is None:
        return _LOST
    return f"{_count(len(image.layers))}, {human_bytes(sum(image.blobs.values()))}"


def _shared(view: PairView) -> Iterator[str]:
    deps = _tag(view.deps_reference)
    app = _tag(view.names.app) if view.names.app else ""
    yield _built_on(view, deps, app)
    rows = [(f"  {platform}", _share(view, platform, deps)) for platform in view.built_on]
    yield from columns(rows) if rows else ()


def _share(view: PairView, platform: str, deps: str) -> str:
    shared = view.shared.get(platform)
    if shared is None:
        here = view.deps is not None and platform in view.deps.images
        return f"what it shares with {deps} {_LOST}" if here else f"{deps} has no such image"
    total = _count(shared.layers + shared.new_layers)
    have = f"shares {shared.layers} of {total} ({human_bytes(shared.bytes)})"
    return f"{have}; a host that has {deps} downloads {human_bytes(shared.download)}"


def _built_on(view: PairView, deps: str, app: str) -> str:
    if view.built_on_it:
        return f"{app} was built on this {deps}"
    if view.built_on_it is None:
        reason = "" if isinstance(view.record, AppRecord) else f": {view.record.reason}"
        return f"{app} does not say which {deps} it was built on{reason}"
    others = [platform for platform, same in view.built_on.items() if same is False]
    where = f" ({', '.join(others)})" if len(others) < len(view.built_on) else ""
    return f"{app} was not built on this {deps}{where}: the next bake of it will be"


def _lock(lock: Lock | NoLock, deps: str) -> Iterator[str]:
    if isinstance(lock, NoLock):
        yield f"lock of {deps}: none, {lock.reason}"
        return
    yield f"lock of {deps}"
    yield f"  key     {lock.key[:_SHORT]}"
    bases = {name: digest for table in lock.bases.values() for name, digest in table.items()}
    at = [f"{name.partition('@')[0]} at {short_digest(d)}" for name, d in bases.items()]
    yield from _hanging("bases", at)
    yield from _hanging("files", [_names(lock.files)])
    yield from _hanging("others", [_names(lock.facts)])


def _caches(caches: Sequence[CacheView]) -> Iterator[tuple[str, ...]]:
    yield ("  of", "platforms", "manifest", "config", "layers", "beyond the images")
    for view in caches:
        cache, manifest = view.cache, view.image.manifest
        build = f"  {cache.role} ({cache.target})" if cache.target else f"  {cache.role}"
        head = (build, ",".join(cache.platforms), short_digest(cache.digest))
        if manifest is None:
            yield (*head, _LOST, "", "")
            continue
        config = human_bytes(manifest.config.size)
        if view.too_large:
            config = f"{config}: BuildKit imports none over 1 MiB"
        layers = view.image.layers
        size = human_bytes(sum(layers.values()))
        yield (*head, config, f"{len(layers)}, {size}", human_bytes(view.extra))


def _names(by_platform: Mapping[str, Mapping[str, str]]) -> str:
    names = list(dict.fromkeys(name for table in by_platform.values() for name in table))
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more or "none"


def _hanging(label: str, values: Sequence[str]) -> Iterator[str]:
    for number, value in enumerate(values or ["none"]):
        yield f"  {label if number == 0 else '':<7} {value}"


def _tag(reference: Reference) -> str:
    tag = f":{reference.tag}" if reference.tag else ""
    return f"{tag}@{short_digest(reference.digest)}" if reference.digest else tag


def _count(layers: int) -> str:
    return f"{layers} layer{_s(layers)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def inspection_json(views: Iterable[PairView]) -> dict[str, Any]:
    """The versioned form of ``inspect``; sizes are bytes, and null is what is not there."""
    return {"schema": SCHEMA, "pairs": [_pair_json(view) for view in views]}


def _pair_json(view: PairView) -> dict[str, Any]:
    return {
        "dependencies": {
            "reference": str(view.deps_reference),
            **_side_json(view.deps),
            "lock": _lock_json(view.lock) if isinstance(view.lock, Lock) else None,
            "no_lock_because": view.lock.reason if isinstance(view.lock, NoLock) else None,
            "caches": [_cache_json(cache) for cache in view.caches],
        },
        "application": view.names.app
        and {
            "reference": str(view.names.app),
            **_side_json(view.app),
            "record": asdict(view.record) if isinstance(view.record, AppRecord) else None,
            "no_record_because": None if isinstance(view.record, AppRecord) else view.record.reason,
        },
        "shared": {platform: _shared_json(shared) for platform, shared in view.shared.items()},
        "built_on_dependencies": view.built_on_it,
        "built_on_dependencies_by_platform": dict(view.built_on),
    }


def _side_json(side: TagView | None) -> dict[str, Any]:
    return {
        "published": side is not None,
        "digest": side and side.digest,
        "index": side and not side.plain,
        "bytes": side and side.bytes,
        "attestations": side and side.attestations,
        "images": {p: _image_json(image) for p, image in side.images.items()} if side else {},
    }


def _image_json(image: ImageView) -> dict[str, Any]:
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


def _shared_json(shared: SharedLayers) -> dict[str, Any]:
    return {
        "layers": shared.layers,
        "layers_bytes": shared.bytes,
        "new_layers": shared.new_layers,
        "download_bytes": shared.download,
    }


def _cache_json(view: CacheView) -> dict[str, Any]:
    cache = view.cache
    return {
        "role": cache.role,
        "target": cache.target or None,
        "platforms": list(cache.platforms),
        **_image_json(view.image),
        "extra_bytes": view.extra if view.image.manifest else None,
    }


def _lock_json(lock: Lock) -> dict[str, Any]:
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
