from __future__ import annotations

import contextlib
import gc
import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.properties import register_profiles

register_profiles()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect with no more work than it takes: each worker of a run collects all there is."""
    # What is made lives until the end, so there is no garbage to look for.
    gc.disable()
    try:
        _compile_a_share()
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _compile_a_share() -> None:
    """Import some test files, other ones in each worker: in a new clone none has bytecode yet.

    The bytecode of the rest is there by then, or as good as.
    """
    worker, workers = (os.environ.get(f"PYTEST_XDIST_WORKER{end}", "") for end in ("", "_COUNT"))
    if not worker:
        return
    tests = Path(__file__).parent
    files = sorted(tests.rglob("test_*.py"))
    for file in files[int(worker.removeprefix("gw")) :: int(workers)]:
        name = ".".join(file.relative_to(tests.parent).with_suffix("").parts)
        with contextlib.suppress(Exception, pytest.skip.Exception):  # collecting tells it
            importlib.import_module(name)


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
