"""What a plan and a bake say about the nodes that build."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import BUILDER
from tests.support.plans import REBUILD, REUSE, app_plan, deps_plan, pair_app, plan
from tests.support.platforms import AMD64, ARM64
from whalebuild.bakefile.images import BuildOptions
from whalebuild.builder.nodes import Execution, Node
from whalebuild.cli.output.plan import announcement, placement_lines, plan_text
from whalebuild.inputs.values import Undetermined
from whalebuild.plan.placement import Placement, RunLines
from whalebuild.plan.plan import AppAction

INTEL = Node("intel", "x", platforms=(AMD64,))
QEMU = replace(INTEL, platforms=(AMD64, ARM64))
RUNS = (RunLines(AMD64, ((AMD64, (3,)),)), RunLines(ARM64, ((ARM64, (3, 7)), (None, (5,)))))


@pytest.mark.parametrize(
    ("placement", "line"),
    [
        (Placement(AMD64, "a", Execution.NATIVE), f"{AMD64} natively on node a"),
        (
            Placement(ARM64, "a", Execution.UNABLE),
            f"{ARM64} on node a, where nothing has to be emulated",
        ),
        (
            Placement(ARM64, "a", Execution.EMULATED),
            f"{ARM64} on node a, where nothing has to be emulated",
        ),
        (
            Placement(ARM64, "a", Execution.EMULATED, emulated=(3, 7)),
            f"{ARM64} on node a, which is of another kind; RUN on lines 3, 7 under emulation",
        ),
        (
            Placement(ARM64, "a", Execution.UNABLE, impossible=(3,)),
            (
                f"{ARM64} on node a, which is of another kind; "
                "RUN on line 3 cannot run: no QEMU is registered"
            ),
        ),
        (
            Placement(AMD64, "a", Execution.NATIVE, emulated=(9,)),
            f"{AMD64} natively on node a; RUN on line 9 under emulation",
        ),
    ],
)
def test_where_a_platform_is_built(placement: Placement, line: str) -> None:
    assert placement_lines([placement], [placement.platform]) == [line]


def test_a_platform_of_which_nothing_is_known_is_named() -> None:
    assert placement_lines([], [AMD64, ARM64]) == [AMD64, ARM64]
    assert placement_lines([], []) == ["the one of the builder"]


@pytest.mark.parametrize(
    ("node", "note"),
    [
        (
            QEMU,
            "app: linux/arm64 on node intel: RUN on lines 3, 7 under emulation, many times slower",
        ),
        (
            INTEL,
            (
                "warning: app: linux/arm64 on node intel cannot run RUN on lines 3, 7: "
                "it needs the cache to have what they make"
            ),
        ),
    ],
)
def test_a_bake_says_what_will_be_slow_and_what_cannot_run(node: Node, note: str) -> None:
    app = replace(app_plan(image=pair_app(AMD64, ARM64)), runs=RUNS)
    made = plan(deps_plan(REUSE), app, facts=replace(BUILDER, nodes=(node,)))
    assert announcement(made)[2:] == [note]
    lines = plan_text(made).splitlines()
    assert "  platforms linux/amd64 natively on node intel" in lines
    assert any(line.startswith("            better: run them on $BUILDPLATFORM") for line in lines)
    done = replace(app, action=AppAction.NOTHING)
    assert not any("RUN" in line for line in plan_text(replace(made, apps=(done,))).splitlines())


def test_platforms_of_inputs_that_cannot_be_told_have_a_place_all_the_same() -> None:
    deps = deps_plan(REBUILD, lock=Undetermined("for a reason"))
    made = plan(deps, facts=replace(BUILDER, nodes=(INTEL,)))
    assert [placement.node for placement in made.placements(deps)] == ["intel"]


def test_on_a_machine_of_another_kind_a_plan_asks_for_what_production_runs() -> None:
    laptop = replace(BUILDER, platform=ARM64)
    hint = "hint: no platform is named: this publishes for linux/arm64, the builder's own"
    unnamed = plan(deps_plan(REUSE), app_plan(image=pair_app()), facts=laptop)
    assert any(line.startswith(hint) for line in plan_text(unnamed).splitlines())
    named = plan(deps_plan(REUSE), app_plan(image=pair_app(ARM64)), facts=laptop)
    here = plan(deps_plan(REUSE), app_plan(image=pair_app()))
    loaded = replace(unnamed, options=BuildOptions(load=True))
    for other in (named, here, loaded):
        assert hint not in plan_text(other)
