"""Partial bakes on several machines, and the merge that publishes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest

from tests.fakes import AMD64, ARM64, BUILDER, GOOD_FACTS, outcome
from tests.workflows.partial import BOTH, Document, Farm, bake_part
from tests.workflows.world import APP, DEPS, UNKNOWN, World, actions, app_of, bundle_of
from whalebuild.core.errors import ExitCode, UsageError, VerificationError, WhalebuildError
from whalebuild.core.manifests import INDEX_TYPE, Descriptor, Index, parse_index, write_index
from whalebuild.core.references import Reference
from whalebuild.core.request import EngineFacts

DRIVERS = pytest.mark.parametrize("facts", [BUILDER, GOOD_FACTS], ids=["by digest", "by tag"])


def children(world: World, text: str) -> list[tuple[str, str, int, object]]:
    """An index without its attestations, whose digests are of every push's own."""
    index = parse_index(world.registry.at(text).raw)
    assert index
    return [
        (str(child.platform), child.digest, child.size, dict(child.annotations))
        for child in index.manifests
        if not child.attests
    ] + [("annotations", "", 0, dict(index.annotations))]


def single() -> World:
    """The same by one bake of both platforms."""
    world = Farm().another()
    world.bake()
    return world


def merged(farm: Farm | None = None) -> Farm:
    farm = farm or Farm()
    farm.bake()
    farm.merge()
    return farm


@DRIVERS
def test_two_parts_are_the_indexes_that_one_bake_makes(facts: EngineFacts) -> None:
    farm = Farm(facts=facts)
    farm.bake()
    # Nothing is published yet.
    staged = [tag for tag in farm.tags if tag.startswith("whalebuild-staging-")]
    assert farm.tags == staged
    assert bool(staged) is (facts is GOOD_FACTS)
    result = farm.merge()
    assert farm.tags == ["deps", "latest"]
    assert farm.said == []
    alone = single()
    ours = farm.worlds[AMD64]
    for tag in (DEPS, APP):
        assert children(ours, tag) == children(alone, tag)
        assert len(bundle_of(ours, tag).attestations) == 2
    assert farm.registry.puts == [DEPS, APP]
    assert actions(result) == {"app-deps": "built", "app": "built"}
    assert [target.platforms for target in result.targets] == [BOTH, BOTH]
    assert [t.digest for t in result.targets] == [farm.registry.at(t).digest for t in (DEPS, APP)]
    assert result.published
    # Who bakes next has nothing to do.
    assert actions(farm.another().bake()) == {"app-deps": "reused", "app": "unchanged"}
    assert farm.registry.puts == []


def test_each_machine_builds_its_own_platform_alone() -> None:
    farm = Farm()
    farm.bake()
    for platform, world in farm.worlds.items():
        name = platform.replace("/", "-")
        assert world.engine.built == [[f"app-deps_{name}"], [f"app_{name}"]]
        assert all(t["platforms"] == [platform] for t in world.engine.targets(1).values())
    # The order of files does not matter.
    farm.merge(farm.documents[AMD64], farm.documents[ARM64])
    one = farm.registry.at(DEPS).digest
    farm.merge(farm.documents[ARM64], farm.documents[AMD64])
    assert farm.registry.at(DEPS).digest == one


def test_one_machine_may_build_several_platforms() -> None:
    farm = Farm(facts=GOOD_FACTS)
    document = bake_part(farm.worlds[AMD64])
    assert document["platforms"] == list(BOTH)
    farm.merge(document)
    assert farm.tags == ["deps", "latest"]
    assert children(farm.worlds[AMD64], DEPS) == children(single(), DEPS)


@DRIVERS
def test_after_a_code_change_a_part_pushes_its_application_alone(facts: EngineFacts) -> None:
    farm = merged(Farm(facts=facts))
    before = farm.registry.at(DEPS).digest
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake()
    for platform, world in farm.worlds.items():
        assert world.engine.built == [[f"app_{platform.replace('/', '-')}"]]
        deps, app = farm.documents[platform]["images"]
        assert (deps["action"], deps["pushed"]) == ("reuse", [])
        assert deps["source"] == f"{DEPS}@{before}"
        assert len(app["pushed"]) == 1
    assert actions(farm.merge()) == {"app-deps": "reused", "app": "built"}
    assert farm.registry.puts == [APP]
    assert farm.registry.at(DEPS).digest == before
    assert farm.tags == ["deps", "latest"]


def test_parts_with_nothing_to_do_are_parts_too() -> None:
    farm = merged()
    before = dict(farm.registry.tags)
    farm.bake()
    assert all(world.engine.baked == [] for world in farm.worlds.values())
    assert all(not i["pushed"] for d in farm.documents.values() for i in d["images"])
    assert actions(farm.merge()) == {"app-deps": "reused", "app": "unchanged"}
    assert (farm.registry.puts, farm.registry.tags) == ([], before)


def test_an_image_that_is_not_for_a_machines_platform_is_none_of_its_business() -> None:
    farm = Farm()
    for world in farm.worlds.values():
        world.settings = replace(world.settings, platform=())
        world.targets(
            api={"tags": ["acme/api:latest"], "platforms": list(BOTH)},
            job={"tags": ["acme/job:latest"], "platforms": [AMD64], "args": {"A": "1"}},
        )
    farm.bake()
    assert farm.worlds[ARM64].engine.built == [["api-deps_linux-arm64"], ["api_linux-arm64"]]
    result = farm.merge()
    assert {t.target: t.platforms for t in result.targets} == {
        **dict.fromkeys(("api-deps", "api"), BOTH),
        **dict.fromkeys(("job-deps", "job"), (AMD64,)),
    }
    assert set(actions(farm.worlds[ARM64].bake()).values()) == {"reused", "unchanged"}


def test_a_further_tag_is_set_by_the_merge_alone() -> None:
    farm = merged()
    farm.bake(extra_tags=("v1",))
    assert farm.tags == ["deps", "latest"]
    assert actions(farm.merge()) == {"app-deps": "reused", "app": "tagged"}
    assert farm.registry.puts == ["acme/web:v1"]
    assert farm.registry.at("acme/web:v1") == farm.registry.at(APP)


def test_the_published_platform_is_kept_where_only_the_other_is_new() -> None:
    farm = Farm()
    first = farm.another()
    first.set(platform=(AMD64,))
    first.bake()
    before = bundle_of(first)
    farm.bake()
    assert farm.worlds[AMD64].engine.built == [["app_linux-amd64"]]
    farm.merge()
    after = bundle_of(first)
    assert after.images[AMD64] == before.images[AMD64]
    assert list(after.images) == list(BOTH)
    # No cache is lost: those of the kept platform are in the new bundle, too.
    roles = {(cache.role, cache.platforms) for cache in after.caches}
    assert roles == {(role, (p,)) for role in ("app", "deps") for p in BOTH}
    assert actions(farm.another().bake()) == {"app-deps": "reused", "app": "unchanged"}


def test_dependencies_whose_inputs_cannot_be_told_are_merged_with_a_warning() -> None:
    farm = Farm()
    farm.each(lambda world: setattr(world.tree, "text", UNKNOWN))
    farm.bake()
    farm.merge()
    assert len(farm.said) == 1
    assert farm.said[0].startswith("warning: app-deps: whether all parts were made from the same")
    assert list(bundle_of(farm.worlds[AMD64]).images) == list(BOTH)
    before = farm.registry.at(DEPS).digest
    # The same came out once more: it stays.
    farm.bake()
    assert farm.worlds[AMD64].engine.built[0] == ["app-deps_linux-amd64"]
    result = farm.merge()
    assert actions(result)["app-deps"] == "reused"
    assert farm.registry.at(DEPS).digest == before


def test_a_scope_takes_the_defaults_dependencies_over() -> None:
    farm = merged()
    farm.each(lambda world: world.set(scope="x"))
    farm.bake()
    farm.merge()
    assert farm.tags == ["deps", "latest", "x", "x-deps"]
    alone = single()
    alone.set(scope="x")
    alone.bake()
    for tag in ("acme/web:x-deps", "acme/web:x"):
        assert children(farm.worlds[AMD64], tag) == children(alone, tag)


def test_a_second_merge_changes_nothing() -> None:
    farm = merged()
    before = dict(farm.registry.tags)
    farm.merge()
    assert farm.registry.tags == before
    assert farm.said == []


def test_a_bake_that_fails_leaves_no_tag() -> None:
    farm = Farm(facts=GOOD_FACTS)
    world = farm.worlds[ARM64]
    world.engine.drops = (ARM64,)
    with pytest.raises(VerificationError):
        bake_part(world, ARM64)
    assert farm.tags == []


def test_tags_that_stay_are_told() -> None:
    farm = Farm(facts=GOOD_FACTS)
    farm.bake()
    staging = [tag for platform in reversed(BOTH) for tag in farm.documents[platform]["staging"]]
    farm.registry.delete_manifest = lambda _: False  # type: ignore[method-assign]
    result = farm.merge()
    assert result.warnings == tuple(
        f"{tag} is left over: the registry deletes no tags" for tag in staging
    )
    assert len(staging) == 4
    assert len(farm.tags) == 6


# --- what others do meanwhile ---


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


# --- what does not fit ---


def test_other_inputs_are_refused_by_name() -> None:
    for change, named in (
        ({"requirements.txt": "x==2\n"}, '"app-deps" from different inputs: requirements.txt'),
        ({"app.py": "2\n"}, '"app" from different inputs: app.py changed'),
    ):
        farm = Farm()
        farm.worlds[ARM64].tree.write(**change)
        farm.bake()
        failed = outcome(farm.merge)
        assert isinstance(failed, VerificationError)
        assert failed.what.startswith("linux/arm64.json and linux/amd64.json made ")
        assert named in failed.what
        assert farm.tags == []


def test_a_label_that_is_new_in_each_job_is_refused_by_name() -> None:
    farm = Farm()
    for number, world in enumerate(farm.worlds.values()):
        labels = {"created": f"at {number}", "same": "1"}
        world.targets(app={"tags": [APP], "labels": labels})
    farm.bake()
    failed = outcome(farm.merge)
    assert isinstance(failed, VerificationError)
    assert failed.what.endswith('made "app" from different inputs: label created differs')


def test_a_base_image_that_has_moved_between_the_parts_is_refused_by_name() -> None:
    farm = Farm()
    farm.worlds[AMD64].base(content=b"one")
    farm.bake(AMD64)
    farm.worlds[AMD64].base(content=b"two")
    farm.bake(ARM64)
    with pytest.raises(VerificationError, match="base debian moved"):
        farm.merge()


def test_the_builders_own_platform_is_no_difference() -> None:
    farm = Farm()
    text = (
        "FROM --platform=$BUILDPLATFORM debian AS tools\nARG BUILDARCH\nRUN get $BUILDARCH\n"
        "FROM debian AS dependencies\nCOPY --from=tools /x /x\nFROM dependencies\n"
    )
    for platform, world in farm.worlds.items():
        world.tree.text = text
        world.engine.answer_facts = EngineFacts("ci", "remote", True, platform)
    merged(farm)
    assert farm.tags == ["deps", "latest"]
    # Each machine finds its own platform as it left it.
    for platform in BOTH:
        deps, _ = bake_part(farm.worlds[platform], platform)["images"]
        assert [p for task in deps["pushed"] for p in task["platforms"]] == []


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ((AMD64,), VerificationError, "the part for linux/arm64 is missing"),
        ((AMD64, ARM64, AMD64), UsageError, "linux/amd64.json and linux/amd64.json are both for"),
    ],
)
def test_each_platform_has_to_be_there_once(
    given: tuple[str, ...], kind: type[WhalebuildError], said: str
) -> None:
    farm = Farm()
    farm.bake()
    failed = outcome(lambda: farm.merge(*(farm.documents[p] for p in given)))
    assert isinstance(failed, kind)
    assert said in failed.what
    assert farm.tags == []


OTHERS: list[tuple[str, Callable[[World], object]]] = [
    (
        "linux/arm64.json is of scope x, linux/amd64.json of (none)",
        lambda world: world.set(scope="x"),
    ),
    (
        "is for linux/arm64 in linux/arm64.json, linux/amd64, ",
        lambda world: world.set(platform=(ARM64,)),
    ),
    (
        "published as acme/api:deps in linux/arm64.json, acme/web:deps in linux/amd64",
        lambda w: w.targets(app={"tags": ["acme/api:latest"]}),
    ),
    (
        "linux/arm64.json is of web-deps, web, linux/amd64.json of app-deps",
        lambda w: w.targets(web={"tags": [APP]}),
    ),
]


@pytest.mark.parametrize(("said", "change"), OTHERS, ids=[said for said, _ in OTHERS])
def test_parts_of_different_bakes_are_refused(said: str, change: Callable[[World], object]) -> None:
    farm = Farm()
    change(farm.worlds[ARM64])
    farm.bake()
    failed = outcome(farm.merge)
    assert isinstance(failed, UsageError)
    assert said in str(failed.cause)
    assert farm.tags == []


def test_what_the_registry_has_lost_is_refused_with_the_file() -> None:
    for number in (0, 1):
        farm = Farm()
        farm.bake()
        digest = farm.documents[ARM64]["images"][number]["pushed"][0]["digest"]
        del farm.registry.manifests["acme/web", digest]
        failed = outcome(farm.merge)
        assert isinstance(failed, VerificationError)
        assert failed.what.startswith("linux/arm64.json: ")
        assert digest in failed.what
        assert "bake linux/arm64 again" in str(failed.next_step)
        assert farm.tags == []


def test_reused_dependencies_that_the_registry_has_lost_are_refused() -> None:
    farm = merged()
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake()
    before = dict(farm.registry.tags)
    digest = bundle_of(farm.worlds[AMD64]).images[ARM64].digest
    del farm.registry.manifests["acme/web", digest]
    with pytest.raises(VerificationError, match=f"arm64.json: the registry does not have {digest}"):
        farm.merge()
    assert farm.registry.tags == before


def test_a_cache_that_is_gone_costs_the_cache_alone() -> None:
    farm = Farm()
    farm.bake()
    digest = farm.documents[ARM64]["images"][0]["pushed"][0]["cache"]["digest"]
    del farm.registry.manifests["acme/web", digest]
    farm.merge()
    assert len(farm.said) == 1
    assert "the cache of app-deps_linux-arm64 did not arrive" in farm.said[0]
    assert farm.tags == ["deps", "latest"]


def test_a_size_and_a_platform_are_taken_from_the_registry_and_not_from_the_file() -> None:
    farm = Farm()
    farm.bake()
    edited = deepcopy(farm.documents[ARM64])
    edited["images"][0]["pushed"][0]["cache"]["size"] = 7
    farm.merge(farm.documents[AMD64], edited)
    assert children(farm.worlds[AMD64], DEPS) == children(single(), DEPS)
    # The other platform's image in the place of this one's.
    theirs = farm.documents[AMD64]["images"][1]["pushed"][0]["digest"]
    edited["images"][1]["pushed"][0]["digest"] = theirs
    before = dict(farm.registry.tags)
    with pytest.raises(VerificationError, match="lacks linux/arm64"):
        farm.merge(farm.documents[AMD64], edited)
    assert farm.registry.tags == before


def another_index(farm: Farm, *children: Descriptor) -> str:
    raw = write_index(children, {})
    return farm.registry.keep(Reference("acme/web"), raw, INDEX_TYPE)


def test_an_index_that_says_another_platform_than_the_image_is_refused() -> None:
    farm = Farm()
    farm.bake()
    theirs = farm.documents[AMD64]["images"][1]["pushed"][0]["digest"]
    index = parse_index(farm.registry.manifests["acme/web", theirs].raw)
    assert index
    lying = another_index(farm, replace(index.images[AMD64], platform=ARM64))
    farm.documents[ARM64]["images"][1]["pushed"][0]["digest"] = lying
    with pytest.raises(VerificationError, match="is for linux/amd64, and its index says linux/arm"):
        farm.merge()
    assert farm.tags == []


def test_an_index_with_more_than_the_part_says_is_refused() -> None:
    farm = Farm()
    farm.bake()
    indexes = [
        parse_index(farm.registry.manifests["acme/web", d["images"][1]["pushed"][0]["digest"]].raw)
        for d in (farm.documents[platform] for platform in BOTH)
    ]
    both = another_index(farm, *(i.images[p] for i, p in zip(indexes, BOTH, strict=True) if i))
    farm.documents[ARM64]["images"][1]["pushed"][0]["digest"] = both
    with pytest.raises(VerificationError, match="is for linux/amd64, linux/arm64"):
        farm.merge()
    assert farm.tags == []


def test_an_application_on_other_dependencies_is_refused() -> None:
    farm = Farm()
    farm.bake()
    edited = deepcopy(farm.documents[ARM64])
    edited["images"][0]["stands_on"][ARM64] = f"sha256:{'9' * 64}"
    with pytest.raises(VerificationError, match=r"linux/arm64\.json: .* is not sha256:999"):
        farm.merge(farm.documents[AMD64], edited)
    assert farm.tags == []


def test_no_edit_of_a_file_ends_in_anything_but_a_message_or_whole_tags() -> None:
    farm = merged()
    farm.each(lambda world: world.tree.write(**{"app.py": "2\n"}))
    farm.bake()
    before = dict(farm.registry.tags)
    tried = 0
    for edited in edits(farm.documents[ARM64]):
        tried += 1
        made = outcome(lambda: farm.merge(farm.documents[AMD64], edited))  # noqa: B023
        if isinstance(made, WhalebuildError):
            assert made.exit_code in {ExitCode.USAGE, ExitCode.UNVERIFIED}, (edited, made)
            assert farm.registry.tags == before, edited
        for tag in (DEPS, APP):
            assert list(bundle_of(farm.worlds[AMD64], tag).images) == list(BOTH), edited
        farm.registry.tags = dict(before)
    assert tried > 300


def edits(document: Document) -> list[Document]:
    """The document with each of its values replaced by others, one at a time."""
    paths: list[tuple[object, ...]] = []

    def walk(value: object, path: tuple[object, ...]) -> None:
        paths.append(path)
        items = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]
        for key, item in items:
            if isinstance(item, dict | list):
                walk(item, (*path, key))
            else:
                paths.append((*path, key))

    walk(document, ())
    made = []
    for path in paths[1:]:
        for value in (None, 0, -1, True, "", "x", "a/b:c", [], {}, ["x"], {"x": "y"}, "\x1b[2J"):
            copy = json.loads(json.dumps(document))
            at = copy
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value
            made.append(copy)
    return made
