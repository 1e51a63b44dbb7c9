from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.plans import (
    ASK,
    BUNDLE,
    REBUILD,
    REUSE,
    app_plan,
    attestation,
    deps_plan,
    digest,
    image,
    lock,
    material,
    pair_deps,
    published,
)
from tests.support.platforms import AMD64, ARM64
from whalebuild.bake.outcome import PushedImage, app_index, deps_outcome
from whalebuild.bundle.annotations import from_annotations
from whalebuild.bundle.index import Bundle, Cache, read_bundle
from whalebuild.bundle.published import AppRecord
from whalebuild.oci.manifest import Descriptor, digest_of, parse_index
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.plan.pins import DepsImage
from whalebuild.plan.plan import DepsPlan

BOTH = (AMD64, ARM64)
OLD = (image(1, AMD64), image(2, ARM64))
OLD_CACHES = (
    Cache("deps", (AMD64,), digest(11), 1),
    Cache("deps", (ARM64,), digest(12), 1),
    Cache("app", (AMD64,), digest(13), 1, "app"),
    Cache("app", (AMD64,), digest(14), 1, "other"),
)
SOURCE = published(lock(*BOTH), OLD, OLD_CACHES)
ONE = published(lock(AMD64), OLD[:1], OLD_CACHES[:1])
NEW_APP = Cache("app", (AMD64,), digest(23), 1, "app")


def pushed(*images: Descriptor, index: int = 90, caches: tuple[Cache, ...] = ()) -> PushedImage:
    attested = tuple(attestation(300 + n, each) for n, each in enumerate(images))
    by_platform = {str(each.platform): each for each in images}
    return PushedImage(digest(index), by_platform, attested, {}, caches)


def bundle_of(raw: bytes | None) -> Bundle:
    index = parse_index(raw or b"")
    assert index, raw
    return read_bundle(index, digest_of(raw or b""))


def both(decision: Decision, **more: Any) -> DepsPlan:
    return deps_plan(
        decision, SOURCE, image=pair_deps(*BOTH), lock=lock(*BOTH, state="two"), **more
    )


SHARED = (("deps", 31, ""), ("app", 32, "app"))


def digests(caches: tuple[Cache, ...]) -> list[str]:
    return [cache.digest for cache in caches]


def test_a_rebuild_is_an_index_of_images_caches_and_lock() -> None:
    cache = Cache("deps", (AMD64,), digest(21), 1)
    made = deps_outcome(deps_plan(), pushed(image(5, AMD64), caches=(cache,)))
    assert made.changed
    assert made.deps_image == DepsImage("acme/web", digest(90), {AMD64: digest(5)})
    bundle = bundle_of(made.bundle([NEW_APP]))
    assert bundle.images == {AMD64: image(5, AMD64)}
    assert bundle.attestations == (attestation(300, image(5, AMD64)),)
    assert bundle.caches == (NEW_APP, cache)
    found = from_annotations(bundle.annotations)
    assert getattr(found, "keys", None) == lock(AMD64).keys


def test_annotations_of_the_image_are_kept_beside_the_lock() -> None:
    image_ = replace(pushed(image(5, AMD64)), annotations={"org.x": "y", "dev.whalebuild.key": "z"})
    annotations = bundle_of(deps_outcome(deps_plan(), image_).bundle([])).annotations
    assert annotations["org.x"] == "y"
    assert annotations["dev.whalebuild.key"] == lock(AMD64).key


def test_a_rebuild_drops_caches_of_the_images_before() -> None:
    """The application's is keyed on the old image, the dependencies' was imported and renewed."""
    made = deps_outcome(
        deps_plan(REBUILD, ONE),
        pushed(image(5, AMD64), caches=(Cache("deps", (AMD64,), digest(21), 1),)),
    )
    assert digests(bundle_of(made.bundle([])).caches) == [digest(21)]


def test_platforms_that_are_not_stale_stay_as_they_are() -> None:
    made = deps_outcome(
        both(Decision(DepsAction.REBUILD, platforms=(ARM64,))), pushed(image(6, ARM64))
    )
    assert made.deps_image.images == {AMD64: digest(1), ARM64: digest(6)}
    bundle = bundle_of(made.bundle([NEW_APP]))
    assert {p: i.digest for p, i in bundle.images.items()} == made.deps_image.images
    assert [a.attests for a in bundle.attestations] == [digest(1), digest(6)]
    assert digests(bundle.caches) == [NEW_APP.digest, digest(11)]


def test_platforms_that_nobody_asks_for_any_more_go() -> None:
    wanted = deps_plan(REBUILD, SOURCE, lock=lock(AMD64, state="two"))
    assert set(bundle_of(deps_outcome(wanted, pushed(image(5, AMD64))).bundle([])).images) == {
        AMD64
    }


def test_of_a_cache_for_several_platforms_what_others_need_is_kept() -> None:
    """One platform is built anew, or its cache is: the cache goes on to serve the other one."""
    shared = [Cache(role, BOTH, digest(n), 1, name) for role, n, name in SHARED]
    source = published(lock(*BOTH), (image(1, AMD64), image(2, ARM64)), tuple(shared))
    wanted, new = pair_deps(*BOTH), Cache("app", (ARM64,), digest(33), 1, "app")
    stale = deps_plan(
        Decision(DepsAction.REBUILD, platforms=(ARM64,)), source, image=wanted, lock=lock(*BOTH)
    )
    again = deps_outcome(stale, pushed(image(6, ARM64))).bundle([new])
    assert [(c.digest, c.platforms) for c in bundle_of(again).caches] == [
        (digest(33), (ARM64,)),
        (digest(31), (AMD64,)),
    ]
    reused = deps_outcome(deps_plan(REUSE, source, image=wanted, lock=lock(*BOTH)), None).bundle(
        [new]
    )
    assert {(c.digest, c.platforms) for c in bundle_of(reused).caches} == {
        (digest(31), BOTH),
        (digest(32), (AMD64,)),
        (digest(33), (ARM64,)),
    }


def test_a_platform_that_the_pair_is_not_for_any_more_is_dropped() -> None:
    plan = deps_plan(REUSE, SOURCE, image=pair_deps(AMD64), lock=lock(AMD64), surplus=(ARM64,))
    made = deps_outcome(plan, None)
    bundle = bundle_of(made.bundle([]))
    assert {p: i.digest for p, i in bundle.images.items()} == {AMD64: digest(1)}
    assert {p for cache in bundle.caches for p in cache.platforms} == {AMD64}
    assert getattr(from_annotations(bundle.annotations), "keys", None) == lock(AMD64).keys
    assert bundle_of(made.bundle([], "elsewhere/web")).caches == ()


def test_all_platforms_pushed_by_tag_take_the_place_of_all() -> None:
    plan = both(Decision(DepsAction.REBUILD, platforms=(ARM64,)))
    made = deps_outcome(plan, pushed(image(5, AMD64), image(6, ARM64)))
    images = bundle_of(made.bundle([])).images
    assert {p: i.digest for p, i in images.items()} == {AMD64: digest(5), ARM64: digest(6)}


def test_a_reuse_publishes_nothing() -> None:
    made = deps_outcome(deps_plan(REUSE, SOURCE), None)
    assert not made.changed
    assert made.deps_image == DepsImage(
        "acme/web", SOURCE.bundle.digest, {AMD64: digest(1), ARM64: digest(2)}
    )
    assert made.bundle([]) is None


@pytest.mark.parametrize(
    ("new", "kept"),
    [
        (NEW_APP, [digest(23), digest(14), digest(11), digest(12)]),
        (
            replace(NEW_APP, platforms=(ARM64,)),
            [digest(13), digest(23), digest(14), digest(11), digest(12)],
        ),
        (replace(NEW_APP, platforms=BOTH), [digest(23), digest(14), digest(11), digest(12)]),
        (
            replace(NEW_APP, target="third"),
            [digest(13), digest(14), digest(23), digest(11), digest(12)],
        ),
    ],
    ids=["its own again", "of another platform", "of more platforms", "of another application"],
)
def test_a_reuse_takes_in_an_applications_cache(new: Cache, kept: list[str]) -> None:
    made = deps_outcome(deps_plan(REUSE, SOURCE), None)
    bundle = bundle_of(made.bundle([new]))
    assert digests(bundle.caches) == kept
    assert bundle.images == SOURCE.bundle.images
    assert bundle.attestations == SOURCE.bundle.attestations
    assert bundle.annotations == SOURCE.bundle.annotations


def test_an_adopted_bundle_is_published_as_it_is() -> None:
    wanted = pair_deps(*BOTH, references=(Reference("acme/web", "deps-branch"), BUNDLE))
    made = deps_outcome(deps_plan(REUSE, SOURCE, image=wanted, published=(None, SOURCE)), None)
    assert made.bundle([]) == SOURCE.raw
    assert digests(bundle_of(made.bundle([NEW_APP])).caches)[0] == NEW_APP.digest


def test_what_buildkit_says_is_the_same_stays() -> None:
    """Attestations, and so the index, are new with every build."""
    again = pushed(replace(image(1, AMD64), size=1), caches=(Cache("deps", (AMD64,), "x", 1),))
    made = deps_outcome(deps_plan(ASK, ONE), again)
    assert not made.changed
    assert made.deps_image == DepsImage("acme/web", ONE.bundle.digest, {AMD64: digest(1)})
    assert made.bundle([]) is None
    assert deps_outcome(deps_plan(ASK, ONE), again, tagged=True).bundle([]) == ONE.raw
    assert deps_outcome(deps_plan(ASK, ONE, published=(None,)), again).bundle([]) == ONE.raw
    assert digests(bundle_of(made.bundle([NEW_APP])).caches) == [NEW_APP.digest, digest(11)]


@pytest.mark.parametrize(
    ("source", "images"),
    [(ONE, [image(5, AMD64)]), (ONE, [*OLD]), (None, [image(1, AMD64)])],
    ids=["another image", "another platform", "nothing published"],
)
def test_what_buildkit_says_is_new_is_published_without_lock(
    source: Any, images: list[Descriptor]
) -> None:
    made = deps_outcome(deps_plan(ASK, source), pushed(*images))
    assert made.changed
    bundle = bundle_of(made.bundle([]))
    assert bundle.images == {str(each.platform): each for each in images}
    assert bundle.annotations == {}


def test_a_rebuild_that_makes_the_same_image_still_has_a_new_lock() -> None:
    made = deps_outcome(deps_plan(REBUILD, ONE, lock=lock(AMD64, state="two")), pushed(OLD[0]))
    found = from_annotations(bundle_of(made.bundle([])).annotations)
    assert getattr(found, "keys", None) == lock(AMD64, state="two").keys


def test_targets_of_one_image_are_joined() -> None:
    caches = (Cache("deps", (AMD64,), digest(21), 1), Cache("deps", (ARM64,), digest(22), 1))
    one = pushed(image(5, AMD64), index=91, caches=caches[:1])
    other = pushed(image(6, ARM64), index=92, caches=caches[1:])
    whole = one.joined(other)
    assert (whole.index, whole.digests) == (digest(92), {AMD64: digest(5), ARM64: digest(6)})
    assert whole.caches == caches
    assert [each.attests for each in whole.attestations] == [digest(5), digest(6)]


STAND = DepsImage("acme/web", digest(9), {AMD64: digest(1)})


def test_an_application_says_how_it_was_made() -> None:
    made_of = material(AMD64, labels={"a": "b"})
    image_ = replace(pushed(image(5, AMD64)), annotations={"org.x": "y"})
    app = app_plan(material=made_of)
    raw = app_index(image_, app, STAND)
    index = parse_index(raw)
    assert index
    assert (index.images, index.attestations) == (image_.images, image_.attestations)
    assert index.annotations["org.x"] == "y"
    record = AppRecord(made_of.key(STAND.images), STAND.images, made_of.bases)
    assert index.annotations.items() >= record.as_annotations().items()
    assert app_index(image_, app, STAND) == raw


@pytest.mark.parametrize(
    ("made_of", "deps_image"),
    [(None, STAND), (material(AMD64), None)],
    ids=["inputs", "dependencies"],
)
def test_an_application_of_unknown_origin_has_no_record(
    made_of: Any, deps_image: DepsImage | None
) -> None:
    app = app_plan(material=made_of)
    index = parse_index(app_index(pushed(image(5, AMD64)), app, deps_image))
    assert index
    assert index.annotations == {}
