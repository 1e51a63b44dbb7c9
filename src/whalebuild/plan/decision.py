"""Whether the published dependencies will do, and why not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum

from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.lock import Change, Lock, compare
from whalebuild.bundle.published import PublishedDeps
from whalebuild.inputs.values import Undetermined
from whalebuild.values import dataclass


class DepsAction(Enum):
    """What becomes of the dependencies."""

    REUSE = "reuse"
    REBUILD = "rebuild"
    ASK = "ask"  # BuildKit finds out whether its cache covers them


@dataclass(frozen=True)
class Decision:
    """An action and its reasons.

    Attributes:
        reasons: In the user's words; none for a reuse.
        changes: Inputs that differ from the published lock.
        platforms: Those that have to be built; empty for a reuse.
    """

    action: DepsAction
    reasons: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    platforms: tuple[str, ...] = ()


def decide(
    wanted: Lock | Undetermined,
    published: Sequence[PublishedDeps | None],
    *,
    platforms: tuple[str, ...],
    no_cache: bool = False,
    lost: Collection[str] = (),
) -> Decision:
    """Compare what is asked for with what is published.

    Args:
        wanted: The working tree's lock, or why there is none.
        published: What each reference of the image names; it is reused if all name the same.
        platforms: The platforms that are asked for.
        no_cache: Whether every step is to be run anew.
        lost: Digests of images that the registry does not have any more.
    """
    if no_cache:
        return Decision(DepsAction.REBUILD, ("--no-cache was given",), platforms=platforms)
    if isinstance(wanted, Undetermined):
        return Decision(DepsAction.ASK, (str(wanted),), platforms=platforms)
    useless = next(filter(None, (_useless(found, lost) for found in published)), None)
    if useless:
        return Decision(DepsAction.REBUILD, (useless,), platforms=platforms)
    bundles = [found for found in published if found]
    changes: dict[Change, None] = {}
    for found in bundles:
        if isinstance(found.lock, Lock):
            changes |= dict.fromkeys(compare(found.lock, wanted))
        missing = (p for p in wanted.platforms if p not in found.bundle.images)
        changes |= {Change(f"platform {platform}", "is missing"): None for platform in missing}
    stale = tuple(p for p in wanted.platforms if any(_stale(found, wanted, p) for found in bundles))
    if not stale:
        return Decision(DepsAction.REUSE)
    return Decision(DepsAction.REBUILD, tuple(map(str, changes)), tuple(changes), stale)


def _useless(found: PublishedDeps | None, lost: Collection[str]) -> str:
    """Why what is published cannot even be compared; empty if it can."""
    if found is None:
        return "there is no :deps yet"
    gone = [image.digest for image in found.bundle.images.values() if image.digest in lost]
    if gone:
        return f"the registry has lost {gone[0]} of {found.reference}"
    if isinstance(found.lock, NoLock):
        return f"it cannot be told what {found.reference} was made from: {found.lock.reason}"
    return ""


def _stale(found: PublishedDeps, wanted: Lock, platform: str) -> bool:
    keys = found.lock.keys if isinstance(found.lock, Lock) else {}
    return platform not in found.bundle.images or keys.get(platform) != wanted.keys[platform]
