"""SIGKILL at a random instant of a bake that rebuilds: whatever is published stays whole."""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.published import check_whole, tags
from tests.integration.sandbox import Sandbox


def _crash(sandbox: Sandbox, project: Path, repository: str, rounds: int) -> None:
    seed = int(os.environ.get("WHALEBUILD_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}: repeat with WHALEBUILD_TEST_SEED={seed}")
    chance = random.Random(seed)
    command = ["whalebuild", "bake", "--image", f"{sandbox.registry}/{repository}"]
    began = time.monotonic()
    sandbox.run(*command, cwd=project, check=True)
    whole_bake = time.monotonic() - began
    for number in range(rounds):
        (project / "requirements.txt").write_text(f"{repository} {number}\n")
        process = subprocess.Popen(
            command,
            cwd=project,
            env=sandbox.env(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0, whole_bake))
        process.kill()
        process.wait()
        for tag in ("deps", "latest"):
            assert check_whole(sandbox.registry, repository, tag) >= 2, f"seed {seed}"
    done = sandbox.run(*command, cwd=project)
    assert done.returncode == 0, f"seed {seed}\n{done.stderr}"
    assert tags(sandbox.registry, repository) == ["deps", "latest"]


def test_a_few_kills(sandbox: Sandbox, small: Path, repository: str) -> None:
    _crash(sandbox, small, repository, rounds=5)


@pytest.mark.soak
def test_fifty_kills(sandbox: Sandbox, small: Path, repository: str) -> None:
    _crash(sandbox, small, repository, rounds=50)
