"""What is said of the builder, and of the platforms that it is to build."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import B_DOWN, NO_BUILDER, OWN, A
from tests.support.platforms import AMD64, ARM64
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.listing import Builder
from whalebuild.builder.nodes import Execution, Node
from whalebuild.doctor.builder import (
    judge_builder,
    judge_platforms,
    judge_reach,
    judge_trial,
)
from whalebuild.doctor.finding import Status
from whalebuild.errors import ExitCode
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.plan.placement import Placement

ALONE = Node("default", "default", platforms=(AMD64,), own=AMD64)


@pytest.mark.parametrize(
    ("chosen_by", "command"),
    [
        ("BUILDX_BUILDER", "unset BUILDX_BUILDER"),
        ("WHALEBUILD_BUILDER", "unset WHALEBUILD_BUILDER"),
        ("docker buildx use", "docker buildx use default"),
        ("whalebuild.toml", "whalebuild builder create fram"),
    ],
)
def test_a_builder_that_does_not_exist(chosen_by: str, command: str) -> None:
    found = judge_builder(NO_BUILDER, "fram", chosen_by)
    assert (found.status, found.exit_code) == (Status.FAILURE, ExitCode.ENGINE)
    assert found.what == 'there is no builder "fram"'
    assert found.command == command


def test_a_stopped_container_is_started_by_a_bake() -> None:
    stopped = Node("ci0", "default", status="stopped")
    found = judge_builder(Builder("ci", "docker-container", (stopped,)), "ci", "--builder")
    assert found.status is Status.WARNING
    assert found.command == "docker buildx inspect --bootstrap ci"


def test_a_farm_with_a_node_that_is_down() -> None:
    found = judge_builder(Builder("farm", "remote", (A, B_DOWN)), "farm", "--builder")
    assert found.status is Status.WARNING
    assert "farm1 at tcp://b:1" in found.what
    found = judge_builder(Builder("farm", "remote", (B_DOWN,)), "farm", "--builder")
    assert found.status is Status.FAILURE


def test_a_good_one() -> None:
    named = replace(OWN, nodes=(replace(ALONE, version="v0.25.1"),))
    found = judge_builder(named, None, "the docker context")
    assert found.what == '"default" (driver docker), BuildKit v0.25.1'


def test_a_trial_that_fails() -> None:
    full = CommandFailedError("ERROR: write /x: no space left on device\n")
    assert judge_trial(full).command == "docker buildx prune --all"
    other = judge_trial(CommandFailedError("ERROR: failed to solve: out of luck\n"))
    assert (other.status, other.cause) == (Status.FAILURE, "out of luck")
    assert judge_trial(None).status is Status.OK


def test_a_container_that_does_not_reach_loopback() -> None:
    node = Node("ci0", "default", own_network=True)
    facts = BuilderFacts("ci", "docker-container", True, AMD64, (node,))
    found = judge_reach(facts, ["127.0.0.1:5000"])
    assert found
    assert found.command == (
        "whalebuild builder rm ci && whalebuild builder create ci --driver-opt network=host"
    )
    assert judge_reach(facts, ["registry.test"]) is None


def placed(how: Execution, **lines: tuple[int, ...]) -> Placement:
    return Placement(ARM64, "default", how, **lines)


def test_steps_that_cannot_run() -> None:
    unable = placed(Execution.UNABLE, impossible=(3, 5))
    (found,) = judge_platforms([unable, unable], [ALONE], [ARM64])
    assert found.what == "steps for linux/arm64 cannot run: lines 3, 5"
    assert found.command == "docker run --privileged --rm tonistiigi/binfmt --install arm64"
    assert found.status is Status.FAILURE


def test_steps_that_are_emulated() -> None:
    emulates = replace(ALONE, platforms=(AMD64, ARM64))
    (found,) = judge_platforms([placed(Execution.EMULATED, emulated=(3,))], [emulates], [ARM64])
    assert found.status is Status.WARNING


def test_a_platform_for_which_nothing_runs() -> None:
    (found,) = judge_platforms([placed(Execution.UNABLE)], [ALONE], [ARM64])
    assert (found.status, found.what) == (
        Status.OK,
        "linux/arm64 needs no emulation: no step runs its programs",
    )


def test_platforms_without_a_project() -> None:
    (found,) = judge_platforms([], [ALONE], [AMD64, ARM64])
    assert (found.status, found.what) == (Status.WARNING, "programs of linux/arm64 cannot run")
    (found,) = judge_platforms([], [ALONE], [AMD64])
    assert found.what == "linux/amd64 natively"
    (found,) = judge_platforms([], [Node("n", "e", status="inactive")], [AMD64])
    assert found.status is Status.SKIPPED
