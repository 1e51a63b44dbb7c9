"""``--builder auto``: the current builder if it will do, else whalebuild."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import BUILDER, GOOD_FACTS
from tests.support.engine import FakeEngine, definition
from tests.support.planner import WEB, plan
from tests.support.platforms import AMD64, ARM64
from whalebuild.bakefile.images import BuildOptions
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.nodes import Node
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.plan.plan import Plan

OLD_STORE = replace(GOOD_FACTS, containerd_store=False)
OURS = BuilderFacts(
    "whalebuild", "remote", containerd_store=True, platform=ARM64, nodes=(Node("w0", "tcp://w:1"),)
)
ALONE = Node("default", "default", platforms=(AMD64,))
BOTH = Node("w0", "tcp://w:1", platforms=(ARM64, AMD64))
DOWN = CommandFailedError("Cannot connect to the Docker daemon at unix:///x. Is it running?\n")


def auto(engine: FakeEngine, *platforms: str, options: BuildOptions | None = None) -> Plan:
    engine.file = definition({"app": WEB})
    return plan(engine, builder="auto", platform=platforms, options=options)


def chosen(made: Plan) -> tuple[str, str | None, bool]:
    assert made.facts is not None
    return made.facts.builder, made.settings.builder, made.facts.missing


def test_the_current_builder_is_used_if_it_will_do() -> None:
    engine = FakeEngine(builders=("whalebuild",))
    assert chosen(auto(engine)) == ("default", "default", False)
    assert engine.looked_at == [None]
    made = auto(FakeEngine(answer_facts=BUILDER))
    assert chosen(made) == ("ci", "ci", False)
    assert made.settings.origin("builder") == "default: auto"


def test_without_the_containerd_store_whalebuild_is_used() -> None:
    engine = FakeEngine(answer_facts=[OLD_STORE, OURS], builders=("whalebuild",))
    assert chosen(auto(engine)) == ("whalebuild", "whalebuild", False)
    assert engine.looked_at == [None, "whalebuild"]


def test_it_is_to_be_made_if_it_is_not_there() -> None:
    made = auto(FakeEngine(answer_facts=OLD_STORE))
    assert chosen(made) == ("whalebuild", "whalebuild", True)
    assert made.facts is not None
    assert (made.facts.driver, made.facts.platform) == ("docker-container", AMD64)
    assert [node.name for node in made.facts.nodes] == ["whalebuild0"]
    assert made.facts.containerd_store


def test_the_old_store_is_good_enough_to_load() -> None:
    made = auto(FakeEngine(answer_facts=OLD_STORE), options=BuildOptions(load=True))
    assert chosen(made) == ("default", "default", False)


def test_whalebuild_is_used_for_what_the_current_one_cannot_run() -> None:
    facts = replace(OURS, nodes=(BOTH,))
    engine = FakeEngine(
        answer_facts=[GOOD_FACTS, facts], builders=("whalebuild",), answer_nodes=(ALONE,)
    )
    assert chosen(auto(engine, ARM64)) == ("whalebuild", "whalebuild", False)


@pytest.mark.parametrize("builders", [(), ("whalebuild",)])
def test_what_neither_can_run_changes_nothing(builders: tuple[str, ...]) -> None:
    """A container on the same machine would have no more emulators."""
    facts = replace(OURS, nodes=(BOTH,))
    engine = FakeEngine(answer_facts=[GOOD_FACTS, facts], builders=builders, answer_nodes=(ALONE,))
    assert chosen(auto(engine, "linux/s390x")) == ("default", "default", False)


def test_what_it_emulates_it_can_do() -> None:
    emulates = Node("default", "default", platforms=(AMD64, ARM64))
    engine = FakeEngine(builders=("whalebuild",), answer_nodes=(emulates,))
    assert chosen(auto(engine, ARM64)) == ("default", "default", False)


def test_a_current_builder_that_is_down_is_left_for_whalebuild() -> None:
    engine = FakeEngine(answer_facts=[DOWN, OURS], builders=("whalebuild",))
    assert chosen(auto(engine)) == ("whalebuild", "whalebuild", False)
    with pytest.raises(EngineError, match="not running"):
        auto(FakeEngine(answer_facts=DOWN))


def test_whalebuild_itself_being_down_is_said_once() -> None:
    down = replace(OURS, platform=None)
    failed = CommandFailedError("ERROR: context deadline exceeded\n")
    engine = FakeEngine(answer_facts=[down], answer_boot=failed, builders=("whalebuild",))
    with pytest.raises(EngineError, match='"whalebuild" does not answer'):
        auto(engine)
    assert engine.looked_at == [None]


def test_without_auto_the_message_names_it() -> None:
    with pytest.raises(EngineError) as caught:
        plan(FakeEngine(definition({"app": WEB}), answer_facts=OLD_STORE))
    assert "--builder auto" in str(caught.value.next_step)
