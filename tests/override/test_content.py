"""What services are given, and which pair they are built as."""

from __future__ import annotations

import posixpath
from typing import Any

import pytest

from tests.support.builders import BUILDER
from tests.support.plans import (
    ASK,
    BUNDLE,
    REBUILD,
    REUSE,
    app_plan,
    deps_plan,
    digest,
    pair_app,
    plan,
    published,
)
from tests.support.platforms import AMD64, ARM64
from whalebuild.bakefile.images import Role
from whalebuild.bundle.index import Cache
from whalebuild.compose.builds import ServiceBuild
from whalebuild.oci.reference import Reference
from whalebuild.override.content import Given, give
from whalebuild.override.match import candidates
from whalebuild.plan.plan import AppPlan, DepsPlan

OF_DEPS = Cache(Role.DEPS, (AMD64,), digest(8), 10)
OF_APP = Cache(Role.APP, (AMD64,), digest(9), 10, "app")
PYTHON = {"python:3.13": f"docker-image://python:3.13@{digest(7)}"}
SOURCE = published(caches=(OF_DEPS, OF_APP))


def absolute(path: str) -> str:
    return posixpath.normpath(posixpath.join("/shop", path))


def build(**more: Any) -> ServiceBuild:
    return ServiceBuild("web", **{"context": "/shop", **more})


def given(
    service: ServiceBuild,
    deps: DepsPlan | None = None,
    *apps: AppPlan,
    stages: frozenset[str] = frozenset(),
) -> Given:
    deps = deps or deps_plan(REUSE, SOURCE, contexts=PYTHON)
    made = plan(deps, *(apps or (app_plan(),)), facts=BUILDER)
    (found,) = give([service], made, absolute, lambda _: stages)
    return found


def caches(found: Given) -> list[str]:
    return [str(reference.digest) for reference in found.caches]


def test_a_service_gets_caches_and_base_images_by_digest() -> None:
    found = given(build())
    assert (found.target, found.left_out, found.reused) == ("app", "", True)
    assert found.deps == SOURCE.pinned
    assert found.contexts == PYTHON
    assert found.cache_from == (
        f"type=registry,ref={BUNDLE.repository}@{digest(8)}",
        f"type=registry,ref={BUNDLE.repository}@{digest(9)}",
    )


def test_dependencies_that_have_changed_are_said_and_their_caches_still_serve() -> None:
    stale = given(build(), deps_plan(REBUILD, SOURCE))
    assert (stale.reused, stale.reasons, caches(stale)) == (
        False,
        REBUILD.reasons,
        [digest(8), digest(9)],
    )
    unsure = given(build(), deps_plan(ASK, SOURCE))
    assert (unsure.reused, unsure.reasons) == (None, ASK.reasons)


def test_an_application_that_makes_its_dependencies_itself_has_one_cache() -> None:
    alone = app_plan(pins=(), unpinned="it is for other platforms")
    assert caches(given(build(), None, alone)) == [digest(9)]
    none = deps_plan(REUSE, published(caches=(OF_DEPS,)))
    assert caches(given(build(), none, alone)) == [digest(8)]


@pytest.mark.parametrize(
    ("service", "deps", "why"),
    [
        (build(uncached=True), None, "its build has no_cache"),
        (build(context="/other"), None, "no pair of the bake file has its Dockerfile and context"),
        (build(dockerfile="Dockerfile.dev"), None, "no pair of the bake file has its Dockerfile"),
        (build(inline="FROM scratch"), None, "no pair of the bake file has its Dockerfile"),
        (build(context="https://github.com/a/b.git"), None, "no pair of the bake file"),
        (build(), deps_plan(REBUILD, None), "nothing is published yet as "),
        (build(), deps_plan(REUSE, published()), f"has no cache for {AMD64}"),
        (build(platforms=(ARM64,)), None, f"it is built for {ARM64}, and :deps is for {AMD64}"),
        (build(platforms=("a/b/c/d",)), None, "a/b/c/d"),
    ],
)
def test_what_cannot_be_served_is_left_out(
    service: ServiceBuild, deps: DepsPlan | None, why: str
) -> None:
    found = given(service, deps)
    assert why in found.left_out
    assert not found.caches
    assert not found.contexts


def test_contexts_that_somebody_has_named_stay() -> None:
    own = build(contexts={"python:3.13": "docker-image://mine"})
    assert given(own).contexts == {}
    # a context of that name would replace the stage: FROM python AS python
    assert given(build(), stages=frozenset({"python:3.13"})).contexts == {}
    target = pair_app(AMD64, contexts={"python:3.13": "docker-image://theirs"})
    assert given(build(), None, app_plan(image=target)).contexts == {}


def test_other_arguments_are_said() -> None:
    target = pair_app(AMD64, args={"VERSION": "1", "SAME": "x"})
    found = given(build(args={"VERSION": "2", "SAME": "x"}), None, app_plan(image=target))
    assert found.caches
    assert "(VERSION)" in found.notes[0]


def test_the_likeliest_of_several_targets_comes_first() -> None:
    names = {
        "far": app_plan(image=pair_app(AMD64, target="test")),
        "stage": app_plan(image=pair_app(AMD64, target="dev", args={"A": "1"})),
        "exact": app_plan(image=pair_app(AMD64, target="Dev")),
        "elsewhere": app_plan(image=pair_app(AMD64, context="api")),
        "file": app_plan(image=pair_app(AMD64, dockerfile="other/Dockerfile")),
    }
    found = candidates(build(stage="dev"), names.values(), absolute)
    by_plan = {id(app): name for name, app in names.items()}
    assert [by_plan[id(app)] for app in found] == ["exact", "stage", "far"]
    outside = build(context="/shop/api", dockerfile="/shop/api/Dockerfile")
    assert [by_plan[id(a)] for a in candidates(outside, names.values(), absolute)] == ["elsewhere"]


def test_the_image_decides_between_targets_of_one_dockerfile() -> None:
    other = app_plan(image=pair_app(AMD64, references=(Reference("acme/worker", "latest"),)))
    mine = app_plan(image=pair_app(AMD64, references=(Reference("acme/web", "latest"),)))
    found = given(build(image="acme/web:dev"), None, other, mine)
    assert "has the same Dockerfile" in found.notes[0]
    assert candidates(build(image="acme/web:dev"), [other, mine], absolute)[0] is mine
