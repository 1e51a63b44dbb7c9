"""Verbs in a folder of a project: it is found upwards, and they run as if there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.registry import FakeRegistry
from whalebuild.cli.app import app
from whalebuild.override.file import override_text


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="whalebuild")


@pytest.fixture
def below(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the user stands."""
    (project / ".git").mkdir()
    (project / "whalebuild.toml").write_text('scope = "next"\n')
    folder = project / "src/deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


NOTE = "running in ../.., whose whalebuild.toml has the settings"


@pytest.mark.parametrize("words", [["plan"], ["bake", "--print"], ["bake", "--list=targets"]])
def test_it_is_as_if_it_were_given_in_the_project_s_folder(
    words: list[str], project: Path, below: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = run(*words)
    assert here.exit_code == 0, here.stderr
    assert here.stderr.count(NOTE) == 1
    assert Path.cwd() == below
    monkeypatch.chdir(project)
    there = run(*words)
    assert NOTE not in there.stderr
    assert here.stdout == there.stdout


@pytest.mark.parametrize("words", [["plan"], ["bake", "--print"], ["bake", "--list=targets"]])
def test_a_project_without_settings_is_found(
    words: list[str], project: Path, below: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "whalebuild.toml").unlink()
    here = run(*words)
    assert here.exit_code == 0, here.stderr
    note = "running in ../.., which has docker-bake.hcl: nothing here is to be baked"
    assert here.stderr.count(note) == 1
    assert Path.cwd() == below
    monkeypatch.chdir(project)
    there = run(*words)
    assert "running in" not in there.stderr
    assert here.stdout == there.stdout


@pytest.mark.usefixtures("below")
def test_nothing_is_said_to_programs(project: Path) -> None:
    (project / "whalebuild.toml").unlink()
    done = run("bake", "--print", "--progress", "quiet")
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize("verb", ["inspect", "diff"])
@pytest.mark.usefixtures("below")
def test_verbs_that_look_find_the_same_bake_file(verb: str) -> None:
    done = run(verb)
    assert NOTE in done.stderr
    assert "neither a bake file" not in done.stderr


def test_files_that_are_written_are_where_the_user_stands(
    project: Path, below: Path, registry: FakeRegistry
) -> None:
    done = run("bake", "--metadata-file", "made.json", "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert json.loads((below / "made.json").read_text())
    assert not (project / "made.json").exists()
    assert registry.at("acme/web:next").digest


def test_paths_of_flags_start_where_the_user_stands(project: Path, below: Path) -> None:
    (below / "key").touch()
    done = run("bake", "--print", "--secret", "id=x,src=key", "--allow", "fs.read=key")
    assert done.exit_code == 0, done.stderr
    given = (project / "printed").read_text()
    assert "--set=*.secrets+=id=x,src=src/deep/key" in given
    assert "--allow=fs.read=src/deep/key" in given


def test_who_names_a_bake_file_stays(project: Path, below: Path) -> None:
    for name in ("printed.json", "Dockerfile", "metadata.json", "stream", "code"):
        (below / name).write_text((project / name).read_text())
    done = run("bake", "--print", "--file", "../../docker-bake.hcl")
    assert done.exit_code == 0, done.stderr
    assert "settings are those of ../../whalebuild.toml" in done.stderr
    assert (below / "printed").exists()
    assert json.loads(done.stdout)["target"]["app"]["tags"] == ["acme/web:next"]


@pytest.mark.parametrize("words", [["plan"], ["bake"], ["bake", "--list=targets"], ["inspect"]])
@pytest.mark.parametrize("deeper", ["", "app"])
def test_a_dockerfile_s_folder_is_its_own_and_the_bake_file_above_is_named(
    words: list[str], deeper: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".git").mkdir()
    (project / "api/app").mkdir(parents=True)
    (project / "api/Dockerfile").write_text("FROM debian\n")
    monkeypatch.chdir(project / "api" / deeper)
    done = run(*words)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    above = "../.." if deeper else ".."
    assert f"or run it in {above}, which has docker-bake.hcl" in said
    assert ("running in .., which has Dockerfile" in said) == bool(deeper)


def test_a_bake_below_leaves_the_override_of_the_project_alone(
    project: Path, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "compose.yaml").write_text("services: {api: {build: api}, worker: {build: .}}\n")
    (project / "compose.override.yaml").write_text(override_text([]))
    below = project / "api"
    below.mkdir()
    for name in ("printed.json", "Dockerfile", "metadata.json", "stream", "code"):
        (below / name).write_text((project / name).read_text())
    monkeypatch.chdir(below)
    done = run("bake", "--image", "acme/web")
    assert done.exit_code == 0, done.stderr
    assert registry.at("acme/web:latest").digest
    assert "compose.override.yaml" not in done.stderr
    assert (project / "compose.override.yaml").read_text() == override_text([])
