"""Staging tags: set where something cannot be pushed by digest, deleted once it is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from whalebuild.failures.failure import RequestFailedError
from whalebuild.oci.manifest import INDEX_TYPE, write_index
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry

_MARK = "dev.whalebuild.staging"


def delete_tags(
    registry: Registry, references: Iterable[Reference], warn: Callable[[str], None]
) -> None:
    """Delete tags that may have been set; what cannot be deleted is a warning."""
    for reference in references:
        try:
            deleted = _delete(registry, reference)
        except RequestFailedError:
            deleted = False
        if not deleted:
            warn(f"{reference} is left over: the registry deletes no tags")


def _delete(registry: Registry, reference: Reference) -> bool:
    """Delete a tag, and nothing that has been published since.

    Docker's registry before version 3 deletes manifests only, and with one all its tags
    (https://github.com/distribution/distribution/pull/3174). What stands under the tag may be a
    child of what is published: so the tag is given to an index of its own, which can go.
    """
    with suppress(RequestFailedError):  # "digest invalid" is what version 2.8 says to a tag
        if registry.delete_manifest(reference):
            return True
    found = registry.head(reference)
    if found is None:  # it was never set: the push failed, or the build before it
        return True
    own = write_index([found], {_MARK: str(reference.tag)})
    digest = registry.put_manifest(reference, own, INDEX_TYPE)
    return registry.delete_manifest(Reference(reference.repository, digest=digest))
