from __future__ import annotations

import pytest

from tests.support.inputs import find, reason
from whalebuild.bakefile.target import Target
from whalebuild.inputs.find import build_of
from whalebuild.inputs.values import Build

SHA = "a" * 64


def test_a_stage_and_all_that_it_stands_on() -> None:
    found = find(
        "# syntax=docker/dockerfile:1\n"
        "ARG VERSION=3\n"
        "FROM python:${VERSION} AS base\n"
        "ARG TOOL=uv\n"
        "FROM base AS deps\n"
        "COPY --exclude=*.md requirements.txt conf/ /x/\n"
        f"ADD --checksum=sha256:{SHA} https://example.org/x /y\n"
        "COPY --from=other . /z\n"
        "RUN --mount=type=secret,id=ca --mount=type=ssh --mount=type=cache,target=/c/ pip install\n"
        "FROM scratch AS unrelated\n"
        "COPY never /\n",
        contexts={"other": "./other", "more": "./more"},
        platforms=("linux/amd64", "linux/arm64"),
        attributes={"network": "host"},
    )
    assert found.stage == "deps"
    assert found.platforms == ("linux/amd64", "linux/arm64")
    assert [(read.context, read.sources, read.excludes) for read in found.reads] == [
        (None, ("requirements.txt", "conf"), ("*.md",)),
        ("other", (".",), ()),
    ]
    assert [base.key for base in found.bases] == ["python:3"]
    assert [(context.name, context.folder) for context in found.contexts] == [("other", "./other")]
    assert [remote.url for remote in found.remotes] == ["https://example.org/x"]
    closure = found.closures[0]
    assert [stage.label for stage in closure.stages] == ["base", "deps"]
    assert closure.args == (("TOOL", "uv"), ("VERSION", "3"))
    assert (closure.secrets, closure.caches) == (("ca", "default"), ("/c",))
    assert closure.attributes == (("network", "host"),)
    assert closure.syntax == "docker/dockerfile:1"


def test_attributes_of_run_reach_no_stage_without_one() -> None:
    found = find("FROM x AS deps\nCOPY a /", attributes={"network": "host"})
    assert found.closures[0].attributes == ()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"SOURCE_DATE_EPOCH": "0"}, (("SOURCE_DATE_EPOCH", "0"),)),
        ({"HTTP_PROXY": "http://proxy", "BUILDKIT_INLINE_CACHE": "1"}, ()),
    ],
)
def test_arguments_that_need_no_declaration(
    args: dict[str, str], expected: tuple[tuple[str, str], ...]
) -> None:
    assert find("FROM x AS deps", args=args).closures[0].args == expected


@pytest.mark.parametrize(
    ("text", "stage", "expected"),
    [
        ("FROM x AS a", "deps", "there is no stage deps"),
        ("", None, "there is no stage"),
        ("# syntax=example.org/mine\nFROM x AS deps", "deps", "another frontend"),
        ("# escape=x\nFROM x AS deps", "deps", "escape directive"),
    ],
)
def test_files_that_are_not_read(text: str, stage: str | None, expected: str) -> None:
    assert expected in reason(text, stage)


@pytest.mark.parametrize(
    "syntax", ["docker/dockerfile:1", f"docker.io/docker/dockerfile-upstream:a@sha256:{SHA}"]
)
def test_dockers_own_frontends_are_read(syntax: str) -> None:
    assert find(f"# syntax={syntax}\nFROM x AS deps").closures[0].syntax == syntax


def test_the_frontend_may_come_as_an_argument() -> None:
    assert "example.org/mine" in reason(
        "FROM x AS deps", args={"BUILDKIT_SYNTAX": "example.org/mine"}
    )


def test_windows_and_a_replaced_stage_are_not_told() -> None:
    assert "Windows" in reason("FROM x AS deps", platforms=("windows/amd64",))
    assert "replaced" in reason("FROM x AS deps", contexts={"deps": "docker-image://y"})


def test_the_last_stage_is_the_default() -> None:
    assert find("FROM x AS a\nFROM a", None).stage == "unnamed, from a"


def test_a_bake_target_gives_what_reaches_its_stages() -> None:
    target = Target(
        "app",
        {
            "context": "service",
            "args": {"A": "1", "B": None},
            "contexts": {"base": "target:base"},
            "platforms": ["linux/amd64"],
            "network": "default",
            "shm-size": "64m",
            "ulimits": ["b=2", "a=1"],
            "extra-hosts": ["two=10.0.0.2", "one:10.0.0.1"],
            "tags": ["x"],
        },
    )
    build = build_of(target, build_platform="linux/arm64")
    assert build == Build(
        args={"A": "1"},
        contexts={"base": "target:base"},
        platforms=("linux/amd64",),
        attributes={"shm-size": "64m", "ulimits": "a=1 b=2", "extra-hosts": "one two"},
        build_platform="linux/arm64",
        context="service",
    )
    assert build_of(target, platforms=("linux/s390x",)).targets == ("linux/s390x",)


@pytest.mark.parametrize(
    ("platforms", "own", "expected"),
    [
        ((), None, ("local",)),
        ((), "linux/arm64", ("linux/arm64",)),
        (("local", "linux/arm64"), "linux/arm64", ("linux/arm64",)),
        (("linux/amd64", "linux/amd64"), None, ("linux/amd64",)),
    ],
)
def test_target_platforms(
    platforms: tuple[str, ...], own: str | None, expected: tuple[str, ...]
) -> None:
    assert Build(platforms=platforms, build_platform=own).targets == expected
