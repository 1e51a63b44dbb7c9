from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, StageInputs
from whalebuild.plan.pins import (
    base_contexts,
    image_context,
    lost_arguments,
    stage_names,
    target_contexts,
)

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
PINNED = "python@sha256:" + "3" * 64


@pytest.mark.parametrize(
    ("app", "deps", "names"),
    [
        ({}, {"target": "dependencies"}, ("dependencies",)),
        ({}, {"target": "Dependencies"}, ("dependencies",)),
        ({}, {}, ()),
        ({}, {"target": "0"}, ()),
        ({"context": "api"}, {"target": "dependencies"}, ()),
        ({"dockerfile": "other"}, {"target": "dependencies"}, ()),
        ({"context": "api", "contexts": {"base": "target:deps"}}, {"context": "py"}, ("base",)),
        (
            {"contexts": {"x": "target:deps", "y": "target:other"}},
            {"target": "dependencies"},
            ("x", "dependencies"),
        ),
        (
            {"contexts": {"dependencies": "target:deps"}},
            {"target": "dependencies"},
            ("dependencies",),
        ),
    ],
    ids=[
        "stage",
        "stage in another case",
        "the last stage",
        "a stage by number",
        "another context",
        "another Dockerfile",
        "linked",
        "linked and stage",
        "linked under the stage's name",
    ],
)
def test_an_application_finds_its_dependencies_by_stage_or_context(
    app: dict[str, Any], deps: dict[str, Any], names: tuple[str, ...]
) -> None:
    application, dependencies = Target("app", app), Target("deps", deps)
    assert stage_names(application, dependencies) == names
    assert target_contexts(application, dependencies) == dict.fromkeys(names, "target:deps")


def inputs(text: str, contexts: dict[str, str] | None = None) -> StageInputs:
    found = find_inputs(parse_dockerfile(text), None, Build(contexts=contexts or {}))
    assert isinstance(found, StageInputs), found
    return found


@pytest.mark.parametrize(
    ("text", "contexts", "digests", "pinned"),
    [
        ("FROM python:3.12", {}, {"python:3.12": ONE}, {"python:3.12": f"python:3.12@{ONE}"}),
        ("FROM python:latest", {}, {"python:latest": ONE}, {"python": f"python:latest@{ONE}"}),
        (
            "FROM docker.io/library/python:3",
            {},
            {"docker.io/library/python:3": ONE},
            {"python:3": f"docker.io/library/python:3@{ONE}"},
        ),
        ("FROM python:3.12", {}, {}, {}),
        (f"FROM {PINNED}", {}, {PINNED: ONE}, {}),
        ("FROM scratch", {}, {}, {}),
        (
            "FROM a AS x\nFROM b\nCOPY --from=x / /\nCOPY --from=c / /",
            {},
            {"a": ONE, "b": TWO, "c": ONE},
            {"a": f"a@{ONE}", "b": f"b@{TWO}", "c": f"c@{ONE}"},
        ),
        (
            "FROM base",
            {"base": "docker-image://ghcr.io/acme/base:1"},
            {"ghcr.io/acme/base:1": ONE},
            {"base": f"ghcr.io/acme/base:1@{ONE}"},
        ),
    ],
    ids=[
        "a tag",
        "latest",
        "in full",
        "digest not known",
        "pinned by the user",
        "scratch",
        "several",
        "a context",
    ],
)
def test_external_images_are_pinned_under_the_name_that_buildkit_looks_up(
    text: str, contexts: dict[str, str], digests: dict[str, str], pinned: dict[str, str]
) -> None:
    closures = inputs(text, contexts).closures
    expected = {name: image_context(reference) for name, reference in pinned.items()}
    assert base_contexts(closures, digests) == expected


DEPS = "FROM debian AS base\nARG ROOT=1\nFROM base AS dependencies\nARG INDEX\nRUN pip install x\n"


@pytest.mark.parametrize(
    ("rest", "lost"),
    [
        ("FROM dependencies\nCOPY . .", None),
        ("FROM dependencies\nRUN make", ("INDEX", 7)),
        ("FROM dependencies\nARG INDEX=3 ROOT=2\nRUN make", None),
        ("FROM dependencies\nARG INDEX=3\nRUN make", ("ROOT", 8)),
        ("FROM dependencies\nARG INDEX=3 ROOT\nRUN make", ("ROOT", 8)),
        ("FROM dependencies\nARG ROOT\nENV A=$ROOT", ("ROOT", 8)),
        ("FROM dependencies\nENV A=$ROOT", ("ROOT", 7)),
        ("FROM dependencies\nENV A=${INDEX:-x}", ("INDEX", 7)),
        ("FROM dependencies\nENV A=$INDEXES B=ROOT", None),
        ("FROM dependencies\nLABEL a=b\nCOPY $INDEX /x", ("INDEX", 8)),
        ("FROM dependencies\nARG OWN=$INDEX", ("INDEX", 7)),
        ("FROM dependencies AS mid\nUSER x\nFROM mid\nRUN make", ("INDEX", 9)),
        ("FROM dependencies AS mid\nARG INDEX=3 ROOT=2\nFROM mid\nRUN make", None),
        ("FROM dependencies AS other\nRUN make\nFROM base\nCOPY --from=dependencies / /", None),
        ("FROM base\nRUN make", None),
        ("FROM Dependencies\nRUN make", ("INDEX", 7)),
    ],
    ids=[
        "nothing runs",
        "RUN has it in its environment",
        "declared again",
        "one of two declared again",
        "one of two declared again without a value",
        "declared again without a value",
        "ENV of a parent's argument",
        "ENV with a default",
        "names that only begin alike",
        "COPY",
        "ARG of its own",
        "over a stage between",
        "declared again between",
        "copied from only",
        "beside it",
        "in another case",
    ],
)
def test_arguments_that_an_image_would_not_hand_down(
    rest: str, lost: tuple[str, int] | None
) -> None:
    dockerfile = parse_dockerfile(DEPS + rest)
    stage = dockerfile.stage("dependencies")
    assert stage
    assert lost_arguments(dockerfile, stage, dockerfile.stages[-1]) == lost


@pytest.mark.parametrize(
    ("before", "given", "lost"),
    [
        ("", {}, ("INDEX", 6)),
        ("", {"INDEX": "3"}, None),
        ("ARG INDEX=3\n", {}, None),
        ("ARG INDEX\n", {}, ("INDEX", 7)),
        ("ARG INDEX\n", {"INDEX": "3"}, None),
    ],
)
def test_a_value_from_outside_is_the_same_without_the_stage(
    before: str, given: dict[str, str], lost: tuple[str, int] | None
) -> None:
    text = f"{before}FROM debian AS dependencies\nARG INDEX=1 TARGETARCH\nRUN pip install x\n"
    text += "FROM dependencies\nARG INDEX TARGETARCH\nRUN make"
    dockerfile = parse_dockerfile(text)
    assert lost_arguments(dockerfile, *dockerfile.stages, given) == lost


def test_a_stage_without_arguments_loses_none() -> None:
    text = "ARG GLOBAL=1\nFROM debian AS dependencies\nRUN x\nFROM dependencies\nRUN make $GLOBAL"
    dockerfile = parse_dockerfile(text)
    assert lost_arguments(dockerfile, dockerfile.stages[0], dockerfile.stages[1]) is None


def test_the_dependencies_own_stage_is_the_final_one() -> None:
    dockerfile = parse_dockerfile(DEPS)
    assert lost_arguments(dockerfile, dockerfile.stages[1], dockerfile.stages[1]) is None


def test_a_stage_that_is_chosen_by_an_argument_may_be_the_dependencies() -> None:
    text = "ARG B=dependencies\nFROM debian AS dependencies\nARG X\nFROM ${B}\nRUN make"
    dockerfile = parse_dockerfile(text)
    assert lost_arguments(dockerfile, dockerfile.stages[0], dockerfile.stages[1]) == ("X", 4)
    without = parse_dockerfile(text.replace("ARG X\n", ""))
    assert lost_arguments(without, without.stages[0], without.stages[1]) is None
