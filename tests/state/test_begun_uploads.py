"""What is kept of uploads from one run to the next."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from whalebuild.state.begun_uploads import FileBegunUploads

DIGEST = f"sha256:{'a' * 64}"
REPOSITORY = "registry.example/acme/web"
WHERE = "https://registry.example/v2/acme/web/blobs/uploads/1?_state=secret"
DAY = 24 * 3600.0


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path)}


def _files(env: dict[str, str]) -> list[Path]:
    return list(Path(env["XDG_CACHE_HOME"], "whalebuild/uploads").iterdir())


def _kept(env: dict[str, str]) -> None:
    """A run that has ended, however it did: the kernel closes its files."""
    upload = FileBegunUploads(env).claim(REPOSITORY, DIGEST)
    upload.keep(WHERE)
    assert upload._opened is not None
    os.close(upload._opened)


def test_the_next_run_finds_where_it_was(env: dict[str, str]) -> None:
    _kept(env)
    uploads = FileBegunUploads(env)
    assert uploads.claim(REPOSITORY, f"sha256:{'b' * 64}").location is None
    assert uploads.claim(f"{REPOSITORY}2", DIGEST).location is None
    found = uploads.claim(REPOSITORY, DIGEST)
    assert found.location == WHERE
    found.keep("shorter")
    assert found.location == "shorter"
    found.drop()
    assert uploads.claim(REPOSITORY, DIGEST).location is None


def test_one_run_at_a_time_has_it(env: dict[str, str]) -> None:
    _kept(env)
    first, second = (FileBegunUploads(env).claim(REPOSITORY, DIGEST) for _ in range(2))
    assert (first.location, second.location) == (WHERE, None)
    second.keep("of the second")
    second.drop()
    assert first.location == WHERE


def test_nobody_else_may_read_it(env: dict[str, str]) -> None:
    _kept(env)
    (file,) = _files(env)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "registry.example" not in file.name


def test_it_is_forgotten_after_a_day(env: dict[str, str]) -> None:
    _kept(env)
    (file,) = _files(env)
    later = file.stat().st_mtime + DAY + 1
    assert FileBegunUploads(env, lambda: later).claim(REPOSITORY, DIGEST).location is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_what_is_damaged_is_nothing(env: dict[str, str], content: bytes) -> None:
    _kept(env)
    _files(env)[0].write_bytes(content)
    assert FileBegunUploads(env).claim(REPOSITORY, DIGEST).location is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "whalebuild").write_text("a file")
    found = FileBegunUploads({"XDG_CACHE_HOME": str(tmp_path)}).claim(REPOSITORY, DIGEST)
    found.keep(WHERE)
    assert found.location is None
    found.drop()
