"""Where a platform is built, and how its programs run there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whalebuild.builder.listing import Builder
from whalebuild.builder.nodes import Execution, Node, place, places, reached

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


def where(nodes: list[Node], *platforms: str) -> list[tuple[str, Execution]]:
    return [(each.node.name, each.how) for each in places(nodes, platforms)]


def test_the_node_that_was_given_a_platform_builds_it() -> None:
    first = Node("first", "x", platforms=(*INTEL, ARM64), given=(AMD64,))
    second = Node("second", "y", platforms=(ARM64, *INTEL), given=(ARM64,))
    native = [("first", Execution.NATIVE), ("second", Execution.NATIVE)]
    assert where([first, second], AMD64, ARM64) == native
    assert where([first, second], ARM64) == native[1:]


def test_where_one_of_the_platforms_was_given_to_none_the_first_that_can_run_each_builds_it() -> (
    None
):
    """As buildx 0.29.1 does it: seen in the histories of two engines."""
    first = Node("first", "x", platforms=(*INTEL, ARM64))
    second = Node("second", "y", platforms=(ARM64, *INTEL), given=(ARM64,))
    assert where([first, second], ARM64) == [("second", Execution.NATIVE)]
    assert where([first, second], AMD64, ARM64) == [
        ("first", Execution.NATIVE),
        ("first", Execution.EMULATED),
    ]
    alone = [replace(first, platforms=INTEL), second]
    assert where(alone, AMD64, ARM64, "linux/s390x") == [
        ("first", Execution.NATIVE),
        ("second", Execution.NATIVE),
        ("first", Execution.UNABLE),
    ]


def test_of_nodes_that_do_not_run_nothing_is_known() -> None:
    down = Node("a", "tcp://builder:1234", status="inactive")
    assert place([down], AMD64) is None
    assert places([], [AMD64]) == ()
    runs = Node("b", "tcp://other:1234", platforms=(*INTEL, ARM64))
    assert where([down, runs], AMD64) == [], "the first may run it, too"
    assert where([runs, down], AMD64) == [("b", Execution.NATIVE)]
    assert where([runs, down], "linux/s390x") == []


@pytest.mark.parametrize("given", [(), (ARM64,), (AMD64, ARM64)])
@pytest.mark.parametrize("wanted", [(AMD64,), (ARM64,), (AMD64, ARM64), (AMD64, "linux/386")])
def test_the_only_node_of_a_builder_is_planned_on_alike_whether_it_runs_or_not(
    given: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    idle = Node("ci0", "default", status="inactive", given=given, own=AMD64, brings_qemu=True)
    for registered in ((), (ARM64,)):
        runs = replace(idle, status="running", platforms=(*INTEL, *registered))
        assert where([idle], *wanted) == where([runs], *wanted)
        assert [at.platform for at in places([idle], wanted)] == list(wanted)
        one, other = (Builder("ci", "docker-container", (node,)) for node in (idle, runs))
        assert one.platform == other.platform


@pytest.mark.parametrize(
    ("platform", "how"),
    [
        (ARM64, Execution.EMULATED),
        ("linux/arm/v7", Execution.EMULATED),
        ("linux/386", Execution.NATIVE),
        ("linux/mips64le", Execution.UNABLE),
        ("windows/amd64", Execution.UNABLE),
    ],
)
def test_buildkits_image_brings_a_qemu_for_most_platforms(platform: str, how: Execution) -> None:
    assert Node("a", "default", platforms=INTEL, brings_qemu=True).how(platform) is how


def test_what_buildx_connects_to() -> None:
    first = Node("first", "x", platforms=INTEL, given=(AMD64,))
    second = Node("second", "y", status="inactive", given=(ARM64,))
    nodes = [first, second]
    assert reached(nodes, [AMD64]) == (first,)
    assert reached(nodes, [ARM64, AMD64]) == (second, first)
    assert reached(nodes, []) == (first,), "its own platform"
    assert reached(nodes, [AMD64, "linux/s390x"]) == (first, second), "it asks all of them"


def test_a_node_that_is_down_keeps_what_it_was_given() -> None:
    down = Node("b", "tcp://builder:1234", status="inactive", given=(ARM64,))
    found = place([Node("a", "x", platforms=INTEL), down], ARM64)
    assert found is not None
    assert found.node is down
