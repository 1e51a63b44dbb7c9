from __future__ import annotations

import re
from typing import Any

import pytest

from tests.fakes import GOOD_FACTS
from whalebuild.cli.render import error_text, plan_text, result_table
from whalebuild.core.bakefile import Target
from whalebuild.core.definition import BuildOptions, make_jobs
from whalebuild.core.errors import UsageError
from whalebuild.core.pairs import Image, Pair
from whalebuild.core.plan import Plan
from whalebuild.core.references import Reference
from whalebuild.core.results import BakeResult, TargetResult
from whalebuild.core.retry import Retry
from whalebuild.core.settings import Settings

DEPS = TargetResult(
    target="app-deps",
    role="deps",
    tags=("acme/web:deps",),
    digest="sha256:" + "d" * 64,
    platforms=("linux/amd64", "linux/arm64"),
    steps_run=0,
    steps_cached=12,
    bytes_pulled=91_000_000,
    bytes_pushed=None,
    seconds=72.4,
)
APP = TargetResult("app", "app", ("acme/web:latest", "acme/web:v1"), None, (), 1, 3, 0, None, 0.64)


def result(**changes: Any) -> BakeResult:
    values: dict[str, Any] = {
        "published": True,
        "retries": (),
        "warnings": (),
        "bytes_pulled": 91_000_000,
        "seconds": 73.0,
        **changes,
    }
    return BakeResult((DEPS, APP), **values)


def test_a_bake_ends_with_a_short_table() -> None:
    *rows, blank, summary = result_table(result()).strip("\n").splitlines()
    assert [re.split(r"  +", row) for row in rows] == [
        ["TARGET", "IMAGE", "DIGEST", "PLATFORMS", "RUN", "CACHED", "PULLED", "TIME"],
        [
            "app-deps",
            "acme/web:deps",
            "sha256:dddddddddddd",
            "linux/amd64,linux/arm64",
            "0",
            "12",
            "91 MB",
            "1 min 12 s",
        ],
        ["app", "acme/web:latest", "-", "-", "1", "3", "0 B", "0.6 s"],
        ["", "acme/web:v1"],
    ]
    assert len({row.find("acme/web") for row in rows[1:]} | {rows[0].find("IMAGE")}) == 1
    assert (blank, summary) == ("", "published in 1 min 13 s; 91 MB of layers pulled")


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        (
            {"published": False, "seconds": 2.0, "bytes_pulled": 0},
            "loaded into the local engine, nothing pushed in 2.0 s; 0 B of layers pulled",
        ),
        (
            {
                "seconds": 2.0,
                "retries": (
                    Retry("a", "503", 1, 0.5),
                    Retry("a", "503", 2, 1.0),
                    Retry("b", "timeout", 1, 0.5),
                ),
            },
            "published in 2.0 s; 91 MB of layers pulled; 3 retries, 2.0 s waited (503, timeout)",
        ),
        (
            {"seconds": 2.0, "retries": (Retry("a", "i/o timeout", 1, 0.5),)},
            "published in 2.0 s; 91 MB of layers pulled; 1 retry, 0.5 s waited (i/o timeout)",
        ),
    ],
    ids=["loaded", "retries", "one retry"],
)
def test_the_last_line_sums_up(changes: dict[str, Any], summary: str) -> None:
    assert result_table(result(**changes)).splitlines()[-1] == summary


def plan(*, load: bool = False, asked: bool = True) -> Plan:
    app = Image(Target("app", {"platforms": ["linux/amd64"]}), (Reference("acme/web", "latest"),))
    deps = Image(Target("app-deps", {"target": "dependencies"}), (Reference("acme/web", "deps"),))
    options = BuildOptions(load=load, extra_tags=("v1",))
    pair = Pair(app, deps, derived=True)
    settings = Settings(
        image="acme/web", platform=("linux/amd64", "linux/arm64"), origins={"image": "--image"}
    )
    published = {deps.references[0]: True, app.references[0]: False}
    return Plan(
        (pair,),
        make_jobs([pair], options),
        {},
        options,
        settings,
        "docker-bake.hcl",
        GOOD_FACTS if asked else None,
        published if asked else None,
    )


def test_a_plan_says_what_is_built_from_what_and_where_it_goes() -> None:
    assert plan_text(plan()).splitlines()[:17] == [
        "from docker-bake.hcl",
        "builder default (driver docker)",
        "",
        "app-deps: the dependencies (derived from the application's Dockerfile)",
        '  builds    stage "dependencies" of Dockerfile in .',
        "  platforms the one of the builder",
        "  publishes acme/web:deps",
        "  cache     acme/web:deps (published)",
        "",
        "app: the application (bake file)",
        "  builds    the last stage of Dockerfile in .",
        "  platforms linux/amd64",
        "  publishes acme/web:latest",
        "            acme/web:v1",
        "  cache     acme/web:deps (published)",
        "            acme/web:latest (not published yet)",
        "",
    ]


def test_a_plan_ends_with_the_settings_and_their_origins() -> None:
    lines = plan_text(plan()).split("\nsettings\n")[1].splitlines()
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert rows["image"].split() == ["acme/web", "(--image)"]
    assert " ".join(rows["platform"].split()) == "linux/amd64, linux/arm64 (default)"
    assert rows["builder"].split() == ["-", "(default)"]
    assert rows["file"].split() == ["-", "(default)"]


def test_a_plan_that_asked_nobody_says_so() -> None:
    text = plan_text(plan(asked=False))
    assert "builder default" not in text
    assert "acme/web:deps (not asked)" in text


def test_a_plan_to_load_publishes_nothing() -> None:
    text = plan_text(plan(load=True))
    assert "publishes" not in text
    assert "  loads     acme/web:latest" in text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UsageError("what"), "error: what"),
        (
            UsageError("what", cause="why", next_step="do", log="the log"),
            "the log\n\nerror: what\n  cause: why\n  next:  do",
        ),
    ],
    ids=["bare", "full"],
)
def test_an_error_says_what_happened_why_and_what_to_do(error: UsageError, text: str) -> None:
    assert error_text(error) == text
