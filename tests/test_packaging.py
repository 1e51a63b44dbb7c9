"""The package can be installed as a user installs it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from whalebuild.cli.completion.verb import Shell

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_has_the_console_script_and_all_modules(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, ROOT], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("whalebuild-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entry,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "whalebuild = whalebuild.cli.entry:main" in archive.read(entry).decode()
    sources = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src").rglob("*.py")}
    assert sources <= names
    templates = (ROOT / "src/whalebuild/scaffold/templates").iterdir()
    assert {f"whalebuild/scaffold/templates/{path.name}" for path in templates} <= names
    assert "whalebuild/py.typed" in names
    assert {f"whalebuild/cli/completion/whalebuild.{shell}" for shell in Shell} <= names
    manuals = {path.name for path in (ROOT / "docs/man").iterdir()}
    assert manuals == {Path(name).name for name in names if "/share/man/man1/" in name}


def test_the_module_is_the_console_script() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "whalebuild", "--version"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("whalebuild ")
