"""What a builder can do, what its nodes were given, and how much they hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whalebuild.builder.capabilities import (
    by_driver,
    main_platforms,
    misplaced,
    own_platforms,
    trials,
)
from whalebuild.builder.listing import Builder, CacheUsage, read_listing, read_usage
from whalebuild.builder.nodes import Execution, Node

AMD64, ARM64 = "linux/amd64", "linux/arm64"
INTEL = Node("a", "tcp://a:1", platforms=(AMD64, "linux/amd64/v2", ARM64), own=AMD64)
ARM = Node("b", "tcp://b:1", platforms=(ARM64,), given=(ARM64,), own=ARM64)
FARM = Builder("farm", "remote", (INTEL, ARM))


def test_each_running_node_is_tried_with_a_platform_that_it_gets() -> None:
    assert own_platforms(FARM) == (AMD64, ARM64)
    for trial in trials(FARM):
        if "--allow" in trial.arguments:
            assert trial.arguments[trial.arguments.index("--platform") + 1] == f"{AMD64},{ARM64}"
    down = replace(FARM, nodes=(INTEL, replace(ARM, status="inactive", platforms=())))
    assert own_platforms(down) == (AMD64,)
    assert trials(down) == (), "any platform that was not given makes buildx wait for the other"
    given = replace(INTEL, given=(AMD64,))
    partly = trials(replace(down, nodes=(given, down.nodes[1])))
    assert [trial.arguments[trial.arguments.index("--platform") + 1] for trial in partly] == [
        AMD64
    ] * 3


def test_one_node_is_tried_with_two_platforms() -> None:
    words = {trial.name: trial.arguments for trial in trials(replace(FARM, nodes=(INTEL,)))}
    assert [name for name, each in words.items() if "--platform" in each] == [
        "build several platforms at once"
    ]


def test_what_follows_from_the_driver() -> None:
    def able(driver: str, *, engine: bool) -> dict[str, bool]:
        found = by_driver(Builder("x", driver), local_engine=engine)
        assert all(feature.able or feature.why for feature in found)
        return {feature.name: feature.able for feature in found}

    assert able("docker", engine=True) == {"push by digest": False, "--load": True}
    assert able("remote", engine=True) == {"push by digest": True, "--load": True}
    assert able("remote", engine=False) == {"push by digest": True, "--load": False}


def test_a_node_that_was_given_what_its_machine_is_not() -> None:
    assert misplaced(replace(FARM, nodes=(replace(INTEL, given=(AMD64,)), ARM))) == ()
    emulates = replace(INTEL, given=(ARM64,))
    assert misplaced(Builder("x", "remote", (emulates,))) == (
        "a was given linux/arm64, and its machine is linux/amd64: it emulates",
    )
    cannot = replace(emulates, given=("linux/s390x",))
    (said,) = misplaced(Builder("x", "remote", (cannot,)))
    assert said.endswith("it cannot run that")
    unknown = replace(emulates, own=None)
    assert misplaced(Builder("x", "remote", (unknown,))) == ()


def test_a_node_that_was_given_nothing_takes_what_another_was_given() -> None:
    (said,) = misplaced(FARM)
    assert said.startswith("a was given no platform, and runs linux/arm64, too")
    assert misplaced(replace(FARM, nodes=(replace(INTEL, given=(AMD64,)), ARM))) == ()
    assert misplaced(replace(FARM, nodes=(replace(INTEL, platforms=(AMD64,)), ARM))) == ()
    assert misplaced(replace(FARM, nodes=(ARM, INTEL))) == (), "the first that can build it"


def test_variants_go_with_their_architecture() -> None:
    arm = replace(ARM, platforms=("linux/arm/v7",), given=())
    assert main_platforms(Builder("x", "remote", (INTEL, arm))) == (AMD64, ARM64, "linux/arm/v7")


def test_what_a_node_was_given_is_not_what_it_can_run() -> None:
    """Looked at as if nothing had been given, a node's first platform is its own."""
    bare = Node("a", "x", platforms=(AMD64, ARM64))
    down = Node("b", "y", status="inactive")
    given = {"a": (ARM64,), "b": ("linux/s390x",)}
    builder = Builder("x", "remote", (bare, down)).with_given_platforms(given)
    first, second = builder.nodes
    assert (first.own, first.given, first.platforms) == (AMD64, (ARM64,), (AMD64, ARM64))
    assert first.how(ARM64) is Execution.EMULATED
    assert builder.platform == ARM64
    bare_again = Builder("x", "remote", (replace(bare, platforms=(AMD64,)),))
    (in_vain,) = bare_again.with_given_platforms({"a": (ARM64,)}).nodes
    assert in_vain.how(ARM64) is Execution.UNABLE
    assert (second.own, second.given, second.platforms) == (None, ("linux/s390x",), ())


LISTED = (
    '{"Current":true,"Driver":"remote","Dynamic":false,"LastActivity":"2026-11-27T06:44:51Z",'
    '"Name":"farm","Nodes":[{"Endpoint":"tcp://a:1","Name":"a","Platforms":["linux/amd64"],'
    '"Status":"running","Version":"v0.25.1"},{"Endpoint":"tcp://b:1","Name":"b",'
    '"Status":"inactive"}]}\n'
    '{"Current":false,"Driver":"","Dynamic":false,"Err":"Cannot connect to the Docker daemon",'
    '"LastActivity":"0001-01-01T00:00:00Z","Name":"gone","Nodes":[{"Endpoint":"","Name":""}]}\n'
)


def test_a_listing_is_read() -> None:
    farm, gone = read_listing(LISTED)
    assert (farm.name, farm.driver, farm.current, farm.runs) == ("farm", "remote", True, True)
    assert [node.status for node in farm.nodes] == ["running", "inactive"]
    assert farm.nodes[0].version == "v0.25.1"
    assert (gone.nodes, gone.error) == ((), "Cannot connect to the Docker daemon")


# As buildx 0.29.1 prints it.
DU = """\
ID                           RECLAIMABLE   SIZE      LAST ACCESSED
lkd0syawwy9m9il7pjzkywkzc*   true          4.096kB   Less than a second ago
Shared:\t\t12.5kB
Private:\t16.3kB
Reclaimable:\t1.5GB
Total:\t\t28.8kB
"""


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        (DU, CacheUsage(28_800, 1_500_000_000)),
        ("Reclaimable:\t0B\nTotal:\t\t0B\n", CacheUsage(0, 0)),
        ("something else\n", CacheUsage()),
    ],
)
def test_how_much_cache(text: str, usage: CacheUsage) -> None:
    assert read_usage(text) == usage
