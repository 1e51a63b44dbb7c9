"""What a host's engine has: its images, and which of them run; read from ``docker inspect``.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image/operation/ImageInspect
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whalebuild.errors import UsageError
from whalebuild.oci.manifest import platform_text
from whalebuild.oci.reference import Reference, familiar, parse_reference
from whalebuild.published.kept import is_kept_name, kept_name
from whalebuild.tags import APP_TAG
from whalebuild.values import dataclass


@dataclass(frozen=True)
class HostImage:
    """An image of an engine.

    Attributes:
        id: As the engine names it: the digest of its index or manifest with the containerd image
            store, that of its configuration with a graph driver.
        tags: The names that it has, with tags.
        digests: By which digest it stands in which repository.
        platform: Of the variant that the engine has.
        diff_ids: Digests of its unpacked layers, from the bottom up.
        kept: The names by which whalebuild keeps it; they say nothing of where it is from.
        size: Bytes as the engine counts them, with what it shares with other images.
    """

    id: str
    tags: tuple[Reference, ...] = ()
    digests: tuple[Reference, ...] = ()
    platform: str | None = None
    diff_ids: tuple[str, ...] = ()
    kept: tuple[Reference, ...] = ()
    size: int = 0

    @property
    def known_as(self) -> frozenset[str]:
        """All digests that it was pulled as, and its ID."""
        return frozenset({self.id, *(each.digest for each in self.digests if each.digest)})

    def stands_for(self, digest: str) -> bool:
        """Whether it is what a digest was pulled as."""
        return digest in self.known_as or kept_name(digest) in self.kept

    @property
    def repositories(self) -> frozenset[str]:
        """Where it comes from, as docker shows names."""
        return frozenset(familiar(ref.repository) for ref in (*self.tags, *self.digests))

    def name_in(self, repository: str) -> Reference | None:
        """Its name and tag in a repository, if it has one."""
        return next((tag for tag in self.tags if _is(tag, familiar(repository))), None)

    def digest_in(self, repository: str) -> str:
        """The digest by which it stands in a repository; its ID where docker lists none."""
        return next(
            (r.digest for r in self.digests if r.digest and _is(r, familiar(repository))), self.id
        )


@dataclass(frozen=True)
class RunningImage:
    """A running container's image: its ID, and the name that the container was started with."""

    id: str
    name: Reference | None


def read_image(inspected: Mapping[str, Any]) -> HostImage | None:
    """Read one entry of ``docker image inspect``; None for one without an ID."""
    found = inspected.get("Id")
    if not isinstance(found, str):
        return None
    layers = (inspected.get("RootFS") or {}).get("Layers") or ()
    keys = ("Os", "Architecture", "Variant")
    platform = platform_text({key.lower(): str(inspected.get(key) or "") for key in keys})
    # The containerd image store counts ``repository@digest`` among the tags after such a pull; its
    # list of images has them there alone.
    listed = _references(inspected.get("RepoTags"))
    tags = [tag for tag in listed if tag.tag]
    by_digest = [each for each in listed if each.digest and not each.tag]
    digests = dict.fromkeys([*_references(inspected.get("RepoDigests")), *by_digest])
    return HostImage(
        found,
        tuple(tag for tag in tags if not is_kept_name(tag)),
        tuple(digest for digest in digests if not is_kept_name(digest)),
        platform,
        tuple(str(layer) for layer in layers),
        tuple(tag for tag in tags if is_kept_name(tag)),
        size if isinstance(size := inspected.get("Size"), int) else 0,
    )


def read_container(inspected: Mapping[str, Any]) -> RunningImage | None:
    """Read one entry of ``docker container inspect``; None for one without an image."""
    found = inspected.get("Image")
    if not isinstance(found, str):
        return None
    named = _references([(inspected.get("Config") or {}).get("Image")])
    return RunningImage(found, named[0] if named else None)


def named(images: Iterable[HostImage], name: Reference) -> tuple[HostImage, ...]:
    """The image that has this name and tag, or else all of the repository."""
    in_repository = [image for image in images if familiar(name.repository) in image.repositories]
    wanted = familiar(str(name.tagged(name.tag or APP_TAG)))
    exact = [i for i in in_repository if wanted in {familiar(str(tag)) for tag in i.tags}]
    return tuple(exact or in_repository)


def running(
    images: Iterable[HostImage], containers: Iterable[RunningImage], repository: str
) -> tuple[HostImage, ...]:
    """The images of a repository that run.

    A container goes on running an image that has lost its tag to the next one; with the containerd
    image store it has lost all names then, and the container alone still has its name.
    """
    shown = familiar(repository)
    by_name = {each.id for each in containers if each.name and _is(each.name, shown)}
    ids = {each.id for each in containers}
    return tuple(
        image
        for image in images
        if image.id in by_name or (image.id in ids and shown in image.repositories)
    )


def image_name(text: object) -> Reference | None:
    """An image's name as docker shows it; its ID is none."""
    if not isinstance(text, str) or text.startswith("sha256:"):
        return None
    try:
        return parse_reference(text, where="docker")
    except UsageError:
        return None


def _is(name: Reference, repository: str) -> bool:
    return familiar(name.repository) == repository


def _references(texts: Any) -> tuple[Reference, ...]:
    """References among these texts: an ID that stands for an image, or ``<none>``, is none."""
    named = (image_name(str(text)) for text in texts or ())
    return tuple(name for name in named if name)
