"""SIGKILL at a random instant of a bake that rebuilds: whatever is published stays whole."""

from __future__ import annotations

import os
import random
import subprocess
import time

import pytest

from tests.integration.pairs import Pair
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended


def _crash(pair: Pair, rounds: int, *words: str) -> None:
    seed = int(os.environ.get("WHALEBUILD_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}: repeat with WHALEBUILD_TEST_SEED={seed}")
    chance = random.Random(seed)
    began = time.monotonic()
    pair.bake(*words)
    whole_bake = time.monotonic() - began
    for number in range(rounds):
        pair.change_requirements(f"round {number}")
        process = subprocess.Popen(
            ["whalebuild", "bake", *words],
            cwd=pair.folder,
            env={**pair.sandbox.env(), "WHALEBUILD_IMAGE": pair.image},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        instant = chance.uniform(0, whole_bake)
        time.sleep(instant)
        process.kill()
        process.wait()
        where = f"seed {seed}, round {number}, killed after {instant:.3f} s"
        print(where)
        pair.check_whole()
        # Sometimes the next crash meets what this one left.
        if number == rounds - 1 or chance.random() < 0.5:
            done = pair.whalebuild("bake", *words)
            assert done.returncode == 0, f"{where}\n{done.stderr}"
            pair.check_whole()
            installed = pair.prints("latest", "cat", "/opt/venv/installed").splitlines()
            assert installed[-1] == f"round {number}", where
    assert pair.tags() == ["deps", "latest"]


@pytest.mark.parametrize("rounds", [1, extended(3)])
def test_a_few_kills(pair: Pair, rounds: int) -> None:
    _crash(pair, rounds)


@pytest.mark.extended
def test_a_few_kills_with_a_remote_builder(sandbox: Sandbox, pair: Pair, fresh: str) -> None:
    with sandbox.remote_builder("killed", {fresh: ""}) as builder:
        _crash(pair, 2, "--builder", builder)


@pytest.mark.soak
@pytest.mark.parametrize("driver", ["docker", "remote"])
def test_fifty_kills(sandbox: Sandbox, pair: Pair, fresh: str, driver: str) -> None:
    nodes = {fresh: ""} if driver == "remote" else {}
    with sandbox.remote_builder("killed-often", nodes) as builder:
        _crash(pair, 50, *(("--builder", builder) if nodes else ()))
