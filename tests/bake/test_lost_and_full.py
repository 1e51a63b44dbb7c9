"""Registries whose disk is full, and engines and builders that are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.support.bake import DONE, PUSH_BUSY, BakeWorld, scripted
from tests.support.builders import BUILDER
from tests.support.platforms import AMD64
from tests.support.progress import step
from whalebuild.builder.nodes import Node
from whalebuild.errors import EngineError, RefusedError
from whalebuild.failures.classify_http import from_answer
from whalebuild.failures.command_failed import CommandFailedError

READING = step("[internal] load local bake definitions")
WAITING = step("[internal] waiting for connection", "context deadline exceeded")
WEB = "registry.example/acme/web"
INNER_ERROR = f"ERROR: failed to solve: failed to push {WEB}: unknown: unknown error\n"
FULL = from_answer(f"POST {WEB}", 500, {}, b'{"errors":[{"detail":{"Enclosed":{"Err":28}}}]}')


def full_registry(*bakes: tuple[Sequence[str], str | None]) -> BakeWorld:
    world = BakeWorld()
    world.targets(app={"tags": [f"{WEB}:latest"]})
    world.engine.bakes = [
        (list(lines), CommandFailedError(words) if words else None) for lines, words in bakes
    ]
    world.registry.failures[f"UPLOAD {WEB}"] = FULL
    return world


@pytest.mark.parametrize("said", ["unknown error", "blob upload invalid", "blob upload unknown"])
def test_a_registry_whose_disk_is_full_is_told_by_asking_it(said: str) -> None:
    world = full_registry((DONE, INNER_ERROR.replace("unknown error", said)))
    with pytest.raises(RefusedError, match="the registry's disk is full"):
        world.bake()
    assert len(world.engine.baked) == 1
    assert world.registry.puts == []


@pytest.mark.parametrize(
    "words", [INNER_ERROR, "ERROR: failed to solve: error writing layer blob: unknown\n"]
)
def test_a_cache_that_a_full_registry_does_not_take_costs_no_image(words: str) -> None:
    """BuildKit may name no registry: it is asked where the push goes."""
    exported = (step("[1/1] RUN x"), step("exporting cache to registry", "unknown error"))
    world = full_registry((exported, words))
    result = world.bake()
    assert len(result.warnings) == 1
    assert "no space left on device" in result.warnings[0]
    assert not any("by tag" in note for note in world.console.notes)


def test_what_fails_for_space_after_a_cache_was_exported_is_built_once_more_without_it() -> None:
    """BuildKit leaves out what does not fit, and has no space for its own notes: no step failed."""
    full = "ERROR: failed to solve: Internal: failed to send write: no space left on device\n"
    exported = (step("[1/1] RUN x"), step("exporting cache to registry"))
    world = scripted((exported, full))
    result = world.bake()
    (warning,) = result.warnings
    assert "the cache could not be exported" in warning
    assert "no space left on device" in warning
    assert world.registry.puts[-1].endswith(":latest")


@pytest.mark.parametrize("words", [PUSH_BUSY, INNER_ERROR.replace("unknown", "unavailable")])
def test_a_registry_that_says_what_ails_it_is_not_asked_to_take_anything(words: str) -> None:
    world = full_registry((DONE, words.replace("acme/web", WEB)))
    world.bake()
    assert f"UPLOAD {WEB}" not in world.registry.requests


def test_a_builder_that_cannot_be_started_is_no_registrys_trouble() -> None:
    """Its own image comes from a registry, too: the words are those of any pull."""
    words = 'Head "https://registry-1.docker.io/v2/moby/buildkit/manifests/x": no such host'
    world = scripted(((step("[internal] booting buildkit", words),), f"ERROR: {words}\n"))
    world.set(builder="box")
    with pytest.raises(EngineError, match='builder "box" cannot be started') as caught:
        world.bake()
    assert caught.value.cause == words
    assert len(world.engine.baked) == 1


def test_an_engine_that_went_away_is_waited_for() -> None:
    world = scripted(((), "ERROR: error reading from server: EOF\n"), ((), None))
    assert [retry.reason for retry in world.bake().retries] == ["error reading from server: EOF"]
    (note,) = [note for note in world.console.notes if note.startswith("retry")]
    assert note.endswith(": the engine went away (error reading from server: EOF)")


@pytest.mark.parametrize("words", ["ERROR: context deadline exceeded\n", "ERROR: timed out\n"])
def test_a_builder_that_never_answered_is_not_waited_for(words: str) -> None:
    world = scripted(((READING, WAITING), words))
    with pytest.raises(EngineError, match="cannot be used"):
        world.bake()
    assert len(world.engine.baked) == 1


def test_a_builder_that_does_not_answer_any_more_is_waited_for() -> None:
    lost = ((step("[1/1] RUN x"),), "ERROR: code = Unavailable desc = x\n")
    world = scripted(lost, ((WAITING,), "ERROR: context deadline exceeded\n"), ((), None))
    assert len(world.bake().retries) == 2
    assert sum("the engine went away" in note for note in world.console.notes) == 2


REFUSED_HERE = (
    "ERROR: failed to solve: failed to resolve source metadata for localhost:5000/base:1: failed "
    'to do request: Head "http://localhost:5000/v2/base/manifests/1": dial tcp 127.0.0.1:5000: '
    "connect: connection refused\n"
)


def test_a_container_of_its_own_network_is_not_waited_for() -> None:
    world = scripted(((step("[internal] load metadata"),), REFUSED_HERE))
    node = Node("ci0", "default", platforms=(AMD64,), own_network=True)
    world.engine.answer_facts = replace(BUILDER, nodes=(node,))
    with pytest.raises(EngineError, match="does not reach the registry localhost:5000") as caught:
        world.bake()
    assert "--driver-opt network=host" in f"{caught.value.next_step}"
    assert len(world.engine.baked) == 1
    world.engine.answer_facts = replace(BUILDER, nodes=(replace(node, own_network=False),))
    world.engine.bakes = [([step("[internal] load metadata")], CommandFailedError(REFUSED_HERE))]
    assert len(world.bake().retries) == 1, "on the machine's network it may be down for the moment"
