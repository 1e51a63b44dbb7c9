"""Parts that do not fit, and files that say what is not so."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest

from tests.support.bake import APP, DEPS, BakeWorld, bundle_of
from tests.support.errors import outcome
from tests.support.partial import BOTH, Document, Farm, bake_part, children, merged, single
from tests.support.platforms import AMD64, ARM64
from whalebuild.builder.facts import BuilderFacts
from whalebuild.errors import ExitCode, UsageError, VerificationError, WhalebuildError
from whalebuild.oci.manifest import INDEX_TYPE, Descriptor, parse_index, write_index
from whalebuild.oci.reference import Reference


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


def test_a_label_that_is_new_in_each_part_is_refused_by_name() -> None:
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
        world.engine.answer_facts = BuilderFacts("ci", "remote", True, platform)
    merged(farm)
    assert farm.tags == ["deps", "latest"]
    # Each machine finds its own platform as it left it.
    for platform in BOTH:
        deps, _ = bake_part(farm.worlds[platform], platform)["images"]
        assert [p for target in deps["pushed"] for p in target["platforms"]] == []


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


OTHERS: list[tuple[str, Callable[[BakeWorld], object]]] = [
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
def test_parts_of_different_bakes_are_refused(
    said: str, change: Callable[[BakeWorld], object]
) -> None:
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
