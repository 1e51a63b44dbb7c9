"""Listing, inspecting, making and removing builders, over answers that are given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.builders import B_DOWN, REFUSED, A, FakeBuilders, farm
from tests.support.platforms import AMD64, ARM64
from whalebuild.builder.capabilities import KnownFrom
from whalebuild.builder.listing import Builder, CacheUsage
from whalebuild.builder.manage import BuilderManager
from whalebuild.builder.spec import BuilderSpec, NodeSpec
from whalebuild.errors import EngineError, InterruptedRunError, UsageError
from whalebuild.failures.command_failed import CommandFailedError

FARM = BuilderSpec(
    "farm", "remote", (NodeSpec("tcp://a:1", (AMD64,)), NodeSpec("tcp://b:1", (ARM64,)))
)
TAKEN = CommandFailedError('ERROR: existing instance for "farm" but no append mode\n')


def keeper(builders: FakeBuilders, note: Callable[[str], None] = lambda _: None) -> BuilderManager:
    return BuilderManager(builders, note)


def test_the_current_builder_is_listed_first() -> None:
    assert [each.name for each in keeper(farm()).list()] == ["default", "farm"]
    down = FakeBuilders(failures={"all": CommandFailedError("docker: unknown command\n")})
    with pytest.raises(EngineError, match="no buildx"):
        keeper(down).list()


def test_an_inspection_tells_caches_and_what_was_tried() -> None:
    builders = farm()
    builders.refused = {"security.insecure": "ERROR: failed to build: not allowed\nmore\n"}
    view = keeper(builders).inspect("farm")
    assert [each.usage for each in view.nodes] == [CacheUsage(10, 5), CacheUsage(10, 5)]
    found = {feature.name: (feature.able, feature.known) for feature in view.features}
    assert found["push by digest"] == (True, KnownFrom.DRIVER)
    assert found["export a cache"] == (True, KnownFrom.TESTED)
    assert found["entitlement security.insecure"] == (False, KnownFrom.TESTED)
    assert (
        next(f.why for f in view.features if f.name == "entitlement security.insecure")
        == "not allowed"
    )


def test_of_a_node_that_is_down_the_reason_is_told() -> None:
    builders = farm(A, B_DOWN)
    builders.usages = {"farm1": REFUSED}
    first, second = keeper(builders).inspect("farm").nodes
    assert (first.problem, first.usage) == (None, CacheUsage(10, 5))
    assert str(second.problem).endswith("connect: connection refused")


@pytest.mark.parametrize("test", [True, False])
def test_nothing_is_tried_on_a_builder_that_does_not_run_or_if_told_so(test: bool) -> None:
    builders = farm(B_DOWN) if test else farm()
    view = keeper(builders).inspect("farm", test=test)
    assert {feature.known for feature in view.features} == {KnownFrom.DRIVER}


def test_an_engine_that_is_down_cannot_be_inspected() -> None:
    builders = FakeBuilders({"gone": Builder("gone", "", error="Cannot connect")})
    with pytest.raises(EngineError, match='builder "gone" cannot be looked at') as caught:
        keeper(builders).inspect("gone")
    assert caught.value.cause == "Cannot connect"


def test_without_an_engine_beside_it_nothing_is_loaded() -> None:
    builders = farm()
    builders.engine = CommandFailedError("Cannot connect\n")
    (load,) = [f for f in keeper(builders).inspect("farm").features if f.name == "--load"]
    assert not load.able


def test_an_unknown_builder_is_told_with_a_suggestion() -> None:
    for action in (keeper(farm()).inspect, keeper(farm()).remove):
        with pytest.raises(EngineError) as caught:
            action("fram")
        assert caught.value.what == 'there is no builder "fram"'
        assert caught.value.cause == 'did you mean "farm"?'


def test_a_builder_is_made_with_all_its_nodes_then_used() -> None:
    builders = farm()
    view = keeper(builders).create(FARM, use=True, boot=True)
    assert builders.calls == ["create tcp://a:1", "create tcp://b:1", "look farm", "use farm"]
    assert [at.node.name for at in view.places] == ["farm0", "farm1"]


def test_a_container_is_started() -> None:
    builders = FakeBuilders({"whalebuild": Builder("whalebuild", "docker-container", (A,))})
    notes: list[str] = []
    keeper(builders, notes.append).create(BuilderSpec("whalebuild"), use=False, boot=True)
    assert builders.calls == ["create docker-container", "boot whalebuild"]
    assert notes == ['starting builder "whalebuild"']


def test_a_container_is_not_started_if_told_so() -> None:
    there = Builder("whalebuild", "docker-container", (B_DOWN,))
    builders = FakeBuilders({"whalebuild": there})
    keeper(builders).create(BuilderSpec("whalebuild"), use=False, boot=False)
    assert builders.calls == ["create docker-container", "look whalebuild"]


@pytest.mark.parametrize(
    ("call", "failure", "kind", "what"),
    [
        ("create tcp://b:1", CommandFailedError("ERROR: no\n"), EngineError, "was not made"),
        ("look farm", CommandFailedError("ERROR: no\n"), EngineError, "cannot be started"),
        ("use farm", CommandFailedError("ERROR: no\n"), EngineError, "was not made"),
        ("look farm", InterruptedRunError("interrupted"), InterruptedRunError, "interrupted"),
    ],
)
def test_all_or_nothing(call: str, failure: BaseException, kind: type, what: str) -> None:
    builders = farm()
    builders.failures = {call: failure}
    with pytest.raises(kind, match=what):
        keeper(builders).create(FARM, use=True, boot=True)
    assert builders.calls[-1] == "remove farm"


def test_a_node_that_does_not_answer_takes_the_builder_with_it() -> None:
    builders = farm(A, B_DOWN)
    builders.usages = {"farm1": REFUSED}
    with pytest.raises(EngineError) as caught:
        keeper(builders).create(FARM, use=True, boot=True)
    assert caught.value.what == "node farm1 at tcp://b:1 does not answer"
    assert "connection refused" in str(caught.value.cause)
    assert builders.calls[-1] == "remove farm"
    assert "use farm" not in builders.calls


def test_another_ones_builder_is_never_removed() -> None:
    """Not even where it was made between the look and the attempt."""
    builders = farm()
    builders.failures = {"create tcp://a:1": TAKEN}
    with pytest.raises(UsageError, match='already a builder "farm"'):
        keeper(builders).create(FARM, use=False, boot=True)
    builders.made = {"farm"}
    with pytest.raises(UsageError, match='already a builder "farm"'):
        keeper(builders).create(FARM, use=False, boot=True)
    assert builders.calls == ["create tcp://a:1"]


def test_files_are_looked_for_before_anything_is_made() -> None:
    spec = BuilderSpec("farm", "remote", FARM.nodes, (("cacert", "ca.pem"), ("servername", "x")))
    builders = farm()
    with pytest.raises(UsageError, match=r"--driver-opt cacert: there is no readable file ca\.pem"):
        keeper(builders).create(spec, use=False, boot=True)
    assert builders.calls == []
    builders.files = ("ca.pem",)
    keeper(builders).create(spec, use=False, boot=True)


def test_a_docker_contexts_own_builder_is_not_removed() -> None:
    builders = farm()
    with pytest.raises(UsageError, match='builder "default" cannot be removed') as caught:
        keeper(builders).remove("default")
    assert 'docker context "default"' in str(caught.value.cause)
    assert not any(call.startswith("remove") for call in builders.calls)


def test_a_builder_is_removed() -> None:
    builders = farm()
    builders.made = {"farm"}
    keeper(builders).remove("farm")
    keeper(builders).remove("farm", keep_state=True)
    assert builders.calls == ["remove farm", "remove farm keeping its state"]
    builders.failures = {"remove farm": CommandFailedError("ERROR: its engine is gone\n")}
    with pytest.raises(EngineError, match="could not be removed wholly") as caught:
        keeper(builders).remove("farm")
    assert caught.value.cause == "its engine is gone"
