from __future__ import annotations

import pytest

from whalebuild.dockerfile.lexer import UnknownVariableError
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.build_args import Environment, empty_environment, global_args
from whalebuild.inputs.values import AnalysisError, Build


def values(text: str, build: Build | None = None, platform: str = "linux/amd64") -> dict[str, str]:
    before = parse_dockerfile(f"{text}\nFROM scratch\n").before
    found = global_args(before, build or Build(), platform, "deps", "\\").environment
    return {name: value for name, value in found.values.items() if value is not None}


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        ("ARG A=1", {}, {"A": "1"}),
        ("ARG A", {}, {}),
        ("ARG A", {"A": "given"}, {"A": "given"}),
        ("ARG A=1", {"A": ""}, {"A": ""}),
        ("ARG A=1 B=$A-2\nARG C=${B%2}x", {}, {"A": "1", "B": "1-2", "C": "1-x"}),
        ("ARG B=${A:-none}\nARG A=1", {"A": "later"}, {"A": "later", "B": "none"}),
        ("ARG A=$TARGETARCH", {}, {"A": "amd64"}),
        ("ARG TARGETARCH", {}, {}),
        ("ARG TARGETARCH=mips", {}, {"TARGETARCH": "mips"}),
        ("ARG A=$BUILDARCH", {}, {}),
        ('ARG A="x y"', {}, {"A": "x y"}),
    ],
)
def test_the_global_scope(text: str, args: dict[str, str], expected: dict[str, str]) -> None:
    automatic = values("")
    found = values(text, Build(args=args))
    assert {k: v for k, v in found.items() if automatic.get(k) != v} == expected


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux/amd64", ("linux/amd64", "linux", "amd64", "")),
        ("linux/arm/v6", ("linux/arm/v6", "linux", "arm", "v6")),
        ("linux/arm", ("linux/arm/v7", "linux", "arm", "v7")),
    ],
)
def test_the_platforms_arguments(platform: str, expected: tuple[str, ...]) -> None:
    found = values("", platform=platform)
    names = ("PLATFORM", "OS", "ARCH", "VARIANT")
    assert tuple(found[f"TARGET{name}"] for name in names) == expected


def test_a_build_argument_takes_the_place_of_an_automatic_one() -> None:
    assert values("", Build(args={"TARGETARCH": "mine"}))["TARGETARCH"] == "mine"


def test_the_builders_own_platform_is_known_only_if_told() -> None:
    assert "BUILDARCH" not in values("")
    assert values("", Build(build_platform="linux/arm64"))["BUILDARCH"] == "arm64"


def test_sources_are_the_arguments_that_a_value_came_from() -> None:
    before = parse_dockerfile("ARG A=1\nARG B=$A\nARG C=$B\nARG D=$A\nFROM x").before
    found = global_args(before, Build(args={"D": "given"}), "linux/amd64", "deps", "\\")
    assert found.sources["C"] == {"A", "B", "C"}
    assert found.sources["D"] == {"D"}


@pytest.mark.parametrize("text", ["RUN x", "ARG", "ARG =x", "ARG A=${B", "ARG A=${B?}"])
def test_what_buildkit_refuses(text: str) -> None:
    with pytest.raises(AnalysisError):
        values(text)


def test_a_variable_that_the_base_image_may_set_cannot_be_told() -> None:
    assert Environment().lookup("A") is None
    with pytest.raises(UnknownVariableError, match="A"):
        Environment(complete=False).lookup("A")
    with pytest.raises(UnknownVariableError, match="A"):
        Environment({"A": None}).lookup("A")


def test_a_child_sees_env_before_arg() -> None:
    parent = empty_environment()
    parent.set("A", "env", by_env=True)
    parent.set("A", "arg", by_env=False)
    parent.set("B", "arg", by_env=False)
    child = parent.inherited()
    assert (parent.lookup("A"), child.lookup("A"), child.lookup("B")) == ("arg", "env", "arg")
    child.set("A", "own", by_env=True)
    assert parent.inherited().lookup("A") == "env"


def test_a_child_of_an_image_cannot_tell_its_parents_arguments() -> None:
    parent = Environment(complete=False)
    parent.set("A", "arg", by_env=False)
    parent.set("B", "env", by_env=True)
    child = parent.inherited()
    assert child.lookup("B") == "env"
    with pytest.raises(UnknownVariableError):
        child.lookup("A")
