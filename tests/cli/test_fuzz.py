"""No command line, settings file or environment ends in a traceback or an unknown exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.fuzzing.cases import make_case
from tests.support.marks import extended
from wbsandbox import paths

ROOT = Path(__file__).resolve().parents[2]


def campaign(seed: str, count: int) -> None:
    """Run cases in a process of their own, which forks: one with threads must not.

    Where the sandbox has been up, its docker client takes part.
    """
    print(f"seed {seed}: repeat with WHALEBUILD_TEST_SEED={seed}")
    command = [sys.executable, "-m", "tests.cli.fuzzing", seed, "0", str(count)]
    path = os.pathsep.join([*map(str, paths.PREFIX_BIN), os.environ.get("PATH", os.defpath)])
    env = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("count", [25, extended(250)])
def test_no_traceback_and_exit_codes_of_the_table_only(count: int) -> None:
    campaign("gate", count)


@pytest.mark.soak
def test_the_same_of_many_more() -> None:
    campaign(os.environ.get("WHALEBUILD_TEST_SEED", str(time.time_ns() % 1_000_000)), 2000)


def test_a_case_is_made_from_its_seed_and_number_alone() -> None:
    assert [make_case("x", n) for n in range(50)] == [make_case("x", n) for n in range(50)]
    assert make_case("x", 1) != make_case("y", 1)
