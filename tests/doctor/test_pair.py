"""What is said of a pair, by what a registry in memory has of it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.published_pair import AMD64, PACKAGES, REPOSITORY, PublishedPair
from whalebuild.bakefile.pair_names import names_of_image
from whalebuild.bundle.lock import Change
from whalebuild.doctor.finding import Finding, Status
from whalebuild.doctor.pair import PairFacts, blobs_of, judge_pair
from whalebuild.errors import ExitCode
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision, DepsAction

NAMES = names_of_image(Reference(REPOSITORY))


def judged(
    pair: PublishedPair,
    decision: Decision | None = None,
    lost: Mapping[str, frozenset[str]] | None = None,
) -> Finding:
    (found,) = judge_pair(PairFacts(NAMES, pair.inspect(), lost or {}, decision))
    return found


def test_a_pair_that_is_whole() -> None:
    assert judged(PublishedPair()).what == f"{REPOSITORY}:latest and {REPOSITORY}:deps are whole"
    reused = judged(PublishedPair(), Decision(DepsAction.REUSE))
    assert reused.what.endswith("; the next bake reuses the dependencies")


def test_a_change_of_the_dependencies_is_nothing_wrong() -> None:
    changes = tuple(Change(name, "changed") for name in ("a", "b", "c", "d"))
    found = judged(PublishedPair(), Decision(DepsAction.REBUILD, changes=changes))
    assert found.status is Status.OK
    assert found.what.endswith("anew: a changed, b changed, c changed and 1 more")


def test_inputs_that_cannot_be_told_make_every_bake_slower() -> None:
    found = judged(PublishedPair(), Decision(DepsAction.ASK, reasons=("a remote context",)))
    assert found.status is Status.WARNING
    assert "a remote context" in str(found.cause)


def test_nothing_is_published() -> None:
    (found,) = judge_pair(PairFacts(NAMES, None, {}))
    assert (found.status, found.what) == (
        Status.OK,
        f"nothing is published yet as {REPOSITORY}:latest: the first bake builds it all",
    )


def test_a_lost_tag() -> None:
    for tag, other in (("deps", "latest"), ("latest", "deps")):
        pair = PublishedPair()
        del pair.registry.held[f"{REPOSITORY}:{tag}"]
        found = judged(pair)
        assert found.what == f"{REPOSITORY}:{tag} is not there, and {REPOSITORY}:{other} is"
        assert (found.status, found.command) == (Status.WARNING, "whalebuild bake")


def test_a_lost_manifest() -> None:
    pair = PublishedPair()
    del pair.registry.held[f"{REPOSITORY}@{pair.deps[AMD64].digest}"]
    found = judged(pair)
    assert found.what.startswith(f"{REPOSITORY}:deps is not whole")
    assert (found.exit_code, found.command) == (ExitCode.UNVERIFIED, "whalebuild bake --no-cache")


def test_a_lost_layer_is_of_both_images() -> None:
    pair = PublishedPair()
    view = pair.inspect()
    assert view.deps
    ((repository, blobs),) = blobs_of(view).items()
    assert repository == REPOSITORY
    assert len(blobs) == len(set(blobs)) == 8  # four configurations, two bases, packages, code
    (packages,) = {
        layer for layer, size in view.deps.images[AMD64].layers.items() if size == PACKAGES[1]
    }
    found = judge_pair(PairFacts(NAMES, view, {REPOSITORY: frozenset({packages})}))
    assert [f.status for f in found] == [Status.FAILURE, Status.FAILURE]


def test_a_lost_cache_costs_time_alone() -> None:
    pair = PublishedPair()
    del pair.registry.held[f"{REPOSITORY}@{pair.cache.digest}"]
    found = judged(pair)
    assert (found.status, found.what) == (
        Status.WARNING,
        f"{REPOSITORY}:deps has lost 1 of its 1 caches",
    )
