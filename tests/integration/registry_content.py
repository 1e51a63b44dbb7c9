"""Puts content into a registry without an engine, which would keep it for later builds."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
import urllib.request
from collections.abc import Mapping

from tests.integration import published

_OCTETS = {"Content-Type": "application/octet-stream"}


def copy_repository(registry: str, source: str, target: str) -> None:
    """Give another repository all tags of one, and what is behind them."""
    for tag in published.tags(registry, source):
        _copy(registry, source, target, tag)


def _copy(registry: str, source: str, target: str, reference: str) -> None:
    manifest = published.manifest(registry, source, reference)
    for child in manifest.get("manifests", ()):
        _copy(registry, source, target, child["digest"])
    for part in (*manifest.get("layers", ()), manifest.get("config")):
        if part:
            mount = f"?mount={part['digest']}&from={source}"
            send("POST", f"http://{registry}/v2/{target}/blobs/uploads/{mount}")
    raw = published.raw_manifest(registry, source, reference)
    url = f"http://{registry}/v2/{target}/manifests/{reference}"
    send("PUT", url, raw, {"Content-Type": manifest["mediaType"]})


def push_like(registry: str, source: str, repository: str, mark: str) -> str:
    """Push another repository's image with one more layer; its digest.

    The layer has the file ``base.txt`` with the mark, and noise that takes some time to pull.
    """
    image = published.manifest(registry, source, "1")
    config = json.loads(published.blob(registry, source, image["config"]["digest"]))
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        noise = random.Random(mark).randbytes(300_000)
        for name, content in (("base.txt", mark.encode()), ("noise", noise)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    config["rootfs"]["diff_ids"].append(_digest(layer.getvalue()))
    config.pop("history", None)
    for each in image["layers"]:
        push_blob(registry, repository, published.blob(registry, source, each["digest"]))
    raw, packed = json.dumps(config).encode(), gzip.compress(layer.getvalue(), mtime=0)
    image["config"] |= {"digest": push_blob(registry, repository, raw), "size": len(raw)}
    top = push_blob(registry, repository, packed)
    image["layers"].append({**image["layers"][0], "digest": top, "size": len(packed)})
    url = f"http://{registry}/v2/{repository}/manifests/1"
    send("PUT", url, json.dumps(image).encode(), {"Content-Type": image["mediaType"]})
    return top


def push_blob(registry: str, repository: str, content: bytes) -> str:
    """Upload a blob; its digest."""
    begun = send("POST", f"http://{registry}/v2/{repository}/blobs/uploads/")
    digest = _digest(content)
    send("PUT", f"{begun}&digest={digest}", content, _OCTETS)
    return digest


def send(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> str | None:
    """Make a request that has to succeed; where its answer points to."""
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        location: str | None = answer.headers.get("Location")
        return location


def small_files(registry: str, repository: str, tag: str) -> dict[str, str]:
    """The small files at the root of an image for one platform."""
    index = published.manifest(registry, repository, tag)
    children = index["manifests"]
    image = next(c for c in children if c["platform"]["architecture"] != "unknown")
    found: dict[str, str] = {}
    for layer in published.manifest(registry, repository, image["digest"])["layers"]:
        packed = published.blob(registry, repository, layer["digest"])
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if content and "/" not in member.name and member.size < 1000:
                    found[member.name] = content.read().decode()
    return found


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
