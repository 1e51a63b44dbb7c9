"""What an image holds, told so that two can be compared that were built by different commands."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tests.integration import published

_OWN = "dev.whalebuild."
_SHORT = 4096
#: Of the configuration, what a command decides; the rest is dates and layers.
_CONFIG = ("Env", "Cmd", "Entrypoint", "Labels", "User", "WorkingDir", "ExposedPorts", "Volumes")


@dataclass(frozen=True)
class Entry:
    """A file in a layer: its kind, mode and owner; its content (a digest if long) or its link."""

    kind: str
    mode: int
    owner: tuple[int, int]
    content: str


@dataclass(frozen=True)
class Image:
    """The image of one platform.

    Attributes:
        files: All files of layers that are not the base image's, by absolute path.
        config: What of its configuration a build decides.
        attestations: The kinds of what is attested of it.
        is_empty: Whether there is no layer at all.
    """

    files: Mapping[str, Entry]
    config: Mapping[str, Any]
    annotations: Mapping[str, str]
    is_empty: bool = False
    attestations: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tagged:
    """What a tag points at.

    Attributes:
        is_bundle: Whether whalebuild published it as dependencies (``:deps``).
    """

    images: Mapping[str, Image]
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_bundle: bool = False

    @property
    def only(self) -> Image:
        (image,) = self.images.values()
        return image


@dataclass(frozen=True)
class Store:
    """Where manifests and blobs are read from, by digest.

    Attributes:
        known: Digests of layers that are not looked into: those of the base image.
    """

    manifest: Callable[[str], bytes]
    blob: Callable[[str], bytes]
    known: frozenset[str] = frozenset()

    def tagged(self, reference: str) -> Tagged:
        """Describe what a tag or digest points at."""
        found = json.loads(self.manifest(reference))
        annotations = found.get("annotations", {})
        listed = found.get("manifests") or [{"digest": reference}]
        has_caches = any(f"{_OWN}cache" in each.get("annotations", {}) for each in listed)
        attested: dict[str, set[str]] = {}
        images = {}
        for each in listed:
            about = each.get("annotations", {})
            if f"{_OWN}cache" in about:
                continue
            subject = about.get("vnd.docker.reference.digest")
            if subject:
                attested.setdefault(subject, set()).update(self._predicates(each["digest"]))
                continue
            platform, image = self._image(each["digest"], about if "manifests" in found else {})
            images[platform] = each["digest"], image
        return Tagged(
            {
                platform: replace(image, attestations=frozenset(attested.get(digest, ())))
                for platform, (digest, image) in images.items()
            },
            {} if "manifests" not in found else _foreign(annotations),
            is_bundle=f"{_OWN}files" in annotations or has_caches,
        )

    def _predicates(self, digest: str) -> set[str]:
        layers = json.loads(self.manifest(digest))["layers"]
        found = (each.get("annotations", {}).get("in-toto.io/predicate-type") for each in layers)
        return {str(kind).rstrip("/").split("/")[3] for kind in found}

    def _image(self, digest: str, about: Mapping[str, str]) -> tuple[str, Image]:
        manifest = json.loads(self.manifest(digest))
        config = json.loads(self.blob(manifest["config"]["digest"]))
        parts = config.get("os", "?"), config.get("architecture", "?"), config.get("variant")
        files: dict[str, Entry] = {}
        layers = manifest["layers"] or []
        for layer in layers:
            if layer["digest"] not in self.known:
                files |= _files(self.blob(layer["digest"]), layer["mediaType"])
        given = config.get("config", {})
        kept = {name: given[name] for name in _CONFIG if given.get(name)}
        annotations = _foreign({**manifest.get("annotations", {}), **about})
        return "/".join(filter(None, parts)), Image(files, kept, annotations, not layers)


def in_registry(registry: str, repository: str, known: frozenset[str]) -> Store:
    """A repository of a registry."""
    return Store(
        lambda reference: published.raw_manifest(registry, repository, reference),
        lambda digest: published.blob(registry, repository, digest),
        known,
    )


def in_archive(archive: bytes) -> tuple[Store, list[str]]:
    """An OCI layout in a tar file; and the digests that its index names."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = {each.name: tar.extractfile(each) for each in tar if each.isfile()}
        content = {name: file.read() for name, file in members.items() if file}
    index = json.loads(content["index.json"])

    def blob(digest: str) -> bytes:
        return content[f"blobs/{digest.replace(':', '/')}"]

    return Store(blob, blob), [each["digest"] for each in index["manifests"]]


def tar_files(content: bytes) -> dict[str, Entry]:
    """The files in a tar file, by absolute path."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {f"/{each.name.strip('/')}": _entry(tar, each) for each in tar}


@cache
def base_layers(registry: str, repository: str, tag: str) -> frozenset[str]:
    """The digests of the layers of an image, of all platforms."""
    index = published.manifest(registry, repository, tag)
    manifests = (
        published.manifest(registry, repository, each["digest"]) for each in index["manifests"]
    )
    return frozenset(layer["digest"] for each in manifests for layer in each.get("layers", ()))


def _foreign(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in annotations.items() if not name.startswith(_OWN)}


def _files(layer: bytes, media_type: str) -> dict[str, Entry]:
    if media_type.endswith("zstd"):
        return {"(zstd)": Entry("?", 0, (0, 0), "")}
    return tar_files(layer)


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    file = tar.extractfile(member) if member.isfile() else None
    content = file.read() if file else member.linkname.encode()
    if len(content) > _SHORT:
        content = hashlib.sha256(content).hexdigest().encode()
    kind = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h"}.get(member.type, "-")
    owner = member.uid, member.gid
    return Entry(kind, member.mode & 0o7777, owner, content.decode(errors="backslashreplace"))
