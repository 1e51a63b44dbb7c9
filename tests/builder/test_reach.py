"""A registry on loopback, and builders that have a loopback address of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import BUILDER
from tests.support.platforms import AMD64
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.messages import BuilderError
from whalebuild.builder.nodes import Node
from whalebuild.builder.reach import check_reach

NODE = Node("ci0", "default", platforms=(AMD64,), own_network=True)
ISOLATED = replace(BUILDER, nodes=(NODE,))


@pytest.mark.parametrize("registry", ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
def test_a_container_does_not_reach_the_machines_loopback(registry: str) -> None:
    with pytest.raises(BuilderError) as caught:
        check_reach(ISOLATED, ["docker.io", registry])
    error = caught.value
    assert error.what == f'builder "ci" does not reach the registry {registry}'
    assert "a network of its own" in f"{error.cause}"
    assert "builder create ci --driver-opt network=host" in f"{error.next_step}"
    assert "builder rm ci" in f"{error.next_step}"
    assert error.exit_code == 3


@pytest.mark.parametrize(
    ("facts", "registry"),
    [
        (ISOLATED, "registry.example:5000"),
        (ISOLATED, "10.0.0.1:5000"),
        (replace(BUILDER, nodes=(replace(NODE, own_network=False),)), "localhost:5000"),
        (BUILDER, "localhost:5000"),
        (None, "localhost:5000"),
    ],
)
def test_all_others_may(facts: BuilderFacts | None, registry: str) -> None:
    check_reach(facts, [registry])


def test_what_to_do_is_said_for_each_driver() -> None:
    with pytest.raises(BuilderError) as pod:
        check_reach(replace(ISOLATED, driver="kubernetes"), ["localhost:5000"])
    assert "a pod" in f"{pod.value.cause}"
    assert "network=host" not in f"{pod.value.next_step}"
