"""The sandbox itself: engines with a small disk, and engines that were killed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.integration.sandbox import ROOT, Sandbox, own_name
from tests.support.marks import extended
from wbsandbox.engine import known_engines

BUILD = ("docker", "buildx", "build", "--progress", "plain")


@pytest.fixture(scope="module")
def small_disk(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("small-disk", "--disk", "300M") as engine:
        yield engine


def _up(sandbox: Sandbox, *options: str) -> CompletedProcess[str]:
    return sandbox.run(ROOT / "sandbox/up", *options, cwd=ROOT)


def _capacity(engine: str) -> int:
    disk = os.statvfs(ROOT / ".sandbox/engines" / engine / "disk")
    return disk.f_blocks * disk.f_frsize


@pytest.mark.extended
def test_a_disk_has_the_size_that_was_asked_for(sandbox: Sandbox, small_disk: str) -> None:
    # What the file system keeps for itself is not counted by it.
    assert 250 * 2**20 < _capacity(small_disk) < 300 * 2**20


@pytest.mark.extended
def test_a_step_can_fill_a_small_disk_and_not_the_next_build(
    sandbox: Sandbox, small_disk: str, small: Path
) -> None:
    dockerfile = (small / "Dockerfile").read_text()
    (small / "Dockerfile").write_text(
        f"FROM {sandbox.python_image}\nRUN head -c 200M /dev/urandom > /filler\n"
    )
    full = sandbox.run(*BUILD, ".", cwd=small, engine=small_disk)
    assert full.returncode != 0
    assert "No space left on device" in full.stderr
    (small / "Dockerfile").write_text(dockerfile)
    # What the failed step wrote is freed a moment after it.
    until = time.monotonic() + 60
    while (done := sandbox.run(*BUILD, ".", cwd=small, engine=small_disk)).returncode:
        assert time.monotonic() < until, done.stderr
        time.sleep(0.5)


@pytest.mark.extended
def test_an_engine_keeps_its_disk(sandbox: Sandbox, small_disk: str) -> None:
    assert _up(sandbox, "--engine", small_disk).returncode == 0
    assert _up(sandbox, "--engine", small_disk, "--disk", "300M").returncode == 0
    refused = _up(sandbox, "--engine", small_disk, "--disk", "2G")
    assert refused.returncode == 3
    assert f"engine {small_disk} has a disk of 300M, not 2G" in refused.stderr
    assert f"sandbox/down --engine {small_disk}" in refused.stderr


@pytest.mark.parametrize(
    "size", ["400", *map(extended, ("0M", "1M", "33G", "1.5G", "-1G", "400MB", ""))]
)
def test_a_size_that_is_none_is_refused(sandbox: Sandbox, size: str) -> None:
    refused = _up(sandbox, "--engine", "never", f"--disk={size}")
    assert refused.returncode == 2
    assert f"{size!r}: use a size such as 400M or 2G, from 16M to 32G" in refused.stderr


@pytest.mark.extended
def test_preparing_brings_nothing_up(sandbox: Sandbox) -> None:
    name = own_name("nothing")
    done = _up(sandbox, "--engine", name, "--prepare")
    assert done.returncode == 0, done.stderr
    assert name not in known_engines()


@pytest.mark.extended
@pytest.mark.parametrize("daemons", [(), ("dockerd",), ("containerd",)])
def test_up_brings_a_killed_engine_back_with_its_disk(
    sandbox: Sandbox, small_disk: str, small: Path, daemons: tuple[str, ...]
) -> None:
    sandbox.run(*BUILD, ".", cwd=small, engine=small_disk, check=True)
    sandbox.kill(small_disk, *daemons)
    back = _up(sandbox, "--engine", small_disk)
    assert back.returncode == 0, back.stderr
    again = sandbox.run(*BUILD, ".", cwd=small, engine=small_disk, check=True).stderr
    assert again.count(" CACHED\n") >= 3, "all that was built is still there"
    assert _capacity(small_disk) < 300 * 2**20
