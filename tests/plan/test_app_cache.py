from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.plans import LATEST, digest, image, pair_app
from tests.support.platforms import AMD64, ARM64
from whalebuild.bakefile.images import BuildOptions, Portion
from whalebuild.bundle.build_inputs import BuildInputs, BuildRecord
from whalebuild.bundle.index import Bundle, Cache
from whalebuild.bundle.published import PublishedApp
from whalebuild.oci.manifest import INDEX_TYPE, Manifest
from whalebuild.plan.app_cache import AppCache, app_cache

FINAL, CODE = "Dockerfile: stage final", "COPY app.py ."
ONE = BuildInputs({FINAL: "1"}, {"arg V": "1"}, {CODE: "1"})
TWO = BuildInputs({FINAL: "2"}, {"arg V": "2"}, {CODE: "2"})
CODE_TWO = replace(ONE, files={CODE: "2"})
NONE = BuildInputs()


def cache(*platforms: str, inputs: BuildInputs = ONE, target: str = "app") -> Cache:
    return Cache("app", platforms or (AMD64,), digest(7), 5, target, inputs)


def decide(
    *caches: Cache,
    inputs: BuildInputs = ONE,
    last: BuildRecord | None = None,
    platforms: tuple[str, ...] = (AMD64,),
    options: BuildOptions | None = None,
) -> AppCache:
    images = {p: image(1, p) for p in platforms or (AMD64,)}
    bundle = Bundle(digest(9), images, caches=caches)
    found = PublishedApp(LATEST, Manifest(b"", INDEX_TYPE, digest(8)), {}, None)
    published = replace(found, build=last) if last else None
    return app_cache(pair_app(*platforms), bundle, published, inputs, options or BuildOptions())


def test_a_cache_of_the_same_inputs_may_serve() -> None:
    assert decide(cache(), last=BuildRecord(ONE)) == AppCache(record=BuildRecord(ONE))


@pytest.mark.parametrize(
    ("caches", "reason"),
    [
        ((), "there is none for linux/amd64"),
        ((cache(target="other"),), "there is none for linux/amd64"),
        ((cache(inputs=NONE),), "it does not say what it was made with"),
        ((cache(inputs=TWO),), f"{FINAL} changed"),
    ],
    ids=["none", "another application's", "of an earlier version", "other instructions"],
)
def test_a_cache_that_does_not_fit_says_why(caches: tuple[Cache, ...], reason: str) -> None:
    assert decide(*caches).stale[0] == reason


def test_every_input_that_differs_is_named_once() -> None:
    found = decide(cache(AMD64, inputs=TWO), cache(ARM64, inputs=TWO), platforms=(AMD64, ARM64))
    assert found.stale == (f"{FINAL} changed", "arg V changed")
    assert found.files == (CODE,)


def test_every_platform_needs_a_cache() -> None:
    both = (AMD64, ARM64)
    assert decide(cache(*both), platforms=both).stale == ()
    assert decide(cache(AMD64), cache(ARM64), platforms=both).stale == ()
    assert decide(cache(AMD64), platforms=both).stale == (f"there is none for {ARM64}",)
    here = BuildOptions(portion=Portion((AMD64,), "t"))
    assert decide(cache(AMD64), platforms=both, options=here).stale == ()


def test_without_platforms_those_of_the_dependencies_count() -> None:
    assert decide(cache(), platforms=()).stale == ()
    assert decide(platforms=()).stale == ("there is none for linux/amd64",)


def test_files_alone_are_for_the_build_to_tell() -> None:
    found = decide(cache(), inputs=CODE_TWO, last=BuildRecord(ONE))
    assert (found.stale, found.files) == ((), (CODE,))
    assert found.record == BuildRecord(CODE_TWO, frozenset({CODE}))


def test_inputs_that_cannot_be_told_are_for_the_build_to_tell() -> None:
    found = decide(cache(inputs=NONE), inputs=NONE, last=BuildRecord(missed=True))
    assert found == AppCache(missed=True)


def test_force_renews_every_cache() -> None:
    options = BuildOptions(force=True)
    assert decide(cache(), options=options).stale == ("--force was given",)
    assert decide(cache(), inputs=NONE, options=options).stale == ("--force was given",)


def test_new_dependencies_bring_a_cache_anyway() -> None:
    last = BuildRecord(ONE, missed=True)
    found = PublishedApp(LATEST, Manifest(b"", INDEX_TYPE, digest(8)), {}, None, last)
    made = app_cache(pair_app(AMD64), None, found, TWO, BuildOptions(force=True))
    assert (made.stale, made.record.changed) == ((), {FINAL, "arg V", CODE})
