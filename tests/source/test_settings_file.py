from __future__ import annotations

from pathlib import Path

import pytest

from whalebuild.errors import UsageError
from whalebuild.settings import Layer, resolve
from whalebuild.source.settings_file import read_settings_layer


def write(folder: Path, **files: str | bytes) -> None:
    for name, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / f"{name}.toml").write_bytes(data)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject": ""},
        {"pyproject": "[project]\nname = 'x'\n[tool.ruff]\n"},
        {"whalebuild": ""},
    ],
    ids=["no files", "empty pyproject", "other tools", "empty own file"],
)
def test_a_project_without_settings_has_an_empty_layer(
    tmp_path: Path, files: dict[str, str]
) -> None:
    write(tmp_path, **files)
    assert read_settings_layer(tmp_path) == Layer({})


@pytest.mark.parametrize(
    ("files", "origin"),
    [
        ({"whalebuild": 'deps-stage = "builder"'}, "whalebuild.toml"),
        (
            {"pyproject": '[tool.whalebuild]\ndeps-stage = "builder"'},
            "pyproject.toml [tool.whalebuild]",
        ),
        (
            {"whalebuild": 'deps-stage = "builder"', "pyproject": "[tool.ruff]"},
            "whalebuild.toml",
        ),
    ],
    ids=["own file", "pyproject", "own file beside a pyproject"],
)
def test_settings_come_from_the_file_that_has_them(
    tmp_path: Path, files: dict[str, str], origin: str
) -> None:
    write(tmp_path, **files)
    settings = resolve([read_settings_layer(tmp_path)])
    assert (settings.deps_stage, settings.origin("deps-stage")) == ("builder", origin)


@pytest.mark.parametrize(
    ("files", "what", "cause"),
    [
        (
            {"whalebuild": "", "pyproject": "[tool.whalebuild]"},
            "settings in two files: whalebuild.toml and [tool.whalebuild] of pyproject.toml",
            "",
        ),
        ({"whalebuild": "deps-stage ="}, "cannot read whalebuild.toml", "not valid TOML"),
        ({"pyproject": "["}, "cannot read pyproject.toml", "not valid TOML"),
        ({"whalebuild": b'image = "\xff"'}, "cannot read whalebuild.toml", "not UTF-8"),
        (
            {"whalebuild": f"retry-attempts = {'9' * 5000}"},
            "cannot read whalebuild.toml",
            "not valid TOML",
        ),
        ({"whalebuild": "a = " + "[" * 200_000}, "cannot read whalebuild.toml", "too deeply"),
        ({"pyproject": "a = " + "[" * 200_000}, "cannot read pyproject.toml", "too deeply"),
        (
            {"pyproject": "[tool]\nwhalebuild = 5"},
            "pyproject.toml [tool.whalebuild]: expected a table, found 5",
            "",
        ),
        ({"pyproject": "tool = 5"}, "pyproject.toml", ""),
        ({"whalebuild": "imag = 1"}, 'whalebuild.toml: unknown setting "imag"', '"image"'),
        ({"whalebuild": "image = 1"}, "whalebuild.toml: image: expected a text, found 1", ""),
        (
            {"pyproject": "[tool.whalebuild]\nimage = 1"},
            "pyproject.toml [tool.whalebuild]: image: expected a text, found 1",
            "",
        ),
    ],
    ids=[
        "two files",
        "no TOML",
        "no TOML in pyproject",
        "no UTF-8",
        "a number of many digits",
        "nested too deeply",
        "nested too deeply in pyproject",
        "no table",
        "tool is no table",
        "unknown key",
        "ill-typed",
        "ill-typed in pyproject",
    ],
)
def test_a_wrong_file_is_a_usage_error_that_names_it(
    tmp_path: Path, files: dict[str, str | bytes], what: str, cause: str
) -> None:
    write(tmp_path, **files)
    with pytest.raises(UsageError) as caught:
        read_settings_layer(tmp_path)
    assert what in caught.value.what
    assert cause in str(caught.value.cause or "")


def test_a_folder_in_the_place_of_the_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "whalebuild.toml").mkdir()
    with pytest.raises(UsageError, match=r"cannot read whalebuild\.toml") as caught:
        read_settings_layer(tmp_path)
    assert caught.value.cause == "Is a directory"
