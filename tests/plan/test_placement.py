"""Which RUN instructions run natively, and which under emulation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whalebuild.builder.nodes import Execution, Node
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, StageInputs
from whalebuild.plan.placement import Placement, RunLines, left_of, placements_of, runs_of

AMD64, ARM64 = "linux/amd64", "linux/arm64"
INTEL = Node("intel", "x", platforms=(AMD64,))
QEMU = Node("intel", "x", platforms=(AMD64, ARM64))
APPLE = Node("apple", "y", platforms=(ARM64,), given=(ARM64,))
# Stages for the target, for the builder, on one of the builder's, and for one platform in any case.
TEXT = """FROM python AS base
RUN one
FROM --platform=$BUILDPLATFORM python AS installer
RUN two
RUN three
FROM --platform=$TARGETPLATFORM installer AS more
RUN four
FROM --platform=linux/arm64 python AS always
RUN five
FROM base AS unused
RUN six
FROM base AS final
COPY --from=more / /
COPY --from=always / /
RUN seven
"""


def runs(text: str, *platforms: str) -> tuple[RunLines, ...]:
    inputs = find_inputs(parse_dockerfile(text), None, Build(platforms=platforms))
    assert isinstance(inputs, StageInputs), inputs
    return runs_of(inputs)


def test_a_stages_platform_is_the_one_of_what_it_stands_on() -> None:
    amd64, arm64 = runs(TEXT, AMD64, ARM64)
    assert dict(amd64.lines) == {AMD64: (2, 15), None: (4, 5, 7), ARM64: (9,)}
    assert dict(arm64.lines) == {ARM64: (2, 9, 15), None: (4, 5, 7)}


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (
            [INTEL],
            [
                Placement(AMD64, "intel", Execution.NATIVE, (), (9,)),
                Placement(ARM64, "intel", Execution.UNABLE, (), (2, 9, 15)),
            ],
        ),
        (
            [QEMU],
            [
                Placement(AMD64, "intel", Execution.NATIVE, (9,), ()),
                Placement(ARM64, "intel", Execution.EMULATED, (2, 9, 15), ()),
            ],
        ),
        (
            [replace(QEMU, given=(AMD64,)), APPLE],
            [
                Placement(AMD64, "intel", Execution.NATIVE, (9,), ()),
                Placement(ARM64, "apple", Execution.NATIVE),
            ],
        ),
        (
            [QEMU, APPLE],
            [
                Placement(AMD64, "intel", Execution.NATIVE, (9,), ()),
                Placement(ARM64, "intel", Execution.EMULATED, (2, 9, 15), ()),
            ],
        ),
        (
            [replace(INTEL, brings_qemu=True)],
            [
                Placement(AMD64, "intel", Execution.NATIVE, (9,), ()),
                Placement(ARM64, "intel", Execution.EMULATED, (2, 9, 15), ()),
            ],
        ),
        ([], []),
    ],
)
def test_where_platforms_are_built(nodes: list[Node], expected: list[Placement]) -> None:
    assert list(placements_of(runs(TEXT, AMD64, ARM64), nodes)) == expected


def test_nothing_is_emulated_where_nothing_runs_for_the_target() -> None:
    text = (
        "FROM --platform=$BUILDPLATFORM python AS installer\nRUN install\n"
        "FROM python\nCOPY --from=installer /out /\n"
    )
    assert list(placements_of(runs(text, ARM64), [INTEL])) == [
        Placement(ARM64, "intel", Execution.UNABLE)
    ]


def test_what_the_app_base_has_run_is_not_run_again() -> None:
    base = "FROM python AS base\nRUN one\nFROM base\nRUN two\n"
    whole = runs(f"{base}COPY . .\nRUN three\n", AMD64, ARM64)
    done = runs(base, AMD64, ARM64)
    assert left_of(whole, done) == (
        RunLines(AMD64, ((AMD64, (6,)),)),
        RunLines(ARM64, ((ARM64, (6,)),)),
    )
    assert left_of(done, done) == (RunLines(AMD64), RunLines(ARM64))
    assert left_of(whole, ()) == whole
