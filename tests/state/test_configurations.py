"""Configurations that are kept: private files that a damaged or foreign one is not taken for."""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path

import pytest

from tests.support.errors import outcome
from whalebuild.compose.configuration import Configuration, configuration_text
from whalebuild.errors import UsageError
from whalebuild.state.configurations import FileConfigurations

ONE = Configuration({"command": None, "environment": {"KEY": "value"}}, texts={"config c": "t"})
TWO = Configuration({"command": ["x"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "shop.configurations"


@pytest.fixture
def kept(folder: Path) -> FileConfigurations:
    return FileConfigurations(folder)


def test_what_is_kept_is_read(kept: FileConfigurations, folder: Path) -> None:
    assert list(kept.all()) == []
    digest = kept.keep(ONE)
    assert (digest, kept.read(digest)) == (ONE.digest, ONE)
    assert kept.keep(ONE) == digest
    [file] = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_last_that_was_kept_is_the_first(kept: FileConfigurations, folder: Path) -> None:
    for n, each in enumerate([ONE, TWO]):
        file = folder / f"{kept.keep(each).removeprefix('sha256:')}.json.gz"
        os.utime(file, (n, n))
    assert list(kept.all()) == [TWO, ONE]
    kept.keep(ONE)
    assert list(kept.all()) == [ONE, TWO]


def test_the_others_are_dropped(kept: FileConfigurations, folder: Path) -> None:
    kept.keep(ONE)
    kept.keep(TWO)
    (folder / "left.new").touch()
    kept.drop_all_but({TWO.digest})
    assert list(kept.all()) == [TWO]
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b",
        gzip.compress(b"{}", mtime=0),
        gzip.compress(configuration_text(TWO).encode(), mtime=0)[:-9],
        gzip.compress(configuration_text(TWO).encode(), mtime=0),
    ],
    # Their own bytes would be other names in other processes, which share the tests.
    ids=["empty", "cut off early", "no configuration", "cut off", "another one"],
)
def test_a_damaged_one_is_none(kept: FileConfigurations, folder: Path, content: bytes) -> None:
    digest = kept.keep(ONE)
    [file] = folder.iterdir()
    file.write_bytes(content)
    assert kept.read(digest) is None
    assert list(kept.all()) == []
    kept.keep(ONE)
    assert kept.read(digest) == ONE


@pytest.mark.parametrize("digest", ["", "sha256:..", "../../etc/passwd", f"sha256:{'g' * 64}"])
def test_what_is_no_digest_is_none(kept: FileConfigurations, digest: str) -> None:
    assert kept.read(digest) is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = outcome(lambda: FileConfigurations(tmp_path / "file" / "folder").keep(ONE))
    assert isinstance(error, UsageError)
    assert "cannot write the record of deployments" in str(error)
