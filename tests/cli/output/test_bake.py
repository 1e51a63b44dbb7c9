from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from whalebuild.bake.result import BakeResult, TargetResult
from whalebuild.cli.output.bake import next_pull_lines, result_table
from whalebuild.cli.output.error import error_text
from whalebuild.errors import Retry, UsageError
from whalebuild.published.download import NextPull

DEPS = TargetResult(
    target="app-deps",
    role="deps",
    action="reused",
    tags=("acme/web:deps",),
    digest="sha256:" + "d" * 64,
    platforms=("linux/amd64", "linux/arm64"),
    steps_run=0,
    steps_cached=12,
    bytes_pulled=91_000_000,
    bytes_pushed=None,
    seconds=72.4,
)
APP = TargetResult(
    "app", "app", "built", ("acme/web:latest", "acme/web:v1"), None, (), 1, 3, 0, None, 0.64
)


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
        ["TARGET", "IMAGE", "ACTION", "DIGEST", "PLATFORMS", "RUN", "CACHED", "PULLED", "TIME"],
        [
            "app-deps",
            "acme/web:deps",
            "reused",
            "sha256:dddddddddddd",
            "linux/amd64,linux/arm64",
            "0",
            "12",
            "91 MB",
            "1 min 12 s",
        ],
        ["app", "acme/web:latest", "built", "-", "-", "1", "3", "0 B", "0.6 s"],
        ["", "acme/web:v1"],
    ]
    assert len({row.find("acme/web") for row in rows[1:]} | {rows[0].find("IMAGE")}) == 1
    assert (blank, summary) == ("", "published in 1 min 13 s; 91 MB of layers pulled")


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        (
            {"published": False, "seconds": 2.0, "bytes_pulled": 0},
            "built, nothing pushed in 2.0 s; 0 B of layers pulled",
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
            (
                "published in 2.0 s; 91 MB of layers pulled; "
                "3 retries, 2.0 s waited (2 x 503, timeout)"
            ),
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


def test_what_whalebuild_has_pushed_is_told_where_that_is_all() -> None:
    sent = replace(APP, bytes_pushed=5_100)
    several = replace(result(seconds=2.0), targets=(DEPS, sent))
    assert result_table(several).splitlines()[-1] == (
        "published in 2.0 s; 91 MB of layers pulled; 5.1 KB pushed"
    )
    by_buildkit = replace(several, targets=(replace(DEPS, action="built"), sent))
    assert "pushed" not in result_table(by_buildkit).splitlines()[-1]


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


@pytest.mark.parametrize(
    ("pulls", "lines"),
    [
        (None, []),
        (
            {"linux/amd64": NextPull(14_000, 212_000_000)},
            ["a host with the previous web:latest will download 14 KB of 212 MB"],
        ),
        (
            {"linux/amd64": NextPull(14_000, 212_000_000), "linux/arm64": NextPull(900, 1_000)},
            [
                (
                    "a host with the previous web:latest will download "
                    "14 KB of 212 MB (linux/amd64), 900 B of 1.0 KB (linux/arm64)"
                )
            ],
        ),
    ],
    ids=["not known", "one platform", "two"],
)
def test_what_a_host_will_download(pulls: dict[str, NextPull] | None, lines: list[str]) -> None:
    done = replace(result(), targets=(DEPS, replace(APP, next_pull=pulls)))
    assert list(next_pull_lines(done)) == lines
    untagged = replace(done, targets=(replace(APP, tags=("acme/web",), next_pull=pulls),))
    assert list(next_pull_lines(untagged)) == lines
