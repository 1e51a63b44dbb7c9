from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.properties import register_profiles

register_profiles()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Engine tests first: they wait a lot, and unit tests fill the time that is left at the end."""
    items.sort(key=lambda item: item.get_closest_marker("engine") is None)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a shell script in the place of docker; returns the folder where it runs."""

    def install(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/no-engine.sock")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return install
