"""Looks into the registry directly, past the counting proxy, outside of what is timed."""

from __future__ import annotations

import http.client
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

from wbbench.errors import BenchError

_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)
#: Layers that are larger are not searched for code.
CODE_LIMIT = 500_000_000
OK = 200


class Registry:
    """The sandbox's registry by its own address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str) -> tuple[bytes, str]:
        """The body, and the digest that the registry gives it."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request("GET", path, headers={"Accept": _ACCEPT})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != OK:
                raise BenchError(f"the registry answers {answer.status} to GET {path}")
            return body, answer.getheader("Docker-Content-Digest") or ""
        finally:
            connection.close()

    def image(self, repository: str, reference: str) -> tuple[dict[str, Any], str]:
        """The image manifest for linux/amd64 behind a tag or digest, and its digest."""
        body, digest = self.get(f"/v2/{repository}/manifests/{reference}")
        manifest = json.loads(body)
        for child in manifest.get("manifests", ()):
            platform = child.get("platform", {})
            if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
                return self.image(repository, child["digest"])
        if "layers" not in manifest:
            raise BenchError(f"{repository}:{reference} is no image for linux/amd64")
        return manifest, digest

    def layers(self, repository: str, reference: str) -> dict[str, int]:
        """Digest and compressed size of each layer, in order."""
        manifest, _ = self.image(repository, reference)
        return _sizes(manifest["layers"])

    def blobs(self, repository: str, reference: str) -> dict[str, int]:
        """The same with the image's configuration."""
        manifest, _ = self.image(repository, reference)
        return _sizes([*manifest["layers"], manifest["config"]])

    def code(self, repository: str) -> tuple[str, int]:
        """What `:latest` holds as app/__init__.py, and the size of the layer it is in."""
        for digest, size in reversed(self.layers(repository, "latest").items()):
            if size > CODE_LIMIT:
                continue
            if code := self._code(f"/v2/{repository}/blobs/{digest}"):
                return code, size
        raise BenchError(f"{repository}:latest has no layer with the code")

    def _code(self, path: str) -> str | None:
        """What a layer holds as app/__init__.py; it is read up to there."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            with tarfile.open(fileobj=answer, mode="r|gz") as layer:
                for entry in layer:
                    if entry.name.endswith("app/__init__.py"):
                        return layer.extractfile(entry).read().decode()
        except tarfile.ReadError as error:
            raise BenchError(f"GET {path}: {error}") from None
        finally:
            connection.close()
        return None

    def tags(self, repository: str) -> list[str]:
        """The repository's tags."""
        body, _ = self.get(f"/v2/{repository}/tags/list")
        return sorted(json.loads(body)["tags"])


def _sizes(descriptors: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    return {each["digest"]: each["size"] for each in descriptors}
