"""The rebase itself: the layers and the history of a build on a stub, put on the app base."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import (
    MANIFEST_TYPE,
    Descriptor,
    digest_of,
    parse_image,
    platform_of,
)
from whalebuild.values import dataclass

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"

# BuildKit's inline cache: it names the layers that it was made with, so those of the stub.
_INLINE_CACHE = "moby.buildkit.cache.v0"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
# ``util/compression/compression.go`` of BuildKit.
_TO_DOCKER = {
    f"{oci}{oci_suffix}": f"{docker}{docker_suffix}"
    for oci, docker in ((_OCI_LAYER, _DOCKER_LAYER), (_OCI_FOREIGN, _DOCKER_FOREIGN))
    for oci_suffix, docker_suffix in (("", ""), ("+gzip", ".gzip"), ("+zstd", ".zstd"))
}
_TO_OCI = {docker: oci for oci, docker in _TO_DOCKER.items()}
# Lines of the chain that a generated Dockerfile says again after ``FROM``, since an image does not
# hand them down: they are in the app base's history already.
_REPEATED = ("ARG ", "CMD ")


@dataclass(frozen=True)
class Image:
    """An image's manifest and configuration, as a registry holds them."""

    manifest: bytes
    config: bytes

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return digest_of(self.manifest)


@dataclass(frozen=True)
class ReadImage:
    """An image whose manifest and configuration fit each other.

    Attributes:
        manifest: With all of its fields.
        config: With all of its fields.
        layers: Descriptors from the bottom up.
        diff_ids: Of the layers.
        history: Entries from the bottom up; some have no layer.
    """

    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    layers: tuple[Mapping[str, Any], ...]
    diff_ids: tuple[str, ...]
    history: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Rebased:
    """An image put on another base.

    Attributes:
        image: Its manifest and configuration, both new.
        descriptor: Of the manifest, with the platform.
        added: Layers above those of the base.
    """

    image: Image
    descriptor: Descriptor
    added: tuple[Descriptor, ...]


def read_image(image: Image, what: str) -> ReadImage:
    """Read an image and check that its configuration and its layers are its manifest's.

    Args:
        image: The image.
        what: It, for the message.

    Raises:
        VerificationError: They are not.
    """
    try:
        manifest, config = json.loads(image.manifest), json.loads(image.config)
        layers, named = tuple(manifest["layers"]), manifest["config"]["digest"]
        diff_ids = tuple((config.get("rootfs") or {}).get("diff_ids") or ())
        history = tuple(config.get("history") or ())
        with_layer = len(_with_layer(history))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as fault:
        raise _wrong(f"{what} has no image's manifest and configuration") from fault
    if parse_image(image.manifest) is None or named != digest_of(image.config):
        raise _wrong(f"{what} has another configuration than its manifest says")
    if len(layers) != len(diff_ids):
        raise _wrong(f"{what} has {len(layers)} layers and {len(diff_ids)} diff ids")
    if with_layer > len(layers):
        raise _wrong(f"{what} has {len(layers)} layers, and a history of {with_layer}")
    return ReadImage(manifest, config, layers, diff_ids, history)


def rebase(base: Image, built: Image, stub: Image, *, repeated: int = 0) -> Rebased:
    """Put what a build has added to a stub on the stub's app base.

    The stub's layers are told by their place and diff ids, and not by digest, which changes where
    the exporter compresses them again. Everything else but layers and history is the built image's.

    Args:
        base: The app base.
        built: What was built on the stub.
        stub: The stub.
        repeated: How many instructions of the app base the build had to repeat first.

    Raises:
        VerificationError: The image was not built on this stub, or not for this platform.
    """
    below, above = read_image(base, "the app base"), read_image(built, "the application")
    dropped = read_image(stub, "the stub")
    count = len(dropped.layers)
    if above.diff_ids[:count] != dropped.diff_ids:
        raise _wrong("the application's first layer is not the stub's")
    if platform_of(base.config) != platform_of(built.config) or not platform_of(base.config):
        raise _wrong(
            f"the app base is for {platform_of(base.config)},"
            f" and the application for {platform_of(built.config)}"
        )
    if _INLINE_CACHE in above.config:
        raise _wrong("the application has an inline cache, which names layers of the stub")
    layers = above.layers[count:]
    history = _added_history(above.history, dropped.history, repeated)
    if len(_with_layer(history)) != len(layers):
        raise _wrong(f"{len(layers)} layers were added, and another number of entries of history")
    config = {
        **above.config,
        "rootfs": {
            **above.config["rootfs"],
            "diff_ids": [*below.diff_ids, *above.diff_ids[count:]],
        },
        "history": [*below.history, *history],
    }
    return _write(above.manifest, config, below.layers, layers)


def _added_history(
    history: Sequence[Mapping[str, Any]], stub: Sequence[Mapping[str, Any]], repeated: int
) -> Sequence[Mapping[str, Any]]:
    """The history without what the stub had, and without the repeated instructions."""
    count = len(stub)
    if [e.get("created_by") for e in history[:count]] != [e.get("created_by") for e in stub]:
        raise _wrong("the application's history does not begin with the stub's")
    again = history[count : count + repeated]
    if len(again) != repeated or not all(
        entry.get("empty_layer") is True and str(entry.get("created_by")).startswith(_REPEATED)
        for entry in again
    ):
        raise _wrong(f"the application's history does not go on with {repeated} repeated lines")
    return history[count + repeated :]


def _write(
    manifest: Mapping[str, Any],
    config: Mapping[str, Any],
    base: Sequence[Mapping[str, Any]],
    added: Sequence[Mapping[str, Any]],
) -> Rebased:
    raw = json.dumps(config, separators=(",", ":")).encode()
    docker = manifest.get("mediaType") == _DOCKER_MANIFEST
    written = {
        **manifest,
        "config": {
            "mediaType": manifest["config"]["mediaType"],
            "digest": digest_of(raw),
            "size": len(raw),
        },
        "layers": [*(_of_type(layer, docker=docker) for layer in base), *added],
    }
    image = Image(json.dumps(written, indent=2).encode(), raw)
    read = parse_image(image.manifest)
    if read is None:
        raise _wrong("its layers are no descriptors")
    media_type = _DOCKER_MANIFEST if docker else MANIFEST_TYPE
    descriptor = Descriptor(image.digest, len(image.manifest), media_type, platform_of(raw))
    return Rebased(image, descriptor, read.layers[len(base) :])


def _of_type(layer: Mapping[str, Any], *, docker: bool) -> Mapping[str, Any]:
    """A descriptor of a layer for a manifest of docker's or of OCI's; docker's has no notes.

    ``ConvertAllLayerMediaTypes`` and ``RemoveInternalLayerAnnotations`` of BuildKit.
    """
    types = _TO_DOCKER if docker else _TO_OCI
    media_type = types.get(layer["mediaType"], layer["mediaType"])
    converted = {**layer, "mediaType": media_type}
    if docker:
        converted.pop("annotations", None)
    return converted


def _with_layer(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [entry for entry in history if not entry.get("empty_layer")]


def _wrong(cause: str) -> VerificationError:
    return VerificationError(
        "the application cannot be put on its base",
        cause=cause,
        next_step="run the bake again; nothing that was published before has changed",
    )
