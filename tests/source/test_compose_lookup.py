"""Which files compose reads, and where an override goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from whalebuild.errors import UsageError
from whalebuild.override.file import override_text
from whalebuild.source.compose_lookup import (
    BESIDE,
    DEFAULT_OUTPUT,
    existing_override,
    find_compose_files,
    is_read,
    output_of,
)

OWN = override_text([])
THEIRS = "services: {}\n"


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".").replace("_", "-")).write_text(text)


def test_without_an_override_there_is_the_usual_name(tmp_path: Path) -> None:
    put(tmp_path, docker_compose__yml=THEIRS)
    below = tmp_path / "src"
    below.mkdir()
    for folder in (tmp_path, below):
        found = find_compose_files(folder, {})
        assert found.arguments() == (str(tmp_path / "docker-compose.yml"),)
        path = output_of(found, None)
        assert path == tmp_path / DEFAULT_OUTPUT
        assert is_read(path, found)
        assert existing_override(found) is None


def test_our_own_is_written_anew_and_is_none_of_the_projects_files(tmp_path: Path) -> None:
    put(tmp_path, compose__yaml=THEIRS, compose__override__yaml=OWN)
    found = find_compose_files(tmp_path, {})
    assert found.arguments() == (str(tmp_path / "compose.yaml"),)
    assert output_of(found, None) == existing_override(found) == tmp_path / DEFAULT_OUTPUT
    assert is_read(tmp_path / DEFAULT_OUTPUT, found)


@pytest.mark.parametrize("name", ["compose__override__yml", "docker_compose__override__yaml"])
def test_somebody_elses_stays(tmp_path: Path, name: str) -> None:
    put(tmp_path, compose__yaml=THEIRS, **{name: THEIRS})
    found = find_compose_files(tmp_path, {})
    path = output_of(found, None)
    assert path == tmp_path / BESIDE
    assert not is_read(path, found)
    path.write_text(OWN)
    assert existing_override(found) == path
    path.write_text(THEIRS)
    with pytest.raises(UsageError, match="whalebuild did not write it"):
        output_of(found, None)


@pytest.mark.parametrize("way", ["environment", "file", "flag"])
def test_files_that_somebody_names(tmp_path: Path, way: str) -> None:
    put(tmp_path, compose__yaml=THEIRS, base__yaml=THEIRS)
    value = f"base.yaml:{BESIDE}"
    (tmp_path / ".env").write_text(f'A=1\nCOMPOSE_FILE="{value}"\n' if way == "file" else "")
    env = {"COMPOSE_FILE": value} if way == "environment" else {}
    given = value.split(":") if way == "flag" else []
    put(tmp_path, **{BESIDE.replace(".", "__"): OWN})
    found = find_compose_files(tmp_path, env, given)
    assert found.arguments() == (str(tmp_path / "base.yaml"),)
    assert output_of(found, None) == tmp_path / BESIDE
    assert is_read(tmp_path / BESIDE, found)


def test_named_files_without_ours(tmp_path: Path) -> None:
    put(tmp_path, base__yaml=THEIRS)
    found = find_compose_files(tmp_path, {"COMPOSE_FILE": "base.yaml"})
    path = output_of(found, None)
    assert path == tmp_path / BESIDE
    assert not is_read(path, found)


def test_a_file_that_is_given(tmp_path: Path) -> None:
    put(tmp_path, compose__yaml=THEIRS)
    found = find_compose_files(tmp_path, {})
    assert output_of(found, tmp_path / "new.yaml") == tmp_path / "new.yaml"
    with pytest.raises(UsageError, match="whalebuild did not write it"):
        output_of(found, tmp_path / "compose.yaml")
    (tmp_path / "link.yaml").symlink_to("nowhere")
    with pytest.raises(UsageError, match="whalebuild did not write it"):
        output_of(found, tmp_path / "link.yaml")


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no compose file here"):
        output_of(find_compose_files(tmp_path, {}), None)
