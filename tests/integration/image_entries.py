"""Every entry of every layer of an image in a registry, to compare two builds of the same.

An entry that says of a path what it is already is left out, and so is a folder that one of both has
alone, where only its time is another one. Whether a layer has these depends on more than what is
built: BuildKit leaves a file out where its time is the same to the nanosecond (``sameDirent`` in
``util/overlay/overlay_linux.go``), which it is where the layer below was made in this engine, and
is not where that was pulled.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration import published

_XATTR = "SCHILY.xattr."
_GONE = ".wh."
_NOW = "now"
_ATTESTED = "vnd.docker.reference.digest"

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Layers:
    """An image for one platform.

    Attributes:
        manifest: Its manifest.
        config: Its configuration.
        layers: Its layers' entries, in their order.
    """

    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    layers: tuple[tuple[Entry, ...], ...]

    @property
    def digests(self) -> list[str]:
        """Digests of its layers."""
        return [each["digest"] for each in self.manifest["layers"]]


def image_digest(registry: str, repository: str, tag: str) -> str:
    """The digest of the one runnable image behind a tag."""
    index = published.manifest(registry, repository, tag)
    if "manifests" not in index:
        return published.digest(registry, repository, tag)
    runnable = (c for c in index["manifests"] if c["platform"]["architecture"] != "unknown")
    (digest,) = {each["digest"] for each in runnable}
    return str(digest)


def read_layers(registry: str, repository: str, tag: str) -> Layers:
    """Read the one runnable image behind a tag."""
    manifest = published.manifest(registry, repository, image_digest(registry, repository, tag))
    config = json.loads(published.blob(registry, repository, manifest["config"]["digest"]))
    blobs = (published.blob(registry, repository, each["digest"]) for each in manifest["layers"])
    return Layers(manifest, config, tuple(tuple(_entries(blob)) for blob in blobs))


def statements(registry: str, repository: str, tag: str) -> list[str]:
    """The attestations' statements behind a tag, as texts."""
    found = []
    for child in published.manifest(registry, repository, tag).get("manifests", ()):
        if _ATTESTED in (child.get("annotations") or {}):
            layers = published.manifest(registry, repository, child["digest"])["layers"]
            blobs = (published.blob(registry, repository, each["digest"]) for each in layers)
            found += [blob.decode() for blob in blobs]
    return found


def differences(one: Layers, other: Layers, *, shared: int, began: float) -> list[str]:
    """What differs between two builds of the same, in words.

    Args:
        one: One build.
        other: The other.
        shared: How many layers have to be the very same blobs: those of the app base.
        began: A second since 1970 before both of them: a later time is that of a build.
    """
    found: list[str] = []
    if one.digests[:shared] != other.digests[:shared]:
        found.append(f"the first {shared} layers: {one.digests} != {other.digests}")
    pairs = [(name, _config(each.config)) for name, each in (("one", one), ("other", other))]
    found += _of_mappings("configuration", pairs[0][1], pairs[1][1])
    kinds = [[layer["mediaType"] for layer in each.manifest["layers"]] for each in (one, other)]
    if kinds[0] != kinds[1] or one.manifest["mediaType"] != other.manifest["mediaType"]:
        found.append(f"media types: {kinds[0]} != {kinds[1]}")
    if len(one.layers) != len(other.layers):
        return [*found, f"{len(one.layers)} layers != {len(other.layers)}"]
    told = [_that_change(each.layers) for each in (one, other)]
    for at in range(shared, len(one.layers)):
        found += _of_layers(f"layer {at}", told[0][at], told[1][at], began)
    return found


@dataclass(frozen=True)
class _Layer:
    """A layer's entries that do not repeat what is below them.

    Attributes:
        entries: By path, in their order.
        idle: Folders that are there already, but for their time: as the parents of others.
    """

    entries: Mapping[str, Entry]
    idle: frozenset[str]

    def without(self, folders: Collection[str]) -> list[str]:
        return [path for path in self.entries if path not in folders]


def _that_change(layers: Sequence[Sequence[Entry]]) -> list[_Layer]:
    below: dict[str, Entry] = {}
    found = []
    for layer in layers:
        idle = {e["name"] for e in layer if _is_folder(e) and _same_but_time(e, below)}
        kept = {e["name"]: e for e in layer if e["name"] in idle or e != below.get(e["name"])}
        found.append(_Layer(kept, frozenset(idle)))
        for entry in layer:
            folder, _, name = entry["name"].rpartition("/")
            if name.startswith(_GONE):
                gone = "/".join(filter(None, (folder, name.removeprefix(_GONE))))
                for path in [p for p in below if p == gone or p.startswith(f"{gone}/")]:
                    del below[path]
            else:
                below[entry["name"]] = entry
    return found


def _is_folder(entry: Entry) -> bool:
    return bool(entry["type"] == tarfile.DIRTYPE)


def _same_but_time(entry: Entry, below: Mapping[str, Entry]) -> bool:
    had = below.get(entry["name"])
    return had is not None and {**had, "mtime": 0} == {**entry, "mtime": 0}


def _of_layers(where: str, one: _Layer, other: _Layer, began: float) -> Iterator[str]:
    left_out = {p for p in one.idle if p not in other.entries}
    left_out |= {p for p in other.idle if p not in one.entries}
    paths = [one.without(left_out), other.without(left_out)]
    for path in dict.fromkeys([*paths[0], *paths[1]]):
        first, second = one.entries.get(path), other.entries.get(path)
        if first is None or second is None:
            yield f"{where}: {path} is in {'the other' if first is None else 'one'} alone"
        else:
            yield from _of_mappings(f"{where}: {path}", _timed(first, began), _timed(second, began))
    if paths[0] != paths[1]:
        yield f"{where}: its entries are in another order"


def _of_mappings(where: str, one: Entry, other: Entry) -> Iterator[str]:
    for key in dict.fromkeys([*one, *other]):
        if key == "history" and len(one[key]) == len(other[key]):
            lines = zip(one[key], other[key], strict=True)
            yield from (f"{where}: history: {a} != {b}" for a, b in lines if a != b)
        elif one.get(key) != other.get(key):
            yield f"{where}: {key}: {one.get(key)!r} != {other.get(key)!r}"


def _timed(entry: Entry, began: float) -> Entry:
    return {**entry, "mtime": entry["mtime"] if entry["mtime"] < began else _NOW}


def _config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without dates, and without what the layers say."""
    kept = {key: value for key, value in config.items() if key not in {"created", "rootfs"}}
    lines = config.get("history") or ()
    kept["history"] = [{k: v for k, v in line.items() if k != "created"} for line in lines]
    return kept


def _entries(blob: bytes) -> Iterator[Entry]:
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            pax = member.pax_headers
            yield {
                "name": member.name,
                "type": member.type,
                "mode": oct(member.mode),
                "owner": (member.uid, member.gid, member.uname, member.gname),
                "size": member.size,
                "content": hashlib.sha256(file.read()).hexdigest() if file else "",
                "link": member.linkname,
                "xattrs": {k: v for k, v in pax.items() if k.startswith(_XATTR)},
                "mtime": int(float(pax.get("mtime", member.mtime))),
                "device": (member.devmajor, member.devminor),
            }
