"""Screens are as they are in ``snapshots/``; ``WHALEBUILD_SNAPSHOTS=write`` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.screens import WIDTHS, screens

KEPT = Path(__file__).parent / "snapshots"
WRITE = os.environ.get("WHALEBUILD_SNAPSHOTS") == "write"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    made = screens(tmp_path_factory.mktemp("screens"))
    texts = {
        f"{name}.{width}.txt": "\n".join(line.rstrip() for line in screen(width).split("\n")) + "\n"
        for name, screen in made.items()
        for width in WIDTHS
    }
    if WRITE:
        for old in KEPT.iterdir():
            old.unlink()
        for name, text in texts.items():
            (KEPT / name).write_text(text)
    return texts


def test_every_screen_is_kept_and_no_other(shown: dict[str, str]) -> None:
    assert {path.name for path in KEPT.iterdir()} == set(shown)


@pytest.mark.parametrize("name", sorted(path.name for path in KEPT.iterdir()))
def test_a_screen_is_as_it_was(shown: dict[str, str], name: str) -> None:
    assert shown[name] == (KEPT / name).read_text()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_screen_is_wider_than_its_terminal(shown: dict[str, str], width: int) -> None:
    for name, text in shown.items():
        if f".{width}." in name:
            widest = max(text.splitlines(), key=len)
            assert len(widest) <= width, f"{name}: {widest}"
