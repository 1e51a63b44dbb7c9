"""Compares two builds of one image: the entries of the layers that they add, and what they say.

An entry that says of a path what is there already counts as none. Whether a layer has such entries
depends on more than what is built: BuildKit leaves a file out whose time is the same to the
nanosecond (``sameDirent`` in ``util/overlay/overlay_linux.go``), and a pulled layer has no
nanoseconds.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field, fields, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from whalebuild.rebase.tars import OPAQUE, WHITEOUT, members, seconds_of, xattrs_of
from whalebuild.rebase.tree import clean, parents
from whalebuild.text import shown
from whalebuild.values import dataclass

#: Opens a layer's tar, not compressed.
OpenLayer = Callable[[], AbstractContextManager[BinaryIO]]

_CHUNK = 1 << 20
_DATES = "created"
# Digests of the layers, which are compared by their entries.
_OF_LAYERS = "rootfs"
_FOLDER = "directory"
_KINDS = {
    tarfile.DIRTYPE: _FOLDER,
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "fifo",
}


@dataclass(frozen=True)
class Build:
    """One build of an image.

    Attributes:
        config: Its configuration.
        layers: Those that it adds to what is compared with: the lowest first.
    """

    config: bytes
    layers: Sequence[OpenLayer]


@dataclass(frozen=True)
class Comparison:
    """What was compared, and what differs.

    Attributes:
        layers: How many layers.
        entries: How many entries of them.
        differences: In words; none where both are the same.
    """

    layers: int
    entries: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: str
    mode: str
    owner: tuple[int, int]
    size: int
    content: str
    link: str
    device: tuple[int, int]
    xattrs: Mapping[str, str] = field(hash=False)
    time: int


_Layer = Mapping[str, _Entry]


def compare_builds(
    mine: Build, other: Build, base: Iterable[OpenLayer], since: int = 0
) -> Comparison:
    """Compare what two builds put on the same base.

    Args:
        mine: One build.
        other: The other one.
        base: The layers of the base, the lowest first.
        since: A second since 1970 before which neither was made: times that are not earlier
            are those of the builds, and may be different ones.

    Raises:
        VerificationError: A layer is no whole tar.
    """
    found = list(_of_configs(mine.config, other.config))
    if len(mine.layers) != len(other.layers):
        counts = f"{len(mine.layers)} layers above the base, not {len(other.layers)}"
        return Comparison(0, 0, (*found, counts))
    pairs = [(_read(one), _read(two)) for one, two in zip(mine.layers, other.layers, strict=True)]
    named = {path for pair in pairs for layer in pair for path in layer}
    named |= {above for path in named for above in parents(path)}
    below: dict[str, _Entry] = {}
    for each in base:
        _apply(below, _read(each, named))
    entries = 0
    for number, (one, two) in enumerate(pairs, 1):
        paths = sorted(one.keys() | two.keys())
        entries += len(paths)
        for path in paths:
            where = f"layer {number}: /{shown(path)}"
            found += _of_entries(where, one.get(path), two.get(path), below.get(path), since)
        _apply(below, one)
    return Comparison(len(pairs), entries, tuple(found))


def layer_time(config: bytes) -> int:
    """When the last layer of an image was made, in seconds since 1970; 0 where it does not say.

    No layer on top of it is older. The image's own date may be later: it is that of its export
    where its last instructions made no layer.
    """
    history = json.loads(config).get("history") or ()
    dates = [entry.get(_DATES) for entry in history if not entry.get("empty_layer")]
    try:
        return int(datetime.fromisoformat(str(dates[-1])[:19]).replace(tzinfo=UTC).timestamp())
    except (IndexError, ValueError):
        return 0


def _read(open_layer: OpenLayer, only: Collection[str] | None = None) -> _Layer:
    """A layer's entries by path, or those of some paths and what removes them."""
    found: dict[str, _Entry] = {}
    with open_layer() as stream:
        for tar, info in members(stream):
            path = clean(info.name)
            if path and (only is None or path in only or _removes(path)):
                found[path] = _entry(tar, info)
    return found


def _entry(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Entry:
    file = tar.extractfile(info) if info.isreg() else None
    return _Entry(
        kind="file" if info.isreg() else _KINDS.get(info.type, repr(info.type)),
        mode=oct(info.mode & 0o7777),
        owner=(info.uid, info.gid),
        size=info.size,
        content=_digest(file) if file else "",
        link=info.linkname if info.issym() or info.islnk() else "",
        device=(info.devmajor, info.devminor) if info.isdev() else (0, 0),
        xattrs=xattrs_of(info),
        time=seconds_of(info),
    )


def _digest(file: Any) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _apply(below: dict[str, _Entry], layer: _Layer) -> None:
    """Put a layer over what is below it; whiteouts are for that alone, wherever they stand."""
    gone, emptied = set(), set()
    for path, entry in layer.items():
        folder, _, name = path.rpartition("/")
        if name == OPAQUE:
            emptied.add(folder)
        elif name.startswith(WHITEOUT):
            base = name.removeprefix(WHITEOUT)
            gone.add(f"{folder}/{base}" if folder else base)
        elif entry.kind != _FOLDER:
            emptied.add(path)
    if gone or emptied:
        above = gone | emptied
        for path in list(below):
            if path in gone or "" in emptied or not above.isdisjoint(parents(path)):
                del below[path]
    below.update((p, e) for p, e in layer.items() if not _removes(p))


def _removes(path: str) -> bool:
    return path.rpartition("/")[2].startswith(WHITEOUT)


def _of_entries(
    where: str, one: _Entry | None, two: _Entry | None, below: _Entry | None, since: int
) -> Iterator[str]:
    """What a path is after the layer of each: an entry that is missing leaves it as it was."""
    mine, other = one or below, two or below
    if mine is None or other is None:
        yield f"{where}: is in {'the other build' if mine is None else 'this build'} alone"
        return
    if (one is None or two is None) and mine.kind == other.kind == _FOLDER:
        # A folder that others are in: in a layer it has the time that it has then.
        mine = replace(mine, time=other.time)
    if min(mine.time, other.time) >= since:
        mine = replace(mine, time=other.time)
    for each in fields(mine):
        values = getattr(mine, each.name), getattr(other, each.name)
        if values[0] != values[1]:
            yield f"{where}: {each.name} is {values[0]!r}, not {values[1]!r}"


def _of_configs(mine: bytes, other: bytes) -> Iterator[str]:
    """What differs between configurations, but for dates and layers."""
    one, two = _undated(mine), _undated(other)
    for key in sorted(one.keys() | two.keys()):
        first, second = one.get(key), two.get(key)
        if first == second:
            continue
        if isinstance(first, dict) and isinstance(second, dict):
            for name in sorted(first.keys() | second.keys()):
                yield from _of_values(f"{key}: {name}", first.get(name), second.get(name))
        else:
            yield from _of_values(key, first, second)


def _of_values(where: str, one: Any, two: Any) -> Iterator[str]:
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for first, second in zip(one, two, strict=True):
            yield from _of_values(where, first, second)
    elif one != two:
        yield f"configuration: {where} is {_shown(one)}, not {_shown(two)}"


def _shown(value: Any) -> str:
    return shown(json.dumps(value, ensure_ascii=False))


def _undated(config: bytes) -> dict[str, Any]:
    kept = {k: v for k, v in json.loads(config).items() if k not in {_DATES, _OF_LAYERS}}
    lines = kept.get("history") or ()
    kept["history"] = [{k: v for k, v in line.items() if k != _DATES} for line in lines]
    return kept
