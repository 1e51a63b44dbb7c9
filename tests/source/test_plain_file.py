"""What is no file, or has no end, is said and not waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whalebuild.errors import UsageError
from whalebuild.source.plain_file import read_plain, read_plain_text
from whalebuild.source.settings_file import has_settings, read_settings_layer


def make(kind: str, path: Path) -> None:
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "Is a directory":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(3 << 30)


def test_a_file_and_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\r\ny\rz")
    (tmp_path / "b").symlink_to("a")
    assert read_plain(tmp_path / "b") == b"x\r\ny\rz"
    assert read_plain_text(tmp_path / "b") == "x\ny\nz"
    assert read_plain(tmp_path / "a", 6) == b"x\r\ny\rz"
    with pytest.raises(OSError, match="larger than 0 MB"):
        read_plain(tmp_path / "a", 5)


@pytest.mark.parametrize("kind", ["a pipe", "a device", "Is a directory", "larger than 16 MB"])
@pytest.mark.parametrize("name", ["whalebuild.toml", "pyproject.toml"])
def test_settings_that_are_none(tmp_path: Path, kind: str, name: str) -> None:
    make(kind, tmp_path / name)
    with pytest.raises(OSError, match=kind):
        read_plain(tmp_path / name)
    assert has_settings(tmp_path) is (name == "whalebuild.toml")
    with pytest.raises(UsageError, match=f"cannot read {name}") as refused:
        read_settings_layer(tmp_path)
    assert kind in (refused.value.cause or "")
