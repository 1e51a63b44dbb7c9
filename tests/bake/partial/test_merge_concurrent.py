"""What others publish between a partial bake and the merge, or between two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.bake import APP, DEPS, actions, app_of, bundle_of
from tests.support.errors import outcome
from tests.support.partial import BOTH, Farm, children, merged, single
from tests.support.platforms import AMD64, ARM64
from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import INDEX_TYPE, Index, parse_index, write_index
from whalebuild.oci.reference import Reference


def test_what_was_published_meanwhile_is_replaced_and_told() -> None:
    farm = Farm()
    farm.bake()
    other = farm.another()
    other.tree.write(**{"requirements.txt": "x==9\n"})
    other.bake()
    farm.merge()
    assert len(farm.said) == 1
    assert "another bake has published acme/web:deps meanwhile" in farm.said[0]
    assert "made from other inputs (requirements.txt changed)" in farm.said[0]
    assert children(other, DEPS) == children(single(), DEPS)


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]])
def test_if_unchanged_refuses_what_moved_since_a_part_was_baked(order: tuple[str, str]) -> None:
    farm = merged()
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake(order[0])
    other = farm.another()
    other.tree.write(**{"app.py": "3\n"})
    other.bake()
    farm.bake(order[1])  # it has seen the other's
    before = dict(farm.registry.tags)
    with pytest.raises(VerificationError, match="acme/web:latest is not what it was"):
        farm.merge(if_unchanged=True)
    assert farm.registry.tags == before
    farm.merge()
    assert actions(farm.worlds[AMD64].bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_reused_dependencies_stay_pinned_where_others_were_published_meanwhile() -> None:
    farm = merged()
    stood_on = bundle_of(farm.worlds[AMD64]).images
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake()
    other = farm.another()
    other.tree.write(**{"requirements.txt": "x==9\n"})
    other.bake()
    theirs = farm.registry.at(DEPS).digest
    farm.merge()
    assert farm.registry.at(DEPS).digest == theirs
    record = app_of(other).record
    assert record
    assert record.deps == {platform: image.digest for platform, image in stood_on.items()}


def test_parts_that_reuse_different_dependencies_are_refused() -> None:
    farm = merged()
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake(AMD64)
    other = farm.another()
    other.engine.salt["app-deps"] = "rebuilt"
    other.bake(no_cache=True)
    farm.bake(ARM64)
    before = dict(farm.registry.tags)
    with pytest.raises(VerificationError, match="not one and the same"):
        farm.merge()
    assert farm.registry.tags == before


def republish(farm: Farm, change: Callable[[Index], Index]) -> str:
    """Have another index under ``:deps``; its digest."""
    index = parse_index(farm.registry.at(DEPS).raw)
    assert index
    changed = change(index)
    raw = write_index(changed.manifests, changed.annotations)
    return farm.registry.keep(Reference("acme/web", "deps"), raw, INDEX_TYPE)


def test_parts_may_reuse_the_same_dependencies_from_two_indexes() -> None:
    farm = merged()
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake(AMD64)
    now = republish(farm, lambda i: replace(i, annotations={**i.annotations, "x": "y"}))
    farm.bake(ARM64)
    result = farm.merge()
    assert farm.registry.puts == [APP]
    assert result.targets[0].digest == farm.registry.at(DEPS).digest == now


def test_reused_dependencies_have_to_be_made_from_what_the_parts_say() -> None:
    farm = merged()
    farm.bake()
    other = Farm()
    other.each(lambda world: world.tree.write(**{"requirements.txt": "x==9\n"}))
    other.bake()
    for platform in BOTH:
        lock = other.documents[platform]["images"][0]["lock"]
        farm.documents[platform]["images"][0]["lock"] = lock
    with pytest.raises(VerificationError, match="not there any more"):
        farm.merge()


def test_only_the_machine_whose_cache_is_missing_exports_it() -> None:
    farm = merged()
    whole = bundle_of(farm.worlds[AMD64]).caches
    (lacking,) = [c.digest for c in whole if (c.role, c.platforms) == ("app", (AMD64,))]
    republish(
        farm,
        lambda i: replace(i, manifests=tuple(c for c in i.manifests if c.digest != lacking)),
    )
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake()
    exported = [
        bool(i["pushed"][0]["cache"]) for i in (farm.documents[p]["images"][1] for p in BOTH)
    ]
    assert exported == [True, False]
    farm.merge()
    after = bundle_of(farm.worlds[AMD64]).caches
    assert {(c.role, c.platforms) for c in after} == {(c.role, c.platforms) for c in whole}


def test_an_application_that_one_part_found_published_is_refused() -> None:
    farm = Farm()
    farm.bake(AMD64)
    farm.another().bake()
    farm.bake(ARM64)
    failed = outcome(farm.merge)
    assert isinstance(failed, VerificationError)
    assert failed.what.startswith("linux/arm64.json: ")
    assert failed.cause == "linux/amd64.json has built it"
