"""``whalebuild bake --partial`` and ``whalebuild merge``, from the command line to their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.platforms import AMD64
from tests.support.progress import recording
from tests.support.registry import FakeRegistry
from whalebuild.cli.app import app

FILE = "whalebuild-part-linux-amd64.json"


@pytest.fixture(autouse=True)
def _whole(project: Path) -> None:
    (project / "whalebuild.toml").write_text(f'platform = ["{AMD64}"]\n')


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="whalebuild")


def partial(*words: str) -> Result:
    return run("bake", "--partial", *words)


def test_a_part_is_written_and_merged(project: Path, registry: FakeRegistry) -> None:
    result = partial("--platform", AMD64)
    assert result.exit_code == 0, result.stderr
    assert f"nothing is published yet: {FILE} is for `whalebuild merge`" in result.stdout
    assert f"--partial builds {AMD64} of {AMD64}" in result.stderr
    assert registry.tags == {}
    part = json.loads((project / FILE).read_text())
    assert (part["schema"], part["platforms"]) == ("whalebuild.part/1", [AMD64])
    result = run("merge", FILE, "--format", "json")
    assert result.exit_code == 0, result.stderr
    made = json.loads(result.stdout)
    assert (made["schema"], made["published"]) == ("whalebuild.bake/1", True)
    assert sorted(tag for _, tag in registry.tags) == ["deps", "latest"]
    assert run("merge", FILE).stdout.strip().splitlines()[0].startswith("TARGET")


def test_the_file_may_have_another_name_and_json_tells_it(project: Path) -> None:
    made = json.loads(partial("--part-file", "one.json", "--format", "json").stdout)
    assert (made["part"], made["published"]) == ("one.json", False)
    assert (project / "one.json").exists()
    assert not (project / FILE).exists()


def test_a_failing_bake_takes_an_older_part_away(project: Path) -> None:
    (project / FILE).write_text("of yesterday")
    (project / "stream").write_text("".join(recording("failed", "app-deps")))
    (project / "code").write_text("1")
    assert partial().exit_code == 4
    assert not (project / FILE).exists()


def test_a_file_that_cannot_be_written_is_told_before_anything_is_built(project: Path) -> None:
    result = partial("--part-file", "no/such/folder/part.json")
    assert result.exit_code == 2, repr(result.exception)
    assert "cannot write the part no/such/folder/part.json" in result.stderr
    (project / "folder").mkdir()
    assert partial("--part-file", "folder").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--partial", "--load"), "--partial and --load exclude each other"),
        (("--partial", "--read-only"), "--partial and --read-only exclude each other"),
        (("--verify", "--load"), "--verify and --load exclude each other"),
        (("--verify", "--read-only"), "--verify and --read-only exclude each other"),
        (("--verify", "--partial"), "--verify and --partial exclude each other"),
        (("--part-file", "x.json"), "--part-file was given without --partial"),
        (("--partial", "--platform", "linux/arm64"), "linux/arm64 is not among the platforms"),
        (("--partial", "--platform", "linux/amr64"), '"linux/amr64" is not a platform'),
    ],
)
def test_what_does_not_go_together_is_refused(words: tuple[str, ...], said: str) -> None:
    result = run("bake", *words)
    assert result.exit_code == 2, repr(result.exception)
    assert said in result.stderr


def test_the_whole_has_to_be_known(project: Path) -> None:
    (project / "whalebuild.toml").unlink()
    result = partial("--platform", AMD64)
    assert result.exit_code == 2
    assert 'it is not known which platforms "app-deps" is published for' in result.stderr


def test_print_shows_staging_tags_and_writes_nothing(project: Path) -> None:
    result = partial("--print")
    assert result.exit_code == 0, result.stderr
    (tag,) = json.loads(result.stdout)["target"]["app"]["tags"]
    assert tag.startswith("acme/web:whalebuild-staging-")
    assert not (project / FILE).exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the part part.json"),
        (b"", "part.json is not a part of a bake"),
        (b"\xff\xfe", "it is no text"),
        (b"[" * 100_000, "part.json is not a part of a bake"),
        (b'{"schema": "whalebuild.bake/1"}', "its schema is whalebuild.bake/1"),
        (b'{"schema": "whalebuild.part/2"}', "part.json was written by another version"),
        (b'{"schema": "whalebuild.part/1"}', "part.json is damaged"),
        (b" " * (17 << 20), "it is larger than any part"),
    ],
    ids=["missing", "empty", "binary", "deep", "foreign", "newer", "damaged", "huge"],
)
def test_files_that_are_no_parts_are_told_apart(
    project: Path, registry: FakeRegistry, content: bytes | None, said: str
) -> None:
    if content is not None:
        (project / "part.json").write_bytes(content)
    result = run("merge", "part.json", "--format", "json")
    assert result.exit_code == 2, repr(result.exception)
    assert said in result.stderr
    assert json.loads(result.stdout)["error"]["exit_code"] == 2
    assert registry.requests == []


def test_a_folder_is_no_part() -> None:
    result = run("merge", ".")
    assert result.exit_code == 2
    assert "cannot read the part ." in result.stderr


def test_the_runner_of_github_gets_its_outputs_from_the_merge(
    project: Path, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert partial().exit_code == 0
    monkeypatch.setenv("GITHUB_OUTPUT", str(project / "outputs"))
    assert run("merge", FILE).exit_code == 0
    lines = (project / "outputs").read_text().splitlines()
    assert f"digest={registry.at('acme/web:latest').digest}" in lines
    assert f"deps-digest={registry.at('acme/web:deps').digest}" in lines
