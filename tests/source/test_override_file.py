"""An override on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from whalebuild.bakefile.target import Target
from whalebuild.errors import UsageError
from whalebuild.source.override_file import is_sent, write_override


def test_it_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "compose.override.yaml"
    for text in ("one\n", "two\n"):
        write_override(path, text)
        assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        write_override(tmp_path / "none" / "file.yaml", "")


@pytest.mark.parametrize(
    ("ignored", "sent"),
    [("", True), ("*.yaml\n", False), ("*\n!compose*\n", True), ("**/*.override.yaml", False)],
)
def test_whether_a_build_takes_it_in(tmp_path: Path, ignored: str, sent: bool) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text(ignored)
    path = tmp_path / "compose.override.yaml"
    assert is_sent(tmp_path, path, Target("app", {})) is sent
    (tmp_path / "Dockerfile.dockerignore").write_text("*")
    assert not is_sent(tmp_path, path, Target("app", {}))


def test_files_elsewhere_are_not_sent(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    path = tmp_path / "compose.override.yaml"
    assert not is_sent(tmp_path, path, Target("app", {"context": "app"}))
    assert not is_sent(tmp_path, path, Target("app", {"context": "https://r.test/a.git"}))
