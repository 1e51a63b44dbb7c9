"""The state of a pair: both tags there, whole, and the dependencies reusable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from whalebuild.bakefile.pair_names import PairNames
from whalebuild.bundle.annotations import NoLock
from whalebuild.doctor.finding import Finding, failure, ok, warning
from whalebuild.errors import VerificationError
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.published.view import PairView, TagView
from whalebuild.text import short_digest
from whalebuild.values import dataclass

_BAKE = "whalebuild bake"
_BAKE_ANEW = "whalebuild bake --no-cache"
_SOME = 3


@dataclass(frozen=True)
class PairFacts:
    """What is published of a pair.

    Attributes:
        view: None where nothing is.
        lost: Digests of blobs that the registry names and has not, by repository.
        decision: What the next bake does with the dependencies; None where that is not known.
    """

    names: PairNames
    view: PairView | None
    lost: Mapping[str, frozenset[str]]
    decision: Decision | None = None


def blobs_of(view: PairView) -> dict[str, tuple[str, ...]]:
    """The blobs that hosts and bakes need of a pair's images, by repository."""
    found: dict[str, dict[str, None]] = {}
    for side in (view.deps, view.app):
        if side:
            blobs = found.setdefault(side.reference.repository, {})
            for image in side.images.values():
                blobs.update(dict.fromkeys(image.blobs))
    return {repository: tuple(digests) for repository, digests in found.items()}


def judge_pair(facts: PairFacts) -> tuple[Finding, ...]:
    """A pair as the registry has it."""
    view = facts.view
    name = facts.names.pulled
    if view is None:
        return (ok(f"nothing is published yet as {name}: the first bake builds it all"),)
    found = [*_missing_tags(view), *_not_whole(view, facts.lost), *_caches(view)]
    if not found:
        found = [*_without_lock(view)]
    if found:
        return tuple(found)
    if facts.decision and facts.decision.action is DepsAction.ASK:
        return (
            warning(
                f"{view.deps_reference} is looked at by BuildKit in every bake",
                cause=f"what it is made from cannot be told: {'; '.join(facts.decision.reasons)}",
                next_step="`whalebuild plan` has more",
            ),
        )
    return (ok(f"{name} and {view.deps_reference} are whole{_next(facts.decision)}"),)


def _next(decision: Decision | None) -> str:
    if decision is None:
        return ""
    if decision.action is DepsAction.REUSE:
        return "; the next bake reuses the dependencies"
    reasons = [str(change) for change in decision.changes] or list(decision.reasons)
    more = f" and {len(reasons) - _SOME} more" if reasons[_SOME:] else ""
    return f"; the next bake builds the dependencies anew: {', '.join(reasons[:_SOME])}{more}"


def _missing_tags(view: PairView) -> Iterator[Finding]:
    if view.deps is None:
        yield warning(
            f"{view.deps_reference} is not there, and {view.names.pulled} is",
            cause="its tag was deleted, or another tool pushed the image: the next bake builds the "
            "dependencies anew",
            next_step="have it published again",
            command=_BAKE,
        )
    if view.app is None and view.names.app:
        yield warning(
            f"{view.names.app} is not there, and {view.deps_reference} is",
            cause="its tag was deleted, or a bake ended between the two tags: hosts cannot pull it",
            next_step="have it published again",
            command=_BAKE,
        )


def _not_whole(view: PairView, lost: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    for side in (view.deps, view.app):
        if side is None:
            continue
        missing = [*_lost_manifests(side), *_lost_blobs(side, lost)]
        if missing:
            error = VerificationError(
                f"{side.reference} is not whole: the registry has lost {_listed(missing)}",
                cause="a clean-up deleted what the tag still needs, or its storage is damaged: it "
                "cannot be pulled, and nothing can be built on it",
                next_step="build and push it anew",
            )
            yield failure(error, _BAKE_ANEW)


def _lost_manifests(side: TagView) -> list[str]:
    gone = [image.digest for image in side.images.values() if image.manifest is None]
    return [f"manifest {short_digest(digest)}" for digest in gone]


def _lost_blobs(side: TagView, lost: Mapping[str, frozenset[str]]) -> list[str]:
    gone = lost.get(side.reference.repository, frozenset())
    blobs = dict.fromkeys(blob for image in side.images.values() for blob in image.blobs)
    return [f"blob {short_digest(blob)}" for blob in blobs if blob in gone]


def _caches(view: PairView) -> Iterator[Finding]:
    gone = [each for each in view.caches if each.image.manifest is None]
    if gone:
        yield warning(
            f"{view.deps_reference} has lost {len(gone)} of its {len(view.caches)} caches",
            cause="a clean-up deleted what the tag still needs: building anew takes longer",
            next_step="have it exported again",
            command=_BAKE_ANEW,
        )


def _without_lock(view: PairView) -> Iterator[Finding]:
    if view.deps and isinstance(view.lock, NoLock):
        yield warning(
            f"{view.deps_reference} does not say what it is made from",
            cause=f"{view.lock.reason}: the next bake builds the dependencies anew",
            next_step="have it published by whalebuild",
            command=_BAKE,
        )


def _listed(missing: Sequence[str]) -> str:
    more = f" and {len(missing) - _SOME} more" if missing[_SOME:] else ""
    return f"{', '.join(missing[:_SOME])}{more}"
