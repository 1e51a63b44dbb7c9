from __future__ import annotations

import pytest

from wbbench.buildah import Buildah
from wbbench.selection import (
    AIMS,
    EVERY,
    ONE_APPLICATION,
    PLATFORM_WAYS,
    SCENARIOS,
    VERBS,
    Selection,
)
from wbbench.sizes import FULL, SMALL
from wbbench.ways import DOCKER_WAYS

SHAPES = ("from", "copy", "plain")
AS_WRITTEN = ("one-stage", "copy-plain", "django")


def chosen(selection: Selection, way: str = "whalebuild") -> set[str]:
    return {
        f"{scenario}/{shape}"
        for scenario in SCENARIOS
        for shape in (*SHAPES, *AS_WRITTEN)
        if selection.wants(scenario, shape, way)
    }


def test_a_full_run_has_every_scenario_and_both_shapes() -> None:
    found = {name.partition("/")[0] for name in chosen(Selection())}
    assert found == set(SCENARIOS) - {"platforms", "platforms-heavy", "verbs"}
    assert "dependency/copy" in chosen(Selection())
    assert "services-40/copy" not in chosen(Selection())


def test_platforms_have_ways_of_their_own() -> None:
    for way in PLATFORM_WAYS:
        heavy = set() if "+" in way else {"platforms-heavy/from"}
        assert chosen(Selection(), way) == {"platforms/from"} | heavy
        assert chosen(Selection(only=("platforms",)), way) == {"platforms/from"}
        assert chosen(Selection(quick=True), way) == set()
    assert chosen(Selection(only=("platforms/arm64",)), "amd64") == set()
    assert chosen(Selection(only=("platforms",))) == set()
    assert Selection().most_rounds(["arm64-emulated"]) < Selection().most_rounds(["arm64"])


def test_services_are_switched_by_hand_and_with_whalebuild() -> None:
    for way in ("by-hand", "whalebuild"):
        trial = {"deploy-1-trial/from"} if way == "whalebuild" else set()
        small = {"deploy-1/from", "deploy-12/from", "deploy-nothing/from"} | trial
        assert chosen(Selection(only=("deploy",)), way) == {"deploy/from", "deploy/plain"} | small
        assert chosen(Selection(only=("deploy-*",)), way) == small
    assert not [name for name in chosen(Selection()) if "/plain" in name and "deploy" not in name]
    assert chosen(Selection(only=("deploy", "deploy/floor")), "floor") == set()


def test_developers_build_with_compose_and_with_an_override() -> None:
    for way in ("by-hand", "whalebuild"):
        assert chosen(Selection(only=("local",)), way) == {f"local/{s}" for s in AS_WRITTEN}
    assert chosen(Selection(only=("local",)), "floor") == set()


def test_forty_services_are_too_many_for_buildah_unless_it_is_asked_for() -> None:
    assert "services-40/from" not in chosen(Selection(), "buildah")
    assert chosen(Selection(only=("services-40/buildah",)), "buildah") == {"services-40/from"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("code", {f"code/{shape}" for shape in ("from", "copy", *AS_WRITTEN)}),
        ("code/whalebuild", {f"code/{shape}" for shape in ("from", "copy", *AS_WRITTEN)}),
        ("code/one-stage/*", {"code/one-stage"}),
        ("*/django/*", {"code/django", "local/django", "wan-code/django"}),
        ("code/copy/*", {"code/copy"}),
        ("services-*", {"services-1/from", "services-10/from", "services-40/from"}),
        ("code/by-hand", set()),
        ("no-such", set()),
    ],
)
def test_only(pattern: str, expected: set[str]) -> None:
    assert chosen(Selection(only=(pattern,))) == expected


def test_quick_is_one_shape_and_one_round() -> None:
    quick = Selection(quick=True)
    assert chosen(quick) == {"cold/from", "code/from", "host/from", "services-10/from"}
    assert quick.most_rounds(["whalebuild"]) == 1


def test_rounds_suit_the_scenario_unless_they_are_given() -> None:
    assert Selection().wants("code", "from", "floor", 3)
    assert not Selection().wants("cold", "from", "floor", 2)
    assert not Selection().wants("code", "from", "by-hand", 3)
    assert Selection(rounds=2).wants("cold", "from", "floor", 2)
    assert not Selection(rounds=2).wants("code", "from", "floor", 3)


def test_rounds_are_those_of_what_runs() -> None:
    assert Selection(only=("cold",)).most_rounds(["floor"]) == 1
    assert Selection().most_rounds(["by-hand"]) < Selection().most_rounds(["by-hand", "floor"])
    assert Selection(only=("no-such",)).most_rounds(["floor"]) == 0


def test_the_names_of_the_ways_are_theirs() -> None:
    assert [way.name for way in (*DOCKER_WAYS, Buildah())] == list(EVERY)


def test_sizes_and_tracks_are_of_scenarios_that_there_are() -> None:
    for sizes in (FULL, SMALL):
        names = {*sizes.services, *sizes.scale}
        assert names == {name for name in SCENARIOS if "services-" in name or "scale-" in name}
    assert set(ONE_APPLICATION) <= set(SCENARIOS)


@pytest.mark.parametrize("pattern", AIMS)
def test_each_pattern_of_the_aims_chooses_something(pattern: str) -> None:
    ways = (*EVERY, *PLATFORM_WAYS, *VERBS)
    assert any(chosen(Selection(only=(pattern,)), way) for way in ways)


def test_the_slow_link_is_for_docker_ways() -> None:
    assert chosen(Selection(only=("wan-*",)), "buildah") == set()
    assert "wan-code/copy-plain" in chosen(Selection())
    assert "wan-cold/copy" not in chosen(Selection())
