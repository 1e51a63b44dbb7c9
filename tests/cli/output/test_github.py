from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from whalebuild.bake.result import BakeResult, ImageAction, TargetResult
from whalebuild.cli.output.bake import result_json
from whalebuild.cli.output.github import write_outputs
from whalebuild.cli.output.saved import saved_line
from whalebuild.published.download import NextPull


def result(app: str | None = "sha256:a", deps: str | None = "sha256:d") -> BakeResult:
    targets = tuple(
        TargetResult(name, role, "built", ("acme/web:x",), digest, (), 1, 2, 3, None, 0.5)
        for name, role, digest in (("app-deps", "deps", deps), ("app", "app", app))
    )
    return BakeResult(
        targets, published=True, retries=(), warnings=("two\nlines",), bytes_pulled=3, seconds=1
    )


def outputs(path: Path) -> dict[str, str]:
    """As the runner reads them: one name=value a line."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines())  # type: ignore[misc]


def test_the_runner_gets_digests_and_the_whole_result(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_text("before=1\n")
    write_outputs(result(), "TABLE", {"GITHUB_OUTPUT": str(path)}, print)
    got = outputs(path)
    assert (got["before"], got["digest"], got["deps-digest"]) == ("1", "sha256:a", "sha256:d")
    assert json.loads(got["result"]) == json.loads(json.dumps(result_json(result())))


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (result(app=None), {"result", "deps-digest"}),
        (result(deps=None), {"result", "digest"}),
    ],
)
def test_a_digest_that_is_not_known_is_no_output(
    tmp_path: Path, made: BakeResult, names: set[str]
) -> None:
    write_outputs(made, "", {"GITHUB_OUTPUT": str(tmp_path / "output")}, print)
    assert set(outputs(tmp_path / "output")) == names


def test_a_part_has_its_file_in_the_place_of_digests(tmp_path: Path) -> None:
    made = replace(result(), published=False, part="part.json")
    write_outputs(made, "", {"GITHUB_OUTPUT": str(tmp_path / "output")}, print)
    got = outputs(tmp_path / "output")
    assert (got["part"], set(got)) == ("part.json", {"result", "part"})


def test_the_summary_has_the_table_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    write_outputs(result(), "A | B\n<b>", {"GITHUB_STEP_SUMMARY": str(path)}, print)
    assert path.read_text() == "### whalebuild bake\n\n```text\nA | B\n<b>\n```\n"


@pytest.mark.parametrize("environment", [{}, {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": ""}])
def test_elsewhere_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_outputs(result(), "TABLE", environment, print)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_file_that_cannot_be_written_is_said(variable: str, tmp_path: Path) -> None:
    notes: list[str] = []
    write_outputs(result(), "TABLE", {variable: str(tmp_path / "no" / "output")}, notes.append)
    (note,) = notes
    assert note.startswith(f"warning: {variable} could not be written: No such file or directory")


def pulled(result: BakeResult, *, action: str = "built", **pulls: NextPull) -> BakeResult:
    deps, app = result.targets
    return replace(
        result, targets=(deps, replace(app, action=ImageAction(action), next_pull=pulls))
    )


def test_the_summary_says_what_was_not_downloaded(tmp_path: Path) -> None:
    pulls = {"a": NextPull(1_000, 9_001_000), "b": NextPull(2_000, 8_002_000)}
    path = tmp_path / "summary"
    made = replace(pulled(result(), **pulls), bytes_pulled=3_000_000)
    write_outputs(made, "T", {"GITHUB_STEP_SUMMARY": str(path)}, print)
    line = path.read_text().splitlines()[-1]
    assert line.startswith(
        "**14 MB not downloaded**: the layers under the new ones, less the 3.0 MB that were pulled."
    )
    assert "`cache-from: type=registry`" in line


@pytest.mark.parametrize(
    "made",
    [
        result(),
        pulled(result(), action="unchanged", a=NextPull(0, 9_000)),
        replace(pulled(result(), a=NextPull(1_000, 9_000)), bytes_pulled=8_000),
    ],
    ids=["not-known", "nothing-built", "all-pulled"],
)
def test_where_nothing_is_known_to_be_saved_nothing_is_said(made: BakeResult) -> None:
    assert saved_line(made) == ""
