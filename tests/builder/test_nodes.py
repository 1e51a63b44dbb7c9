"""Where a platform is built, and how its programs run there."""

from __future__ import annotations

import pytest

from whalebuild.builder.nodes import Execution, Node, place, places

AMD64, ARM64 = "linux/amd64", "linux/arm64"
# As buildx 0.29 lists them.
INTEL = (AMD64, "linux/amd64/v2", "linux/amd64/v3", "linux/386")
APPLE = (ARM64, AMD64, "linux/amd64/v2")


@pytest.mark.parametrize(
    ("node", "platform", "how"),
    [
        (Node("a", "default", platforms=INTEL), AMD64, Execution.NATIVE),
        (Node("a", "default", platforms=INTEL), "linux/amd64/v3", Execution.NATIVE),
        (Node("a", "default", platforms=INTEL), "linux/386", Execution.NATIVE),
        (Node("a", "default", platforms=INTEL), ARM64, Execution.UNABLE),
        (Node("a", "default", platforms=(*INTEL, ARM64)), ARM64, Execution.EMULATED),
        (Node("a", "default", platforms=APPLE), AMD64, Execution.EMULATED),
        (Node("a", "default", platforms=APPLE), ARM64, Execution.NATIVE),
        (Node("a", "default", platforms=(ARM64, "linux/arm/v7")), "linux/arm/v7", Execution.NATIVE),
        # It was given another's platform, and what its machine is is known.
        (
            Node("a", "x", platforms=(ARM64, *INTEL), given=(ARM64,), own=AMD64),
            AMD64,
            Execution.NATIVE,
        ),
        # It was given one, and nothing else is known: that it emulates the others is likely.
        (Node("a", "x", platforms=(ARM64, *INTEL), given=(ARM64,)), ARM64, Execution.NATIVE),
        (Node("a", "x", platforms=(ARM64, *INTEL), given=(ARM64,)), AMD64, Execution.EMULATED),
        (Node("a", "x", platforms=("linux/riscv64",)), "linux/riscv64", Execution.NATIVE),
        (Node("a", "x", platforms=("windows/amd64",)), AMD64, Execution.UNABLE),
    ],
)
def test_how_programs_run(node: Node, platform: str, how: Execution) -> None:
    assert node.how(platform) is how


def test_the_node_that_was_given_a_platform_builds_it() -> None:
    first = Node("first", "x", platforms=(*INTEL, ARM64))
    second = Node("second", "y", platforms=(ARM64, *INTEL), given=(ARM64,))
    found = places([first, second], [AMD64, ARM64, "linux/s390x"])
    assert [(each.node.name, each.how) for each in found] == [
        ("first", Execution.NATIVE),
        ("second", Execution.NATIVE),
        ("first", Execution.UNABLE),
    ]


def test_of_nodes_that_do_not_run_nothing_is_known() -> None:
    down = Node("a", "tcp://builder:1234", status="inactive")
    assert place([down], AMD64) is None
    assert places([], [AMD64]) == ()


def test_a_node_that_is_down_keeps_what_it_was_given() -> None:
    down = Node("b", "tcp://builder:1234", status="inactive", given=(ARM64,))
    found = place([Node("a", "x", platforms=INTEL), down], ARM64)
    assert found is not None
    assert found.node is down
