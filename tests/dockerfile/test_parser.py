"""Splitting follows BuildKit's frontend/dockerfile/parser/parser.go, which the ids refer to."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whalebuild.dockerfile.parser import parse_dockerfile

Words = list[tuple[int, str, str]]


def steps(text: str) -> Words:
    """The instructions of the only stage: line, keyword, text."""
    (stage,) = parse_dockerfile(text).stages
    return [(step.line, step.keyword, step.text) for step in stage.instructions]


def heredocs(text: str) -> list[tuple[str, ...]]:
    (stage,) = parse_dockerfile(text).stages
    return [step.heredocs for step in stage.instructions]


def test_stages_have_index_name_base_and_line() -> None:
    parsed = parse_dockerfile(
        "# syntax=docker/dockerfile:1\n"
        "ARG PYTHON=3.13\n"
        "FROM --platform=$BUILDPLATFORM python:${PYTHON} AS Base\n"
        "RUN true\n"
        "\n"
        "from base as DEPENDENCIES\n"
        "FROM scratch\n"
    )
    assert [(s.index, s.name, s.base, s.line) for s in parsed.stages] == [
        (0, "base", "python:${PYTHON}", 3),
        (1, "dependencies", "base", 6),
        (2, None, "scratch", 7),
    ]


@pytest.mark.parametrize(
    ("name", "index"),
    [("base", 0), ("BASE", 0), ("0", 0), ("1", 1), ("2", None), ("final", None), ("", None)],
)
def test_a_stage_is_found_by_name_in_any_case_or_by_index(name: str, index: int | None) -> None:
    found = parse_dockerfile("FROM a AS Base\nFROM b").stage(name)
    assert (found and found.index) == index


def test_an_unnamed_stage_has_a_label_to_be_told_by() -> None:
    named, unnamed = parse_dockerfile("FROM a AS Base\nRUN x\nFROM b").stages
    assert (named.label, unnamed.label) == ("base", "stage 1 (line 3, unnamed)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN a \\\n  b\nRUN c", [(2, "RUN", "a   b"), (4, "RUN", "c")]),
        ("FROM a\nRUN a \\\n# why\n\n   # more\n  b", [(2, "RUN", "a   b")]),
        ("FROM a\nRUN a \\  \t\n b", [(2, "RUN", "a  b")]),
        ("FROM a\r\nRUN a \\\r\n b\r\nUSER x\r\n", [(2, "RUN", "a  b"), (4, "USER", "x")]),
        (
            "# escape=`\nFROM a\nRUN dir C:\\\nRUN b `\n c",
            [(3, "RUN", "dir C:\\"), (4, "RUN", "b  c")],
        ),
        ("#Escape = `\n# syntax=x\nFROM a\nRUN b `\n c", [(4, "RUN", "b  c")]),
        ("# note\n# escape=`\nFROM a\nRUN b \\\n c", [(4, "RUN", "b  c")]),
        ("# unknown=x\n# escape=`\nFROM a\nRUN b \\\n c", [(4, "RUN", "b  c")]),
        ("FROM a\nRUN echo a\\\\\nRUN b", [(2, "RUN", "echo a\\\\"), (3, "RUN", "b")]),
        ("FROM a\nRUN a \\", [(2, "RUN", "a")]),
        ("FROM a\n  run\ta\n", [(2, "RUN", "a")]),
        ("\ufeffFROM a\nRUN b", [(2, "RUN", "b")]),
        (
            "FROM a\nRUN echo '\x0c' '\u2028'\nRUN b",
            [(2, "RUN", "echo '\x0c' '\u2028'"), (3, "RUN", "b")],
        ),
    ],
    ids=[
        "continued",
        "comments and blank lines inside",
        "white space after the escape",
        "windows line ends",
        "backtick escape",
        "directives in any case and order",
        "a comment ends the directives",
        "an unknown directive ends the directives",
        "an escaped escape continues nothing",
        "escape at the end of the file",
        "any white space after the keyword",
        "byte order mark",
        "only newlines end lines",
    ],
)
def test_instructions_are_split_as_buildkit_splits_them(text: str, expected: Words) -> None:
    assert steps(text) == expected


def test_a_tab_after_from_is_white_space() -> None:
    (stage,) = parse_dockerfile("FROM\tpython:3.13\tAS\tbase\n").stages
    assert (stage.base, stage.name) == ("python:3.13", "base")


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ("RUN <<EOF\nFROM x\nEOF", [("FROM x",)]),
        ("RUN <<-EOF\n\tpip install x\n\tEOF", [("pip install x",)]),
        ("RUN <<'EOF' sh\na\\\nb\nEOF", [("a\\\nb",)]),
        ('RUN <<"E" cat >/x\n# not a comment\n\nE', [("# not a comment\n",)]),
        ("RUN <<A cat && <<B cat\none\nA\ntwo\nB", [("one", "two")]),
        ("COPY <<EOF /x\nhello\nEOF\nUSER me", [("hello",), ()]),
        ("RUN 3<<EOF cat\nx\nEOF", [("x",)]),
        ("RUN <<EOF\n EOF\nEOF", [(" EOF",)]),
        ("RUN <<EOF\n\tEOF\nEOF", [("\tEOF",)]),
        ("RUN echo $((1 << 2))\nUSER x", [(), ()]),
        ("RUN cat <<<word\nUSER x", [(), ()]),
        ('RUN echo "a <<EOF b"\nUSER x', [(), ()]),
        ("ENV A=<<EOF\nUSER x", [(), ()]),
        ("ONBUILD RUN <<EOF\nFROM x\nEOF\nUSER x", [("FROM x",), ()]),
        ("RUN <<EOF\nnever ends", [("never ends",)]),
    ],
    ids=[
        "plain, and its FROM is no stage",
        "dash strips tabs",
        "single quotes, backslashes are kept",
        "double quotes, comments are kept",
        "two in one RUN",
        "COPY",
        "file descriptor",
        "a space before the end word",
        "a tab before the end word without dash",
        "shift operator",
        "here-string",
        "inside quotes",
        "ENV has none",
        "ONBUILD may have one",
        "unterminated",
    ],
)
def test_heredocs_belong_to_their_instruction(text: str, bodies: list[tuple[str, ...]]) -> None:
    assert heredocs(f"FROM a\n{text}\n") == bodies


part = st.text(alphabet="abc=/. -", min_size=1).filter(str.strip)
noise = st.lists(st.sampled_from(["", "   ", "# note", "\t# note \\"]), max_size=3)


@given(st.lists(st.tuples(part, noise), min_size=1, max_size=5))
def test_comments_and_blank_lines_between_continued_lines_change_nothing(
    pieces: list[tuple[str, list[str]]],
) -> None:
    bare = "FROM a\nRUN " + "\\\n".join(piece for piece, _ in pieces) + "\nUSER x"
    noisy = "FROM a\nRUN " + "\\\n".join(
        "\n".join([*extra, piece]) if number else piece
        for number, (piece, extra) in enumerate(pieces)
    )
    text = [(keyword, words) for _, keyword, words in steps(bare)]
    assert [(k, w) for _, k, w in steps(f"{noisy}\nUSER x")] == text
    assert text[1] == ("USER", "x")


@example("\\")
@example("FROM a\n\\\n\n")
@example("FROM\nRUN\nONBUILD")
@given(st.text() | st.text(alphabet="FROMRUN asx<>\\`'\"#-=\n\t\r1E"))
def test_any_text_has_stages_and_no_error(text: str) -> None:
    stages = parse_dockerfile(text).stages
    assert [stage.index for stage in stages] == list(range(len(stages)))
    last = text.count("\n") + 1
    assert all(1 <= step.line <= last for stage in stages for step in stage.instructions)


def test_the_steps_of_a_long_stage_are_kept_in_their_order() -> None:
    text = (
        "ARG X\nFROM a AS b\n" + "".join(f"ENV N={n}\n" for n in range(500)) + "FROM b\nRUN true\n"
    )
    parsed = parse_dockerfile(text)
    assert [step.text for step in parsed.before] == ["X"]
    assert [step.text for step in parsed.stages[0].instructions] == [f"N={n}" for n in range(500)]
    assert [(s.index, s.name, s.base, len(s.instructions)) for s in parsed.stages] == [
        (0, "b", "a", 500),
        (1, None, "b", 1),
    ]
