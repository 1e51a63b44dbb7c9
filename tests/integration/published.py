"""Checks of what a registry holds, independent of whalebuild and docker."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES = (
    "oci.image.index.v1",
    "oci.image.manifest.v1",
    "docker.distribution.manifest.list.v2",
    "docker.distribution.manifest.v2",
)
ACCEPT = {"Accept": ", ".join(f"application/vnd.{kind}+json" for kind in _TYPES)}


def repositories(registry: str) -> list[str]:
    """The names of all repositories, of a small registry."""
    listed = json.loads(_get(f"http://{registry}/v2/_catalog?n=1000"))
    return sorted(listed["repositories"])


def tags(registry: str, repository: str) -> list[str]:
    """The repository's tags, sorted; none where there is no repository."""
    try:
        listed = json.loads(_get(f"http://{registry}/v2/{repository}/tags/list"))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return []
        raise
    return sorted(listed.get("tags") or [])


def manifest(registry: str, repository: str, reference: str) -> dict[str, Any]:
    """The manifest or index behind a tag or a digest; its content fits the digest."""
    return next(_manifests(f"http://{registry}/v2/{repository}", reference))


def raw_manifest(registry: str, repository: str, reference: str) -> bytes:
    """The same as it is kept, byte for byte."""
    return _get(f"http://{registry}/v2/{repository}/manifests/{reference}")


def digest(registry: str, repository: str, tag: str) -> str:
    """What a tag points at."""
    raw = raw_manifest(registry, repository, tag)
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def blob(registry: str, repository: str, wanted: str) -> bytes:
    """A blob, whose content fits the digest."""
    content = _get(f"http://{registry}/v2/{repository}/blobs/{wanted}")
    _verify(wanted, content)
    return content


def behind(registry: str, repository: str, descriptor: Mapping[str, Any]) -> bytes:
    """The manifest, index or blob that a descriptor names."""
    if "manifest" in descriptor["mediaType"] or "index" in descriptor["mediaType"]:
        return raw_manifest(registry, repository, descriptor["digest"])
    return blob(registry, repository, descriptor["digest"])


def size(registry: str, repository: str, wanted: str) -> int:
    """The size of a blob."""
    url = f"http://{registry}/v2/{repository}/blobs/{wanted}"
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=60) as answer:
        return int(answer.headers["Content-Length"])


def check_whole(registry: str, repository: str, tag: str) -> int:
    """Fetch everything behind a tag and check each digest; return the number of blobs."""
    base = f"http://{registry}/v2/{repository}"
    manifests = list(_manifests(base, tag))
    blobs = {d["digest"] for m in manifests for d in (*m.get("layers", ()), m.get("config")) if d}
    for digest in blobs:
        _verify(digest, _get(f"{base}/blobs/{digest}"))
    return len(blobs)


def _manifests(base: str, reference: str) -> Iterator[dict[str, Any]]:
    raw = _get(f"{base}/manifests/{reference}")
    if reference.startswith("sha256:"):
        _verify(reference, raw)
    content = json.loads(raw)
    yield content
    for child in content.get("manifests", ()):
        yield from _manifests(base, child["digest"])


def _verify(digest: str, content: bytes) -> None:
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert found == digest, f"{digest} has the content of {found}"


def _get(url: str) -> bytes:
    request = urllib.request.Request(url, headers=ACCEPT)
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content
