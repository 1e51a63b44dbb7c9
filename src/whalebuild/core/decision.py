"""Whether the published dependencies will do, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from whalebuild.core.lock import Change, Lock, compare
from whalebuild.core.lock_annotations import NoLock
from whalebuild.core.published import PublishedDeps
from whalebuild.core.stage_inputs import Undetermined


class Action(Enum):
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

    action: Action
    reasons: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    platforms: tuple[str, ...] = ()


def decide(
    wanted: Lock | Undetermined,
    published: Sequence[PublishedDeps | None],
    *,
    platforms: tuple[str, ...],
    no_cache: bool = False,
) -> Decision:
    """Compare what is asked for with what is published.

    Args:
        wanted: The working tree's lock, or why there is none.
        published: What stands under each reference of the image; it is reused if all have it.
        platforms: The platforms that are asked for.
        no_cache: Whether every step is to be run anew.
    """
    if no_cache:
        return Decision(Action.REBUILD, ("--no-cache was given",), platforms=platforms)
    if isinstance(wanted, Undetermined):
        return Decision(Action.ASK, (str(wanted),), platforms=platforms)
    differing: dict[Change, None] = {}
    stale: set[str] = set()
    for found in published:
        if found is None:
            return Decision(Action.REBUILD, ("there is no :deps yet",), platforms=platforms)
        if isinstance(found.lock, NoLock):
            reason = f"it cannot be told what {found.reference} was made from: {found.lock.reason}"
            return Decision(Action.REBUILD, (reason,), platforms=platforms)
        missing = [p for p in wanted.platforms if p not in found.bundle.images]
        differing |= dict.fromkeys(compare(found.lock, wanted))
        differing |= {Change(f"platform {p}", "is missing"): None for p in missing}
        stale |= {p for p in wanted.platforms if found.lock.keys.get(p) != wanted.keys[p]}
        stale |= set(missing)
    if not stale:
        return Decision(Action.REUSE)
    changes = tuple(differing)
    to_build = tuple(platform for platform in wanted.platforms if platform in stale)
    return Decision(Action.REBUILD, tuple(map(str, changes)), changes, to_build)
