"""The two Dockerfiles: what is repeated, kept and refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.appbase.cutting import cut, refusal, tail
from whalebuild.appbase.generated import base_dockerfile, tail_dockerfile
from whalebuild.dockerfile.parser import parse_dockerfile


def rest(text: str, **options: Any) -> list[str]:
    """The instructions of the tail's last stage."""
    made = tail(cut(text, **options)).text
    return [step.whole for step in parse_dockerfile(made).stages[-1].instructions]


def test_both_files_in_full() -> None:
    text = """\
# syntax=docker/dockerfile:1
# check=skip=JSONArgsRecommended

# The base.
FROM debian AS base
ARG UID=1000 \\
    # not the group
    NAME=app
RUN <<EOF
useradd -u $UID $NAME
EOF
FROM alpine AS side
COPY . .

# The application.
FROM base AS Final
ENV A=1
RUN y
# From here on, code.
COPY --chown=$UID . .
COPY --from=1 /a /b
"""
    found = cut(text)
    assert base_dockerfile(found) == "".join(text.splitlines(keepends=True)[:18])
    made = tail(found)
    assert made.repeated == 1
    assert made.text == text.replace(
        "FROM base AS Final\nENV A=1\nRUN y\n",
        "FROM app-base AS Final\nARG UID=1000 \\\n    # not the group\n    NAME=app\n",
    )


def test_line_numbers_are_kept_where_there_is_room() -> None:
    text = "FROM debian\nRUN x\nENV A=1\n\nRUN y\nARG B=1\nCOPY . .\nCMD z\n"
    assert tail(cut(text)).text == "FROM app-base\nARG B=1\n\n\n\n\nCOPY . .\nCMD z\n"


def test_windows_line_ends_stay() -> None:
    text = "FROM debian\r\nRUN x\r\nCOPY . .\r\n"
    found = cut(text)
    assert base_dockerfile(found) == "FROM debian\r\nRUN x\r\n"
    assert tail(found).text == "FROM app-base\n\nCOPY . .\r\n"


def test_the_platform_of_the_chain_goes_with_its_base() -> None:
    text = "FROM --platform=$TARGETPLATFORM debian as x\nRUN y\nCOPY . ."
    assert tail(cut(text)).text.startswith("FROM app-base as x\n")


def test_a_whole_image_has_a_tail_without_instructions() -> None:
    assert tail(cut("FROM debian\nRUN x")).text == "FROM app-base\n"


def test_the_name_of_a_stage_is_no_name_for_the_app_base() -> None:
    with pytest.raises(ValueError, match="base is a stage"):
        tail_dockerfile(cut("FROM debian AS base\nRUN x\nCOPY . ."), "base")


@pytest.mark.parametrize(
    ("before", "after", "repeats"),
    [
        ("CMD a", "ENTRYPOINT b", ["CMD a"]),
        ("CMD a\nCMD b", "ENTRYPOINT c", ["CMD b"]),
        ('SHELL ["x"]\nCMD a', "ENTRYPOINT b", ["CMD a"]),
        ('CMD ["a"]\nSHELL ["x"]', "ENTRYPOINT b", ['CMD ["a"]']),
        ("CMD a", "USER b", []),
        ("CMD a", "ENTRYPOINT b\nCMD c", []),
        ("CMD a", "FROM last\nENTRYPOINT b", []),  # forgotten in the ordinary build as well
        ("CMD a\nFROM last", "ENTRYPOINT b", []),
        ("ENTRYPOINT a", "ENTRYPOINT b", []),
    ],
)
def test_a_command_that_an_entrypoint_would_forget(
    before: str, after: str, repeats: list[str]
) -> None:
    found = cut(f"FROM debian AS last\nRUN x\n{before}\nCOPY . .\n{after}")
    made = tail(found)
    assert made.repeated == len(repeats)
    stage = parse_dockerfile(made.text).stages[found.stage.index]
    assert [s.whole for s in stage.instructions[: made.repeated]] == repeats


def test_a_command_for_another_shell_is_refused() -> None:
    text = 'FROM debian\nRUN x\nCMD a\nSHELL ["x"]\nCOPY . .\nENTRYPOINT ["b"]'
    assert str(refusal(cut(text))) == "CMD would be run by the SHELL after it (line 3)"


@pytest.mark.parametrize(
    ("before", "after", "repeats"),
    [
        ("ARG A=1\nARG B=$A", "LABEL x=$B", ["ARG A=1", "ARG B=$A"]),
        ("ARG A=1\nENV A=2", "LABEL x=$A", []),
        ("ARG A=1\nENV A=$A", "LABEL x=$A", ["ARG A=1"]),
        ("ENV A=2\nARG A=1", "LABEL x=$A", ["ARG A=1"]),
        ("ENV A=2\nARG A=1\nFROM last\nRUN z", "LABEL x=$A", []),
        ("ARG A=1 B=2\nENV A=3", "LABEL x=$A", ["ARG B=2"]),
        ("ARG A=1\nENV A=2", "RUN y", ["ARG A=${A}"]),
        ("ARG A=1 B=2\nENV A=3", "RUN y", ["ARG A=${A} B=2"]),
        (
            "ARG TARGETARCH\nARG X=$TARGETARCH",
            "LABEL x=$X",
            ["ARG TARGETARCH", "ARG X=$TARGETARCH"],
        ),
        ("ARG A=$HOSTNAME", "LABEL x=$A", ["ARG A=$HOSTNAME"]),
        # Another value, but nobody looks.
        ("ENV A=1\nARG B=$A\nENV A=2", "LABEL x=$A", ["ARG B=$A"]),
    ],
)
def test_arguments_that_an_image_does_not_hand_down(
    before: str, after: str, repeats: list[str]
) -> None:
    found = cut(f"FROM debian AS last\nRUN x\n{before}\nCOPY . .\n{after}")
    made = tail(found)
    stage = parse_dockerfile(made.text).stages[found.stage.index]
    assert [s.whole for s in stage.instructions[: made.repeated]] == repeats


@pytest.mark.parametrize(
    ("before", "after", "args", "line"),
    [
        ("ENV A=1\nARG B=$A\nENV A=2", "LABEL x=$B", {}, 7),
        ("ENV A=1\nARG B=$A\nENV A=2", "COPY <<EOF /x\n${B}\nEOF", {}, 7),
        ("ENV A=1\nARG B=$A\nENV A=2", "RUN y", {}, 7),
        ("ARG A=1\nARG B=$A\nENV A=2", "LABEL x=$B", {}, 7),
        ("ARG A=1\nENV A=2", "RUN y", {"A": "3"}, 6),
        ("ARG A\nENV A=2", "LABEL x=$A", {"A": "2"}, None),
        ("ARG A\nENV A=${A:-5}", "RUN y", {"A": "3"}, None),
    ],
)
def test_arguments_that_would_have_another_value(
    before: str, after: str, args: dict[str, str], line: int | None
) -> None:
    found = cut(f"FROM debian AS last\nRUN x\n{before}\nCOPY . .\n{after}", args=args)
    if line is None:
        tail(found)
    else:
        assert refusal(found).line == line


def test_an_argument_of_an_earlier_stage_may_be_a_variable_of_the_base() -> None:
    text = "FROM debian AS base\nARG A=1\nRUN x\nFROM base\nRUN y\nCOPY . .\nLABEL x=$A"
    found = cut(text)
    assert str(refusal(found, environment=None)) == (
        "ARG A would have another value on an image (line 7)"
    )
    assert tail(found, environment={"PATH"}).repeated == 1
    assert tail(found, environment={"PATH", "A"}).repeated == 0
    same = cut("FROM debian\nARG A=1\nRUN x\nCOPY . .\nLABEL x=$A")
    assert "ARG A=1" in tail(same, environment=None).text
    unused = cut(text.replace("$A", "a"))
    assert "ARG A=1" in tail(unused, environment=None).text


def test_a_side_stage_on_the_app_base_sees_its_arguments() -> None:
    text = (
        "FROM debian AS base\nENV A=1\nARG B=$A\nENV A=2\nRUN x\nFROM base AS side\nCOPY . .\n"
        "RUN y\nFROM base\nCOPY --from=side /a /b"
    )
    assert refusal(cut(text)).line == 8


def test_a_relative_workdir_is_an_error_where_checks_are() -> None:
    text = "FROM debian\nWORKDIR /a\nRUN x\nCOPY . .\nWORKDIR b"
    check = "# check=skip=all;error=true\n"
    assert str(refusal(cut(check + text))) == "a relative WORKDIR is an error here (line 6)"
    args = {"BUILDKIT_DOCKERFILE_CHECK": "error=true"}
    assert refusal(cut(text, args=args)).line == 5
    assert rest(text) == ["COPY . .", "WORKDIR b"]
    assert rest(check + text.replace("WORKDIR b", "WORKDIR /b"))[-1] == "WORKDIR /b"
