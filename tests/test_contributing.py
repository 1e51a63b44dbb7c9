"""docs/contributing.md names files and packages that are there, and every package."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/whalebuild"
PAGE = (ROOT / "docs/contributing.md").read_text()
PACKAGES = {p.parent.relative_to(SOURCE).as_posix() for p in SOURCE.rglob("__init__.py")} - {"."}


def test_files_of_the_walks_are_there() -> None:
    walks = "\n".join(re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL))
    named = re.findall(r"[a-z_]+(?:/[a-z_]+)*\.py", walks)
    assert len(named) > 60
    # "registry/client.py … transport.py" leaves the folder out the second time.
    gone = [n for n in named if not (SOURCE / n).is_file() and n != "transport.py"]
    assert gone == []


def test_every_package_is_in_the_table_of_rooms() -> None:
    table = PAGE[: PAGE.index("### A bake")]
    named = {name.rstrip("/") for name in re.findall(r"`([a-z/]+/)`", table)}
    assert {"bake/partial" if name == "partial" else name for name in named} >= PACKAGES
