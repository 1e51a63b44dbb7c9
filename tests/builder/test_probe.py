"""What is asked of a builder, and what is said of one that is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import BUILDER, GOOD_FACTS
from tests.support.engine import FakeEngine, definition
from tests.support.planner import plan
from tests.support.platforms import AMD64, ARM64
from whalebuild.builder.nodes import Execution, Node
from whalebuild.builder.probe import BuilderProbe
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

WEB = {"tags": ["acme/web:latest"]}
DOWN = Node("far0", "tcp://far:1234", status="inactive")
TIMEOUT = CommandFailedError(
    "#1 [internal] waiting for connection\n#1 ERROR: context deadline exceeded\n------\n"
    " > [internal] waiting for connection:\n------\nERROR: context deadline exceeded\n"
)


def test_the_docker_drivers_nodes_are_not_asked_for_where_its_own_platform_is_built() -> None:
    engine = FakeEngine(definition({"app": WEB}))
    made = plan(engine)
    assert engine.asked_nodes == []
    assert made.facts is not None
    (node,) = made.facts.nodes
    assert node.how(AMD64) is Execution.NATIVE


def test_they_are_asked_for_where_another_one_is() -> None:
    node = Node("default", "default", platforms=(AMD64, ARM64))
    engine = FakeEngine(definition({"app": WEB}), answer_nodes=(node,))
    made = plan(engine, platform=(AMD64, ARM64))
    assert engine.asked_nodes == ["default"]
    assert made.facts is not None
    assert made.facts.nodes == (replace(node, own=AMD64),)
    assert made.facts.nodes[0].how(ARM64) is Execution.EMULATED


def test_nodes_that_cannot_be_asked_for_do_not_end_a_plan() -> None:
    failed = CommandFailedError("ERROR: no\n")
    made = plan(FakeEngine(definition({"app": WEB}), answer_nodes=failed), platform=(ARM64,))
    assert made.facts is not None
    assert made.facts.nodes == ()


def test_other_drivers_have_told_their_nodes_before() -> None:
    facts = replace(BUILDER, nodes=(Node("ci0", "default", platforms=(AMD64,)),))
    engine = FakeEngine(definition({"app": WEB}), answer_facts=facts)
    assert plan(engine, platform=(ARM64,)).facts == facts
    assert engine.asked_nodes == []


IDLE = Node("ci0", "default", status="inactive", own=AMD64, brings_qemu=True)
FAR = Node("ci1", "far", status="inactive", given=(ARM64,), brings_qemu=True)
AWAKE = replace(BUILDER, nodes=(replace(IDLE, status="running", platforms=(AMD64,)), FAR))


@pytest.mark.parametrize(
    ("nodes", "platforms", "booted"),
    [
        ((IDLE,), (AMD64, ARM64), []),
        ((replace(IDLE, given=(AMD64,)), FAR), (AMD64, ARM64), []),
        ((IDLE, FAR), (ARM64,), []),
        ((IDLE, FAR), (AMD64, ARM64), ["ci"]),
    ],
    ids=["one node", "each was given its own", "only what was given", "what was given to none"],
)
def test_nodes_are_started_to_be_planned_on_only_where_it_decides_what_they_can_run(
    nodes: tuple[Node, ...], platforms: tuple[str, ...], booted: list[str]
) -> None:
    facts = replace(BUILDER, nodes=nodes)
    engine = FakeEngine(definition({"app": WEB}), answer_facts=facts, answer_boot=AWAKE)
    made = plan(engine, platform=platforms)
    assert engine.booted == booted
    assert made.facts == (AWAKE if booted else facts)


def test_nodes_that_cannot_be_started_are_left_to_the_bake() -> None:
    facts = replace(BUILDER, nodes=(IDLE, FAR))
    engine = FakeEngine(definition({"app": WEB}), answer_facts=facts, answer_boot=TIMEOUT)
    assert plan(engine, platform=(AMD64, ARM64)).facts == facts


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        ("remote", 'waiting for builder "ci", which does not answer'),
        ("kubernetes", 'starting builder "ci"'),
    ],
)
def test_a_builder_that_does_not_run_is_started_or_waited_for(driver: str, said: str) -> None:
    facts = replace(BUILDER, driver=driver, platform=None, nodes=(DOWN,))
    engine = FakeEngine(answer_facts=facts, answer_boot=BUILDER)
    notes: list[str] = []
    assert BuilderProbe(engine, notes.append).facts("ci") == BUILDER
    assert notes == [said]
    assert engine.booted == ["ci"]


@pytest.mark.parametrize(
    ("driver", "what", "cause"),
    [
        ("remote", 'builder "ci" does not answer', "tcp://far:1234 (context deadline exceeded)"),
        ("kubernetes", 'builder "ci" cannot be started', "context deadline exceeded"),
    ],
)
def test_one_that_stays_away_ends_the_plan(driver: str, what: str, cause: str) -> None:
    facts = replace(BUILDER, driver=driver, platform=None, nodes=(DOWN,))
    engine = FakeEngine(definition({"app": WEB}), answer_facts=facts, answer_boot=TIMEOUT)
    with pytest.raises(EngineError) as caught:
        plan(engine)
    assert caught.value.what == what
    assert cause in str(caught.value.cause)
    assert caught.value.next_step


def test_one_that_runs_is_not_started() -> None:
    engine = FakeEngine(answer_facts=GOOD_FACTS)
    BuilderProbe(engine, pytest.fail).facts(None)
    assert engine.booted == []
