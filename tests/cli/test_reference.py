"""docs/reference/ and docs/man/ say what ``--help`` says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.reference import ROOT, reference

FILES = reference()
MAN = [path for path in FILES if path.suffix == ".1"]


def test_there_is_a_page_of_each_verb_and_no_other() -> None:
    kept = {path for folder in ("docs/reference", "docs/man") for path in (ROOT / folder).iterdir()}
    assert kept == set(FILES), "run `make docs`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_page_is_not_stale(path: Path) -> None:
    assert path.read_text() == FILES[path], "run `make docs`"


def test_man_shows_the_pages_without_a_warning() -> None:
    if not shutil.which("man") or not shutil.which("groff"):
        pytest.skip("man and groff are not installed (apt-get install man-db groff-base)")
    command = ["man", "--warnings=all", "-E", "UTF-8", "-l", *map(str, MAN)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"MANWIDTH": "80", "PATH": "/bin"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("WHALEBUILD-BAKE(1)", "--metadata-file FILE", "whalebuild deploy web --dry-run"):
        assert text in done.stdout


def test_mandoc_finds_no_error_in_them() -> None:
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed (apt-get install mandoc)")
    command = ["mandoc", "-T", "lint", "-W", "error", *map(str, MAN)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
