"""Trouble with the export of a cache never costs a build."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any

import pytest

from tests.support.bake import WEB, BakeWorld
from tests.support.builders import BUILDER
from tests.support.engine import PushingEngine, definition
from tests.support.registry import DENIED
from whalebuild.bundle.index import read_bundle
from whalebuild.errors import BuildError, RefusedError, UnreachableError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.manifest import parse_index
from whalebuild.oci.reference import Reference
from whalebuild.plan.definition import STAGING

EXPORTING = {
    "digest": "sha256:e",
    "name": "exporting cache to registry",
    "started": "2026-01-01T00:00:00Z",
    "completed": "2026-01-01T00:00:01Z",
    "error": "no",
}
WRITING = "ERROR: failed to solve: error writing manifest blob: "
PUT = f"{WRITING}unexpected status from PUT request to http://r.io/v2/web/manifests/sha256:1: "
REFUSED = f"{PUT}400 Bad Request\n"
FAILED = CommandFailedError('ERROR: process "x" did not complete successfully: exit code: 1\n')
BUSY = f"{PUT}503 Service Unavailable\n"
# Answers of a registry that takes no manifest by digest, or none of this form.
UNSUPPORTED = [
    f"{WRITING}unsupported",
    f"{WRITING}unsupported: not by digest",
    f"{WRITING}unknown: manifest invalid",
    f"{WRITING}unknown: manifest unknown",
    *(
        f"{PUT}{status}"
        for status in (
            "400 Bad Request",
            "404 Not Found",
            "405 Method Not Allowed",
            "415 Unsupported Media Type",
            "501 Not Implemented",
        )
    ),
]
# What says nothing about digests: a blob, an account, how much there may be, the moment.
OTHERS = [
    f"{WRITING}denied",
    f"{WRITING}unauthorized",
    f"{WRITING}unknown",
    f"{WRITING}unavailable",
    f"{WRITING}toomanyrequests",
    f"{WRITING}denied: Quota exceeded when processing the request",
    f"{WRITING}unknown: adding 29.0 MiB of storage resource will exceed the upper limit",
    f"{WRITING}unknown: tag is immutable",
    f"{WRITING}something new",
    f"{PUT}403 Forbidden",
    f"{PUT}413 Request Entity Too Large",
    f"{PUT}429 Too Many Requests",
    f"{PUT}500 Internal Server Error",
    f"{WRITING.replace('manifest', 'layer')}unsupported",
    f"{WRITING.replace('manifest', 'config')}unknown: not found",
]


class Picky(PushingEngine):
    """An engine whose exports of caches fail: by digest, or all of them."""

    def __init__(self, words: str, *, always: bool = False) -> None:
        super().__init__(definition(WEB), answer_facts=BUILDER)
        self.words, self.always = words, always

    def bake(self, definition: Mapping[str, Any], **options: Any) -> Generator[str, None, None]:
        caches = [c for t in definition["target"].values() for c in t.get("cache-to", ())]
        if any(self.always or "@" in cache["ref"] for cache in caches):
            lines = [json.dumps({"vertexes": [EXPORTING]}) + "\n"]
            self.bakes.append((lines, CommandFailedError(self.words)))
        yield from super().bake(definition, **options)


def roles(world: BakeWorld) -> list[str]:
    found = world.registry.at("acme/web:deps")
    index = parse_index(found.raw)
    assert index
    return [cache.role for cache in read_bundle(index, found.digest).caches]


def test_where_a_cache_cannot_be_pushed_by_digest_it_is_staged_under_a_tag() -> None:
    world = BakeWorld(Picky(REFUSED))
    world.bake()
    assert world.engine.built == [["app-deps"], ["app-deps"], ["app"]]
    assert roles(world) == ["app", "deps"]
    assert {tag for _, tag in world.registry.tags} == {"deps", "latest"}, "staging tags are gone"
    deleted = [r for r in world.registry.requests if r.startswith("DELETE ")]
    assert len(deleted) == 2
    assert all(STAGING in request for request in deleted)
    put = world.registry.requests.index("PUT acme/web:latest")
    assert world.registry.requests.index(deleted[0]) > put


def test_what_was_found_out_is_remembered() -> None:
    world = BakeWorld(Picky(REFUSED))
    world.bake()
    assert world.notes.refused == {("ci", "docker.io")}
    world.tree.write(**{"requirements.txt": "x==2\n"})
    world.bake()
    assert world.engine.built == [["app-deps"], ["app"]]
    assert roles(world) == ["app", "deps"]


@pytest.mark.parametrize("words", [REFUSED, BUSY], ids=["refused", "busy"])
def test_where_it_cannot_be_exported_at_all_images_are_published_without(words: str) -> None:
    world = BakeWorld(Picky(words, always=True))
    world.bake()
    assert roles(world) == []
    assert world.registry.puts == ["acme/web:deps", "acme/web:latest"]
    assert any("the cache could not be exported" in note for note in world.console.notes)
    assert not any("is left over" in note for note in world.console.notes)


def test_of_several_targets_too_only_the_cache_is_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where bake builds several, their names stand before what BuildKit calls its steps."""
    monkeypatch.setitem(EXPORTING, "name", "[app] exporting cache to registry")
    world = BakeWorld(Picky(BUSY, always=True))
    world.bake()
    assert world.registry.puts == ["acme/web:deps", "acme/web:latest"]


def test_a_strict_bake_publishes_nothing_without_its_cache() -> None:
    world = BakeWorld(Picky(BUSY, always=True))
    world.set(strict_cache=True)
    with pytest.raises(UnreachableError):
        world.bake()
    assert world.registry.puts == []


def test_what_it_cost_is_in_the_result() -> None:
    world = BakeWorld(Picky(BUSY, always=True))
    result = world.bake()
    assert [w for w in result.warnings if w.startswith("the cache could not be exported")]


@pytest.mark.parametrize("words", UNSUPPORTED)
def test_an_answer_to_the_form_of_a_manifest_may_be_one_to_its_digest(words: str) -> None:
    world = BakeWorld(Picky(words))
    world.bake()
    assert roles(world) == ["app", "deps"]
    assert world.notes.refused == {("ci", "docker.io")}


@pytest.mark.parametrize("words", OTHERS)
def test_other_answers_say_nothing_about_digests(words: str) -> None:
    """A quota, for one, would be held against digests for 30 days."""
    world = BakeWorld(Picky(words))
    world.bake()
    assert world.notes.refused == set()
    assert roles(world) == []
    assert world.registry.puts == ["acme/web:deps", "acme/web:latest"]
    assert not any(STAGING in request for request in world.registry.requests)


def test_what_is_not_taken_by_tag_either_was_not_refused_for_its_digest() -> None:
    world = BakeWorld(Picky(REFUSED, always=True))
    world.bake()
    assert world.notes.refused == set()


def test_a_cache_of_the_bake_files_own_is_part_of_what_was_asked_for() -> None:
    world = BakeWorld(Picky(f"{WRITING}denied", always=True))
    mine = {"type": "registry", "ref": "acme/cache:1"}
    world.targets(app={**WEB["app"], "cache-to": [mine]})
    with pytest.raises(RefusedError, match="denied"):
        world.bake()
    assert world.registry.puts == []


def test_a_staging_tag_that_cannot_be_deleted_is_a_warning() -> None:
    world = BakeWorld(Picky(REFUSED))
    world.registry.delete_manifest = lambda _: False  # type: ignore[method-assign]
    world.bake()
    left = [note for note in world.console.notes if "is left over" in note]
    assert len(left) == 2


def test_where_only_manifests_are_deleted_what_is_published_stays() -> None:
    """As docker's registry 2.8 does it: with a manifest go its tags."""
    world = BakeWorld(Picky(REFUSED))
    registry, delete = world.registry, world.registry.delete_manifest

    def by_digest(reference: Reference) -> bool:
        if reference.tag:
            return False
        place = reference.repository, str(reference.digest)
        for tag, digest in list(registry.tags.items()):
            if (tag[0], digest) == place:
                del registry.tags[tag]
        return delete(reference)

    registry.delete_manifest = by_digest  # type: ignore[method-assign]
    world.bake()
    assert sorted(tag for _, tag in registry.tags) == ["deps", "latest"]
    children = parse_index(registry.at("acme/web:deps").raw)
    assert children
    assert all(("acme/web", child.digest) in registry.manifests for child in children.manifests)
    assert not any("is left over" in note for note in world.console.notes)


def test_a_failing_build_is_no_trouble_with_a_cache() -> None:
    world = BakeWorld()
    world.engine.bakes = [([], FAILED)]
    with pytest.raises(BuildError):
        world.bake()
    assert world.registry.puts == []


def test_staging_tags_do_not_outlive_a_bake_that_fails() -> None:
    world = BakeWorld(Picky(REFUSED))
    world.registry.failures["PUT acme/web:deps"] = DENIED
    with pytest.raises(Exception, match="refused"):
        world.bake()
    assert world.registry.tags == {}
