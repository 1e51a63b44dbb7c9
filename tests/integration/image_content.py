"""What an image holds, as far as two builds of the same are the same: no times, no digests.

It is read from a registry, from an archive or a folder of the OCI layout, or from an engine.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

#: The bytes that a descriptor is about.
Read = Callable[[Mapping[str, Any]], bytes]
_ATTESTS = "vnd.docker.reference.digest"


def content(read: Read, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """An image or index, as a value for comparisons.

    Its attestations are with the platform that they are about. What whalebuild adds of its own is
    left out, but for a mark that it is a pair's image.
    """
    manifest = json.loads(read(descriptor))
    own = any(map(_is_own, manifest.get("annotations") or ()))
    found: dict[str, Any] = {
        "kind": "pair" if own else manifest["mediaType"],
        "annotations": _annotations(manifest),
        "platforms": {},
    }
    attestations: dict[str, list[str]] = {}
    alone = {name: descriptor[name] for name in ("mediaType", "digest")}
    for child in manifest.get("manifests", [alone]):
        about = (child.get("annotations") or {}).get(_ATTESTS)
        if about:
            layers = json.loads(read(child))["layers"]
            kinds = [each["annotations"]["in-toto.io/predicate-type"] for each in layers]
            attestations.setdefault(about, []).extend(sorted(kinds))
        elif not _is_cache(child):
            platform, image = _image(read, json.loads(read(child)))
            image["descriptor"] = _annotations(child)
            image["attestations"] = attestations.setdefault(child["digest"], [])
            found["platforms"][platform] = image
    return found


def from_layout(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Images by name of an OCI layout; several without a name are numbered."""

    def read(descriptor: Mapping[str, Any]) -> bytes:
        return files[f"blobs/{descriptor['digest'].replace(':', '/')}"]

    images: dict[str, Any] = {}
    for number, each in enumerate(json.loads(files["index.json"])["manifests"]):
        name = each.get("annotations", {}).get("io.containerd.image.name", str(number))
        if f"blobs/{each['digest'].replace(':', '/')}" not in files:
            images[name] = "gone"  # a folder that was written twice still names what it had
            continue
        cache = _is_cache_manifest(read(each))
        images[name] = "a cache" if cache else content(read, each)
    return images


def archive(raw: bytes) -> list[list[Any]]:
    """What a tar archive has in it, in its order: path, kind, mode, owner, and link or content."""
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        return [_entry(tar, member) for member in tar]


def files_of(raw: bytes) -> dict[str, bytes]:
    """The files of a tar archive by path."""
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        opened = ((each.name, tar.extractfile(each)) for each in tar if each.isfile())
        return {name: file.read() for name, file in opened if file}


def text_or_hash(raw: bytes) -> str:
    """Short text as it is, all else by its hash."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = ""
    return text if text and len(text) < 400 else hashlib.sha256(raw).hexdigest()


def _image(read: Read, manifest: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The platform of an image for one, and what is in it."""
    config = json.loads(read(manifest["config"]))
    found = {"config": config.get("config"), "annotations": _annotations(manifest)}
    found["history"] = [each.get("created_by") for each in config.get("history") or ()]
    found["layers"] = [archive(read(each)) for each in manifest["layers"] or ()]
    parts = (config.get(key) for key in ("os", "architecture", "variant"))
    return "/".join(filter(None, parts)), found


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> list[Any]:
    owner = f"{member.uid}:{member.gid}"
    file = tar.extractfile(member) if member.isfile() else None
    what = text_or_hash(file.read()) if file else member.linkname
    return [member.name, member.type.decode(), oct(member.mode), owner, what]


def _annotations(part: Mapping[str, Any]) -> dict[str, str]:
    written = part.get("annotations") or {}
    return {name: each for name, each in written.items() if not _is_own(name)}


def _is_own(annotation: str) -> bool:
    return annotation.startswith(("dev.whalebuild.", "vnd.docker.reference."))


def _is_cache(child: Mapping[str, Any]) -> bool:
    return "dev.whalebuild.cache" in (child.get("annotations") or {})


def _is_cache_manifest(raw: bytes) -> bool:
    manifest = json.loads(raw)
    kinds = [manifest.get("config", {}), *manifest.get("manifests", ())]
    return any("buildkit.cacheconfig" in each.get("mediaType", "") for each in kinds)
