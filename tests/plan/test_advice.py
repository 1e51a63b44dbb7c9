from __future__ import annotations

import pytest

from tests.support.inputs import find
from whalebuild.bundle.lock import Change
from whalebuild.bundle.lock_grouping import BY_FOLDER, CODE, group_name
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.values import ContextFiles, ContextRead, FileEntry, StageInputs
from whalebuild.plan.advice import advise, code_reads, explain_code_changes

DEPS = "FROM x AS deps\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\n"


def files_of(inputs: StageInputs, files: dict[int, tuple[str, ...]]) -> ContextFiles:
    """The files that each read covers, by the read's line."""

    def entries(read: ContextRead) -> tuple[FileEntry, ...]:
        names = files.get(read.line, ())
        return tuple(FileEntry(read.context, name, "file", 0o644, "d") for name in names)

    return ContextFiles(tuple((read, entries(read)) for read in inputs.reads))


def rules(text: str, files: dict[int, tuple[str, ...]] | None = None) -> list[tuple[int, str]]:
    inputs = find(text)
    listed = files_of(inputs, files) if files else None
    found = advise(parse_dockerfile(text), inputs, files=listed)
    return [(advice.line, advice.rule) for advice in found]


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ("FROM deps\nCOPY --link app /app", []),
        ("FROM deps\nCOPY app /app\nWORKDIR /app", []),
        ("FROM y\nCOPY --from=deps /venv /venv\nCOPY app /app", []),
        ("FROM deps\nCOPY --link --chmod=755 app /app", []),
        ("FROM deps\nCOPY --link app /app\nRUN compile", [(6, "run-after-code")]),
        ("FROM deps\nRUN prepare\nCOPY --link app /app", []),
        ("FROM y\nCOPY --link --from=deps / /\nRUN prepare", []),
        ("FROM deps\nCOPY --link <<E /app\nx\nE\nRUN prepare", []),
        ("FROM y\nCOPY . /\nRUN pip install -r x", [(6, "install-in-final")]),
    ],
)
def test_advice_on_the_final_stage(final: str, expected: list[tuple[int, str]]) -> None:
    assert rules(DEPS + final) == expected


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        (DEPS, {2: ("requirements.txt",)}, []),
        (DEPS, {2: ("requirements.txt", "app.py")}, [(2, "code-before-install")]),
        ("FROM x AS deps\nCOPY . /\nRUN pip install .", None, [(2, "code-before-install")]),
        ("FROM x AS deps\nCOPY . /\nRUN apt-get install y", None, []),
        ("FROM x AS deps\nRUN pip install y\nCOPY . /", None, []),
        ("FROM x AS a\nCOPY . /\nFROM a AS deps\nRUN uv sync", None, [(2, "code-before-install")]),
        (
            "FROM x AS deps\nRUN --mount=type=cache,target=/c pip install y",
            None,
            [(2, "cache-mount")],
        ),
    ],
)
def test_advice_on_the_dependencies_stage(
    text: str, files: dict[int, tuple[str, ...]] | None, expected: list[tuple[int, str]]
) -> None:
    assert rules(text, files) == expected


def test_the_stage_itself_is_not_the_final_one() -> None:
    assert rules("FROM x AS deps\nCOPY requirements.txt /\nRUN pip install y") == []


def test_another_final_stage() -> None:
    text = f"{DEPS}FROM deps AS app\nCOPY app /\nRUN x\nFROM deps AS tests\nCOPY tests /\n"
    parsed, inputs = parse_dockerfile(text), find(text)
    assert [advice.line for advice in advise(parsed, inputs)] == []
    assert [advice.line for advice in advise(parsed, inputs, final="app")] == [6]


def test_costs_have_sizes_where_they_are_known() -> None:
    text = f"{DEPS}FROM deps\nCOPY app /\nRUN x\n"
    parsed, inputs = parse_dockerfile(text), find(text)
    (unknown,) = advise(parsed, inputs)
    (known,) = advise(parsed, inputs, deps_bytes=91_000_000)
    assert unknown.cost.endswith("after downloading the dependencies")
    assert known.cost.endswith("after downloading the dependencies (91 MB)")


TEXT = (
    "FROM x AS base\n"
    "RUN apt-get install y\n"
    "FROM base AS deps\n"
    "COPY requirements.txt /\n"
    "RUN prepare\n"
    "COPY setup.py src /\n"
    "RUN pip install .\n"
)
LISTED = {4: ("requirements.txt",), 6: ("setup.py", "src/a.py", "src/b.py")}


def test_a_split_says_what_could_be_the_dependencies_stage() -> None:
    inputs = find(TEXT)
    (split,) = code_reads(parse_dockerfile(TEXT), inputs, files_of(inputs, LISTED))
    assert (split.stage, split.read.line, split.installs) == ("deps", 6, 7)
    assert split.files == ("src/a.py", "src/b.py")
    assert [step.line for step in split.before] == [4, 5]


def test_more_files_than_can_be_shown_are_counted() -> None:
    inputs = find(TEXT)
    listed = files_of(inputs, {6: tuple(f"src/{n}.py" for n in range(5))})
    (advice,) = advise(parse_dockerfile(TEXT), inputs, files=listed)
    assert "src/0.py, src/1.py, src/2.py and 2 more" in advice.problem


@pytest.mark.parametrize("grouping", [0, BY_FOLDER, CODE])
def test_a_code_file_that_changed_the_key_is_explained(grouping: int) -> None:
    inputs = find(TEXT)
    listed = files_of(inputs, LISTED)
    parsed = parse_dockerfile(TEXT)
    change = Change(group_name("src/a.py", grouping), "changed", file=True)
    (split,) = explain_code_changes([change], parsed, inputs, listed)
    assert split.read.line == 6
    assert "src/a.py" in split.files


@pytest.mark.parametrize(
    "change",
    [Change("requirements.txt", "changed", file=True), Change("arg src/a.py", "changed")],
)
def test_other_changes_are_not(change: Change) -> None:
    inputs = find(TEXT)
    listed = files_of(inputs, LISTED)
    assert explain_code_changes([change], parse_dockerfile(TEXT), inputs, listed) == ()


def test_a_file_that_is_gone_is_explained_where_a_whole_context_is_read() -> None:
    text = "FROM x AS deps\nCOPY . /\nRUN pip install .\n"
    inputs = find(text)
    listed = files_of(inputs, {2: ("setup.py",)})
    change = Change("gone.py", "removed", file=True)
    (split,) = explain_code_changes([change], parse_dockerfile(text), inputs, listed)
    assert (split.read.line, split.files) == (2, ("gone.py",))
