from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from wbbench.aims import Verdict, verdicts
from wbbench.samples import Sample, summarize


def sample(scenario: str, way: str = "whalebuild", shape: str = "from", **numbers: Any) -> Sample:
    return Sample(scenario, shape, way, 1, **numbers)


def judged(samples: Sequence[Sample], part: str, **notes: object) -> Verdict:
    (found,) = (v for v in verdicts(summarize(samples), notes) if part in v.aim and v.known)
    return found


def test_what_was_not_measured_is_not_met() -> None:
    found = verdicts([], {})
    assert found
    assert not any(v.met or v.known for v in found)
    assert {v.measured for v in found} == {"not measured"}


def test_a_failed_run_is_no_measurement() -> None:
    found = verdicts(summarize([sample("nothing", error="it broke")]), {})
    assert not any(v.known for v in found)


@pytest.mark.parametrize(("down", "met"), [(32_000, True), (32_001, False)])
def test_code_only_down_counts_the_base_image_too(down: int, met: bool) -> None:
    verdict = judged([sample("code", seconds=1, down=1000, base_down=down - 1000)], "down")
    assert verdict.met is met


@pytest.mark.parametrize(("up", "met"), [(40_000, True), (40_001, False)])
def test_code_only_up_is_held_against_the_code_layer(up: int, met: bool) -> None:
    verdict = judged([sample("code", seconds=1, code_layer=8_000, up=up)], "code layer")
    assert verdict.met is met


@pytest.mark.parametrize(("ours", "near", "faster"), [(0.8, True, True), (0.9, False, False)])
def test_code_only_time(ours: float, near: bool, faster: bool) -> None:
    samples = [
        sample("code", seconds=ours),
        sample("code", "floor", seconds=0.5),
        sample("code", "by-hand", seconds=16.0),
        sample("code", "floor", "copy", seconds=0.1),
    ]
    assert judged(samples, "floor").met is near
    assert judged(samples, "by hand").met is faster


@pytest.mark.parametrize(("requests", "builds"), [(2, 0), (3, 1)])
def test_nothing_changed(requests: int, builds: int) -> None:
    samples = [sample("nothing", seconds=0.5, requests=requests, builds=builds)]
    assert judged(samples, "requests").met is (requests == 2)
    assert judged(samples, "no build").met is (builds == 0)
    assert judged(samples, "≤ 0.5 s").met


def test_no_build_is_not_claimed_where_nobody_looked() -> None:
    samples = [sample("nothing", seconds=0.9)]
    assert [v.known for v in verdicts(summarize(samples), {}) if "no build" in v.aim] == [False]


@pytest.mark.parametrize(("down", "met"), [(35_000, True), (35_100, False)])
def test_a_deployment_is_held_against_one_by_hand_in_bytes(down: int, met: bool) -> None:
    samples = [
        sample("deploy", shape="plain", seconds=9, down=down),
        sample("deploy", "by-hand", "plain", seconds=1, down=34_000_000, base_down=1_000_000),
    ]
    assert judged(samples, "fewer bytes than by hand").met is met
    assert not [v for v in verdicts(summarize(samples[:1]), {}) if "by hand" in v.aim and v.known]


def test_one_dependency_added_is_held_against_max_in_time_and_bytes_both_ways() -> None:
    samples = [
        sample("dependency", seconds=10, down=5, up=6),
        sample("dependency", "max", seconds=11, down=4, base_down=1, up=5),
    ]
    assert judged(samples, "of `max`, both ways").met is False
    assert judged(samples, "s of `max`").met is True


@pytest.mark.parametrize(("forty", "met"), [(102, True), (300, False)])
def test_requests_are_linear_in_the_services(forty: int, met: bool) -> None:
    counts = {1: 24, 10: 42, 40: forty}
    samples = [sample(f"services-{n}", requests=requests) for n, requests in counts.items()]
    verdict = judged(samples, "linear")
    assert verdict.met is met
    assert "2.0 a service from 1 to 10" in verdict.measured


def test_forty_services_plan_and_bakes() -> None:
    plan = [sample("services-40-plan", seconds=0.8)]
    assert judged(plan, "plan").met
    assert judged([], "bake invocation", **{"services-40-bakes": 1}).met
    assert not judged([], "bake invocation", **{"services-40-bakes": 2}).met


@pytest.mark.parametrize(("arm64", "both", "met"), [(10, 16, True), (11, 17, False)])
def test_other_platforms(arm64: float, both: float, met: bool) -> None:
    measured = {"arm64-emulated": 150, "arm64": arm64, "amd64": 10, "amd64+arm64": both}
    samples = [sample("platforms", way, seconds=seconds) for way, seconds in measured.items()]
    assert judged(samples, "than emulated").met is met
    heavy = [sample("platforms-heavy", way, seconds=measured[way]) for way in list(measured)[:2]]
    assert judged(heavy, "scipy").met is met
    assert judged(samples, "for both platforms").met is met


def test_tags() -> None:
    assert judged([], "tags", tags={"whalebuild": ["deps", "latest"]}).met
    assert not judged([], "tags", tags={"whalebuild": ["buildcache", "deps", "latest"]}).met


@pytest.mark.parametrize(
    ("moved", "requests", "seconds", "met"),
    [(19_000, 20, 1.2, True), (50_000, 21, 1.7, False)],
)
def test_dockerfiles_as_people_write_them(
    moved: int, requests: int, seconds: float, met: bool
) -> None:
    numbers = {"seconds": seconds, "down": moved, "up": moved, "requests": requests}
    samples = [
        sample("code", shape="one-stage", **numbers),
        sample("code", "floor", "one-stage", seconds=0.9),
        sample("code", "by-hand", "one-stage", seconds=30.0, base_down=1_000_000),
        sample("code", "inline", "one-stage", seconds=16.0, down=400_000),
        sample("code", "max", "one-stage", seconds=20.0, down=500_000),
    ]
    what = "fresh runner, code-only, shape `one-stage`"
    found = [v for v in verdicts(summarize(samples), {}) if v.aim.startswith(what)]
    assert [verdict.met for verdict in found] == [met] * 7
    assert all(verdict.known for verdict in found)


def test_the_best_of_today_is_known_where_all_of_it_was_measured() -> None:
    samples = [
        sample("code", way, "one-stage", seconds=1) for way in ("whalebuild", "floor", "max")
    ]
    what = "fresh runner, code-only, shape `one-stage`: at least"
    found = [v for v in verdicts(summarize(samples), {}) if v.aim.startswith(what)]
    assert [verdict.known for verdict in found] == [False, False]


@pytest.mark.parametrize(("up", "ours", "met"), [(100, 5, True), (120, 7, False)])
def test_many_services_cold(up: int, ours: float, met: bool) -> None:
    samples = [
        sample("services-40-cold", seconds=ours, up=up, distinct=100),
        sample("services-40-cold", "floor", seconds=6),
        sample("services-40-cold", "inline", seconds=9),
    ]
    assert judged(samples, "distinct bytes").met is met
    assert judged(samples, "as fast as the best other way").met is met
    assert judged(samples, "as fast as the best other way").measured.endswith("`floor`)")


@pytest.mark.parametrize(("requests", "ours", "met"), [(80, 1.2, True), (81, 1.3, False)])
def test_one_of_forty_changed(requests: int, ours: float, met: bool) -> None:
    samples = [sample("services-40", seconds=ours, requests=requests)]
    assert judged(samples, "requests a service").met is met
    assert judged(samples, "≤ 1.2 s").met is met


@pytest.mark.parametrize(("most", "memory", "met"), [(2.0, 2, True), (3.1, 201, False)])
def test_plans_of_two_hundred_services(most: float, memory: int, met: bool) -> None:
    seconds = {"scale-50": 0.5, "scale-100": 1.0, "scale-200": most}
    samples = [sample(n, seconds=s, memory=memory * 1_000_000) for n, s in seconds.items()]
    found = [v for v in verdicts(summarize(samples), {}) if v.aim.startswith("200 services")]
    assert [verdict.met for verdict in found] == [met] * 3


@pytest.mark.parametrize(("ours", "memory", "met"), [(11, 150, True), (11.1, 151, False)])
def test_a_large_service(ours: float, memory: int, met: bool) -> None:
    names = ("large-cold", "large-code", "large-file")
    samples = [sample(n, seconds=ours, memory=memory * 1_000_000) for n in names]
    samples += [sample(name, "floor", seconds=10) for name in names]
    found = [v for v in verdicts(summarize(samples), {}) if v.aim.startswith("2 GB")]
    assert [verdict.met for verdict in found] == [met] * 4


def test_over_the_slow_link_no_way_of_today_is_faster() -> None:
    samples = [
        sample("wan-code", seconds=2),
        sample("wan-code", "by-hand", seconds=40),
        sample("wan-code", "max", seconds=20),
        sample("wan-code", "floor", seconds=1),
        sample("wan-cold", seconds=50),
        sample("wan-cold", "max", seconds=49),
    ]
    assert judged(samples, "50 Mbit/s, code-only").met
    assert judged(samples, "50 Mbit/s, fresh runner").measured.startswith(
        "20.0\N{MULTIPLICATION SIGN} (40.0 s"
    )
    assert not judged(samples, "50 Mbit/s, cold").met


@pytest.mark.parametrize(("seconds", "met"), [(0.1, True), (0.11, False)])
def test_verbs(seconds: float, met: bool) -> None:
    assert judged([sample("verbs", "--help", seconds=seconds)], "whalebuild --help").met is met
