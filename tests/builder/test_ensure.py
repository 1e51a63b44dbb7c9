"""A builder that is missing, and nodes that do not answer, before a bake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import B_DOWN, REFUSED, A, B, FakeBuilders, farm
from tests.support.platforms import AMD64, ARM64
from whalebuild.builder.ensure import ensure_builder, nodes_down
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.listing import Builder
from whalebuild.builder.nodes import Node
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

MISSING = BuilderFacts(
    "whalebuild", "docker-container", containerd_store=True, platform=AMD64, missing=True
)
FARM = BuilderFacts("farm", "remote", containerd_store=True, platform=AMD64, nodes=(A, B_DOWN))
IDLE = Builder("whalebuild", "docker-container", (Node("whalebuild0", "default"),))
ALREADY = CommandFailedError('ERROR: existing instance for "whalebuild" but no append mode\n')


@pytest.mark.parametrize("failure", [None, ALREADY])
def test_it_is_made_once_even_if_two_make_it(failure: Exception | None) -> None:
    builders = FakeBuilders({"whalebuild": IDLE})
    builders.failures = {"create docker-container": failure} if failure else {}
    notes: list[str] = []
    ensure_builder(builders, MISSING, [AMD64], notes.append)
    assert builders.calls == ["create docker-container", "boot whalebuild"]
    assert notes == ['making builder "whalebuild" (driver docker-container), once for all bakes']


def test_for_a_registry_on_loopback_it_is_made_on_the_network_of_the_machine() -> None:
    builders = FakeBuilders({"whalebuild": IDLE})
    notes: list[str] = []
    ensure_builder(builders, MISSING, [AMD64], notes.append, ["docker.io", "localhost:5000"])
    assert builders.calls == ["create network=host", "boot whalebuild"]
    assert "on the network of the machine" in notes[0]


def test_one_that_another_bake_made_otherwise_is_refused_at_once() -> None:
    apart = replace(IDLE, nodes=(replace(IDLE.nodes[0], own_network=True),))
    builders = FakeBuilders({"whalebuild": apart}, failures={"create network=host": ALREADY})
    with pytest.raises(EngineError, match="does not reach the registry localhost:5000"):
        ensure_builder(builders, MISSING, [AMD64], lambda _: None, ["localhost:5000"])


@pytest.mark.parametrize(
    ("call", "what"),
    [("create docker-container", "was not made"), ("boot whalebuild", "cannot be started")],
)
def test_one_that_cannot_be_made_or_started(call: str, what: str) -> None:
    """What was made stays: another bake may be using it by now."""
    builders = FakeBuilders(
        {"whalebuild": IDLE}, failures={call: CommandFailedError("ERROR: no\n")}
    )
    with pytest.raises(EngineError, match=what):
        ensure_builder(builders, MISSING, [AMD64], lambda _: None)
    assert "remove whalebuild" not in builders.calls


def test_only_nodes_that_are_needed_are_missed() -> None:
    assert nodes_down(FARM, [AMD64]) == ()
    assert nodes_down(FARM, [AMD64, ARM64]) == (B_DOWN,)
    assert nodes_down(replace(FARM, driver="docker-container"), [ARM64]) == ()


def test_a_node_that_comes_back_is_waited_for() -> None:
    notes: list[str] = []
    builders = farm(A, B)
    ensure_builder(builders, FARM, [ARM64], notes.append)
    assert builders.calls == ["boot farm"]
    assert notes == ['waiting for node farm1 of builder "farm"']


@pytest.mark.parametrize("boots", [True, False])
def test_one_that_stays_away_is_named_with_the_reason(boots: bool) -> None:
    builders = farm(A, B_DOWN)
    builders.usages = {"farm1": REFUSED}
    if not boots:
        builders.failures = {"boot farm": CommandFailedError("ERROR: context deadline exceeded\n")}
    with pytest.raises(EngineError) as caught:
        ensure_builder(builders, FARM, [ARM64], lambda _: None)
    assert caught.value.what == "node farm1 at tcp://b:1 does not answer"
    assert "connection refused" in str(caught.value.cause)
