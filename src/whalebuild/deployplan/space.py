"""Whether a host has room for what is to be pulled: decided from what is certain."""

from __future__ import annotations

from whalebuild.errors import EngineError
from whalebuild.text import human_bytes
from whalebuild.values import dataclass

# Layers are unpacked beside what was downloaded of them, and gzip makes a half to a third of most.
_UNPACKED = 3


@dataclass(frozen=True)
class DiskSpace:
    """The file system of an engine's images.

    Attributes:
        path: The folder that they are in.
        free: Bytes that the engine may write.
    """

    path: str
    free: int


def require_space(download: int, space: DiskSpace | None) -> str:
    """What is to be known before a pull; empty for nothing.

    Args:
        download: Bytes to be downloaded. They are written in any case, and unpacked take as much at
            the least.
        space: Where they go; None where that is not known, and nothing is claimed.

    Raises:
        EngineError: They do not fit.
    """
    if space is None or not download:
        return ""
    needs, free = human_bytes(download), human_bytes(space.free)
    if space.free < download:
        raise EngineError(
            f"the host has no room for what is to be pulled: that is {needs}, and {free} are free",
            cause=f"the engine keeps images in {space.path}; nothing was pulled or stopped",
            next_step="remove images of old deployments (`whalebuild prune`), see what else takes "
            "space (`docker system df`), or give it a larger disk",
        )
    if space.free < download * (1 + _UNPACKED):
        return (
            f"there is little room for what is pulled: {needs}, unpacked more, and {free} are free "
            f"in {space.path} (`whalebuild prune`, `docker system df`)"
        )
    return ""
