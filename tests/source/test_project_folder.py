"""The folder that a command is about, given in one of its folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from whalebuild.errors import UsageError
from whalebuild.source.project_folder import ProjectFolder, bake_file_above, find_project
from whalebuild.source.settings_file import read_settings_layer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with a project ``web`` whose settings are in pyproject.toml, and a folder."""
    folder = tmp_path / "home"
    (folder / "web/src/deep").mkdir(parents=True)
    (folder / "web/pyproject.toml").write_text("[tool.whalebuild]\nimage = 'r.example/web'\n")
    return folder


def find(start: Path, home: Path, *, stay: bool = False, **more: str) -> ProjectFolder:
    return find_project(start, {"HOME": str(home), **more}, stay=stay)


def test_settings_are_found_upwards(home: Path) -> None:
    found = find(home / "web/src/deep", home)
    assert (found.root, found.settings) == (home / "web", home / "web")
    assert (found.prefix, found.above) == ("src/deep", "")
    assert found.note
    assert found.note.startswith("running in ../.., whose pyproject.toml has the settings")


def test_who_names_bake_files_stays_and_has_the_settings(home: Path) -> None:
    start = home / "web/src"
    found = find(start, home, stay=True)
    assert (found.root, found.settings, found.prefix) == (start, home / "web", "")
    assert (found.above, found.note) == ("../", "settings are those of ../pyproject.toml")
    named = find(start, home, BUILDX_BAKE_FILE="x.hcl")
    assert (named.root, named.settings) == (start, start)


@pytest.mark.parametrize(
    "name", ["whalebuild.toml", "Dockerfile", "docker-bake.hcl", "compose.yaml"]
)
def test_a_folder_with_something_of_its_own_is_a_project(home: Path, name: str) -> None:
    (home / "web/src" / name).touch()
    start = home / "web/src"
    assert find(start, home) == ProjectFolder(start, start, start)
    # and so it is of the folders in it: the settings above are not theirs
    below = start / "deep"
    found = find(below, home)
    assert found == ProjectFolder(below, start, start)
    said = "whose whalebuild.toml has the settings" if name == "whalebuild.toml" else ""
    said = said or f"which has {name}"
    assert found.note == f"running in .., {said}: nothing here is to be baked"


def test_who_names_bake_files_stays_below_one_without_settings(home: Path) -> None:
    (home / "web/src/compose.yaml").touch()
    start = home / "web/src/deep"
    assert find(start, home, stay=True) == ProjectFolder(start, start, start)
    assert find(start, home, BUILDX_BAKE_FILE="x.hcl") == ProjectFolder(start, start, start)


def test_the_limits_hold_for_what_is_baked_too(home: Path, tmp_path: Path) -> None:
    (home / "Dockerfile").touch()
    (home / "scratch").mkdir()
    assert find(home / "scratch", home).root == home / "scratch"
    (home / "web/pyproject.toml").rename(home / "web/Dockerfile")
    start = home / "web/src"
    assert find(start, tmp_path / "other").root == start
    (home / "web/.git").touch()
    assert find(start, tmp_path / "other").root == home / "web"


def test_a_bake_file_above(home: Path) -> None:
    start, environment = home / "web/src/deep", {"HOME": str(home)}
    (home / "compose.yaml").touch()
    (home / "web/src/Dockerfile").touch()
    assert bake_file_above(start, environment) is None
    (home / "web/compose.yaml").touch()
    assert bake_file_above(start, environment) == home / "web/compose.yaml"
    (home / "web/src/.git").touch()
    assert bake_file_above(start, environment) is None


def test_the_own_file_goes_before_those_above(home: Path) -> None:
    (home / "web/src/whalebuild.toml").touch()
    assert find(home / "web/src/deep", home).settings == home / "web/src"


def test_nothing_is_looked_for_above_the_repository(home: Path) -> None:
    inner = home / "web/src"
    (inner / ".git").mkdir()
    assert find(inner / "deep", home).settings == inner / "deep"
    assert find(inner, home).settings == inner


def test_the_top_of_the_repository_counts_outside_of_home_too(home: Path, tmp_path: Path) -> None:
    assert find(home / "web/src", tmp_path / "other").root == home / "web/src"
    (home / "web/.git").touch()  # a file, as in a worktree
    assert find(home / "web/src", tmp_path / "other").root == home / "web"


def test_home_itself_is_no_project(home: Path) -> None:
    (home / "whalebuild.toml").touch()
    (home / "scratch").mkdir()
    assert find(home / "scratch", home).root == home / "scratch"


def test_a_pyproject_without_settings_is_passed_by(home: Path) -> None:
    (home / "web/src/pyproject.toml").write_text("[project]\nname = 'whalebuild-plugin'\n")
    assert find(home / "web/src/deep", home).root == home / "web"


def test_settings_that_cannot_be_read_are_an_error(home: Path) -> None:
    (home / "web/pyproject.toml").write_text("[tool.whalebuild\n")
    with pytest.raises(UsageError, match="cannot read"):
        find(home / "web/src", home)
    # a broken file of others is none of ours
    (home / "web/pyproject.toml").write_text("[tool.ruff\n")
    assert find(home / "web/src", home).root == home / "web/src"


def test_paths_in_settings_start_in_their_folder(home: Path) -> None:
    (home / "web/pyproject.toml").unlink()
    (home / "web/whalebuild.toml").write_text(
        'allow = ["fs.read=keys", "network.host"]\nfile = "bake.hcl"\nstate-dir = "/var/state"\n'
    )
    values = read_settings_layer(home / "web", "../").values
    assert values["allow"] == (("fs.read=../keys", "network.host"), "../whalebuild.toml")
    assert values["file"] == (("../bake.hcl",), "../whalebuild.toml")
    assert values["state-dir"] == ("/var/state", "../whalebuild.toml")
