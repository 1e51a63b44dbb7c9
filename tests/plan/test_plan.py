from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.builders import GOOD_FACTS
from tests.support.plans import (
    ASK,
    BUNDLE,
    REBUILD,
    REUSE,
    app_plan,
    deps_plan,
    digest,
    image,
    lock,
    pair_app,
    pair_deps,
    plan,
    published,
)
from tests.support.platforms import AMD64, ARM64
from whalebuild.bakefile.images import BuildOptions
from whalebuild.bakefile.target import Target
from whalebuild.bundle.index import Cache
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.plan.definition import NO_DIGEST, CacheExport
from whalebuild.plan.pins import DepsImage
from whalebuild.plan.plan import AppAction, Plan

BOTH = (AMD64, ARM64)
CACHES = (
    Cache("deps", (AMD64,), digest(11), 1),
    Cache("deps", (ARM64,), digest(12), 1),
    Cache("app", (AMD64,), digest(13), 1, "app"),
    Cache("app", (ARM64,), digest(14), 1, "app"),
    Cache("app", (AMD64,), digest(15), 1, "other"),
)
SOURCE = published(lock(*BOTH), (image(1, AMD64), image(2, ARM64)), CACHES)
STAND = DepsImage("acme/web", digest(9), {AMD64: digest(1), ARM64: digest(2)})
LOAD, READ_ONLY = BuildOptions(load=True), BuildOptions(read_only=True)


def refs(target: dict[str, Any], key: str) -> list[str]:
    return [entry["ref"].partition("@")[2] for entry in target.get(key, ())]


def two(decision: Decision, **more: Any) -> Plan:
    """A plan for two platforms."""
    deps = deps_plan(decision, SOURCE, image=pair_deps(*BOTH), lock=lock(*BOTH))
    return plan(deps, app_plan(image=pair_app(*BOTH)), **more)


@pytest.mark.parametrize(
    ("platforms", "own", "expected"),
    [
        ((AMD64,), None, {"deps": digest(1)}),
        ((ARM64,), AMD64, {"deps": digest(2)}),
        ((), ARM64, {"deps": digest(2)}),
        ((), None, {"deps": digest(9)}),
        (BOTH, AMD64, {f"deps::{AMD64}": digest(1), f"deps::{ARM64}": digest(2)}),
        (("linux/s390x",), AMD64, {"deps": digest(9)}),
        ((AMD64, "linux/s390x"), AMD64, {"deps": digest(9)}),
    ],
    ids=["one", "another", "its own", "not known", "several", "not there", "one not there"],
)
def test_an_application_is_pinned_to_the_images_of_its_platforms(
    platforms: tuple[str, ...], own: str | None, expected: dict[str, str]
) -> None:
    found = STAND.contexts(["deps"], platforms, own)
    assert found == {k: f"docker-image://acme/web@{v}" for k, v in expected.items()}


def test_the_only_image_is_pinned_where_no_platform_is_known() -> None:
    found = DepsImage("x", digest(9), {ARM64: digest(2)}).contexts(["a", "b"], (), None)
    assert found == dict.fromkeys(["a", "b"], f"docker-image://x@{digest(2)}")


def test_an_arm_without_variant_is_looked_up_with_the_one_that_it_means() -> None:
    images = {"linux/arm": digest(1), AMD64: digest(2)}
    assert list(DepsImage("x", digest(9), images).contexts(["a"], tuple(images), None)) == [
        "a::linux/arm/v7",
        f"a::{AMD64}",
    ]


def test_dependencies_are_built_with_their_own_cache_and_export_it() -> None:
    deps = deps_plan(REBUILD, SOURCE, contexts={"debian": "docker-image://debian@sha256:1"})
    (target,) = plan(deps).deps_targets(deps, CacheExport())
    attributes = dict(target.attributes)
    assert (target.name, attributes["target"], attributes["platforms"]) == (
        "app-deps",
        "dependencies",
        [AMD64],
    )
    assert attributes["contexts"] == deps.contexts
    caches = refs(attributes, "cache-from"), refs(attributes, "cache-to")
    assert caches == ([digest(11)], [NO_DIGEST])


@pytest.mark.parametrize(
    ("stale", "facts", "names"),
    [
        (BOTH, {}, ["app-deps_linux-amd64", "app-deps_linux-arm64"]),
        ((ARM64,), {}, ["app-deps_linux-arm64"]),
        ((ARM64,), {"facts": GOOD_FACTS}, ["app-deps"]),
    ],
    ids=["all", "one", "one, by tag"],
)
def test_what_is_stale_is_built(
    stale: tuple[str, ...], facts: dict[str, Any], names: list[str]
) -> None:
    made = two(Decision(DepsAction.REBUILD, platforms=stale), **facts)
    assert [target.name for target in made.deps_targets(made.deps[0])] == names


@pytest.mark.parametrize(
    ("decision", "options", "alone", "count"),
    [
        (REUSE, BuildOptions(), False, 0),
        (REUSE, BuildOptions(), True, 0),
        (ASK, BuildOptions(), False, 1),
        (REBUILD, LOAD, False, 0),
        (REBUILD, LOAD, True, 1),
        (REBUILD, READ_ONLY, False, 0),
        (REBUILD, READ_ONLY, True, 1),
        (REUSE, LOAD, True, 0),
    ],
)
def test_dependencies_are_built_where_somebody_needs_them(
    decision: Decision, options: BuildOptions, alone: bool, count: int
) -> None:
    deps = deps_plan(decision, SOURCE)
    made = plan(deps, *(() if alone else (app_plan(),)), options=options)
    assert len(made.deps_targets(deps)) == count


def test_an_application_stands_on_the_image_and_has_its_own_cache_alone() -> None:
    made = two(REUSE)
    targets = made.app_targets(made.apps[0], STAND, CacheExport())
    assert [(target.name, target.platforms) for target in targets] == [
        ("app_linux-amd64", (AMD64,)),
        ("app_linux-arm64", (ARM64,)),
    ]
    for target, image_digest, cache in zip(targets, (1, 2), (13, 14), strict=True):
        attributes = dict(target.attributes)
        pin = f"docker-image://acme/web@{digest(image_digest)}"
        assert attributes["contexts"] == {"dependencies": pin}
        assert refs(attributes, "cache-from") == [digest(cache)]
        assert refs(attributes, "cache-to") == [NO_DIGEST]


def test_by_tag_it_stands_on_the_images_of_all_platforms() -> None:
    made = two(REUSE, facts=GOOD_FACTS)
    (target,) = made.app_targets(made.apps[0], STAND)
    attributes = dict(target.attributes)
    assert attributes["contexts"] == {
        f"dependencies::{AMD64}": f"docker-image://acme/web@{digest(1)}",
        f"dependencies::{ARM64}": f"docker-image://acme/web@{digest(2)}",
    }
    assert refs(attributes, "cache-from") == [digest(13), digest(14)]


def test_what_the_bake_file_links_a_pinned_stage_to_is_left_out() -> None:
    """Buildx would build that target, too."""
    linked = pair_app(*BOTH, contexts={"dependencies": "target:deps", "tools": "target:tools"})
    made = two(REUSE)
    (app,) = made.apps
    targets = made.app_targets(replace(app, image=linked), STAND)
    for target in targets:
        assert "target:deps" not in target.attributes["contexts"].values()
        assert target.attributes["contexts"]["tools"] == "target:tools"


@pytest.mark.parametrize(
    ("deps_image", "pins", "cache"),
    [(None, ("dependencies",), 11), (STAND, (), 13)],
    ids=["dependencies are not published", "it is never pinned"],
)
def test_one_that_builds_the_dependencies_itself_has_the_cache_that_has_their_steps(
    deps_image: DepsImage | None, pins: tuple[str, ...], cache: int
) -> None:
    """And no other: what one has hides what comes after it in the other."""
    app = app_plan(pins=pins, contexts={"debian": "docker-image://debian@sha256:1"})
    made = plan(deps_plan(REBUILD, SOURCE), app)
    (target,) = made.app_targets(app, deps_image)
    attributes = dict(target.attributes)
    assert attributes["contexts"] == app.contexts
    assert refs(attributes, "cache-from") == [digest(cache)]


def test_without_platforms_the_builders_own_decides() -> None:
    app = app_plan(image=pair_app())
    made = plan(deps_plan(REUSE, SOURCE, image=pair_deps()), app)
    (target,) = made.app_targets(app, STAND)
    assert "platforms" not in target.attributes
    assert target.attributes["contexts"]["dependencies"].endswith(digest(1))
    assert refs(dict(target.attributes), "cache-from") == [digest(13)]


def test_a_preview_of_a_rebuild_links_the_application_to_its_dependencies() -> None:
    made = plan(deps_plan(), app_plan(), all_targets={"unrelated": Target("unrelated", {})})
    definition = made.preview()
    assert definition["group"]["default"]["targets"] == ["app-deps", "app"]
    assert list(definition["target"]) == ["app-deps", "app"]
    app = definition["target"]["app"]
    assert app["contexts"] == {"dependencies": "target:app-deps"}
    assert [refs(t, "cache-to") for t in definition["target"].values()] == [[NO_DIGEST]] * 2


def test_a_preview_of_a_reuse_has_the_application_alone_and_exports_nothing() -> None:
    made = plan(deps_plan(REUSE, SOURCE), app_plan())
    (name, attributes), *others = made.preview()["target"].items()
    assert (name, others) == ("app", [])
    pin = f"docker-image://acme/web@{digest(1)}"
    assert (attributes["contexts"], refs(attributes, "cache-to")) == ({"dependencies": pin}, [])


@pytest.mark.parametrize("action", [AppAction.TAG, AppAction.NOTHING])
def test_a_preview_leaves_out_what_is_not_built(action: AppAction) -> None:
    assert plan(deps_plan(REUSE, SOURCE), app_plan(action)).preview()["target"] == {}


@pytest.mark.parametrize("options", [LOAD, READ_ONLY], ids=["load", "read-only"])
def test_a_preview_without_publishing_builds_the_stage_in_place(options: BuildOptions) -> None:
    target = plan(deps_plan(), app_plan(), options=options).preview()["target"]
    assert list(target) == ["app"]
    assert "contexts" not in target["app"]


def test_a_preview_of_several_platforms_by_digest_links_nothing() -> None:
    """A linked target is built for the platforms of whoever links to it; targets have one each."""
    made = two(Decision(DepsAction.REBUILD, platforms=BOTH))
    contexts = [target.get("contexts") for target in made.preview()["target"].values()]
    assert contexts == [None, None, None, None]


def test_dependencies_under_a_new_reference_are_adopted() -> None:
    image = pair_deps(AMD64, references=(BUNDLE, Reference("acme/web", "deps-branch")))
    adopted = deps_plan(REUSE, SOURCE, image=image, published=(SOURCE, None))
    assert adopted.adopted
    assert not deps_plan(REUSE, SOURCE).adopted
    assert not deps_plan(REBUILD, None).adopted
