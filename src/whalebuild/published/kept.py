"""The name by which an image stays on a host while the record of deployments needs it.

``docker image prune`` takes what has no name; an image that is pulled by its digest has no tag. A
local name of whalebuild's own keeps the versions that a rollback may go back to.
"""

from __future__ import annotations

from whalebuild.oci.reference import Reference

KEPT_REPOSITORY = "whalebuild-kept"
_DIGITS = 32


def kept_name(digest: str) -> Reference:
    """The local name of an image, from the digest that it was pulled by (``sha256:...``)."""
    return Reference(KEPT_REPOSITORY, digest.partition(":")[2][:_DIGITS])


def is_kept_name(name: Reference) -> bool:
    """Tell whether a name is one of these; such a one says nothing of where an image is from."""
    return name.repository == KEPT_REPOSITORY
