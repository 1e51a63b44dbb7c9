"""Bakes that are held in the midst of a build, and go on when a test says so.

A stage that has ``hold()`` sleeps for as long as the file ``gate`` says; whoever wants it to end
kills that very ``sleep``, of whose seconds there is no other in the world.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.integration.pairs import Pair
from tests.integration.processes import own_processes

# Part of a stage: it takes no time unless the bake is to be held.
HOLD = "COPY gate /gate\nRUN sleep $(cat /gate) || echo released\n"
_PATIENCE = 120.0
_numbers = itertools.count(10_000)


@dataclass
class Held:
    """A bake that is under way."""

    process: subprocess.Popen[str]
    stdout: str = field(default="", init=False)
    stderr: str = field(default="", init=False)

    def end(self) -> int:
        """Wait for it to end; its exit code."""
        self.stdout, self.stderr = self.process.communicate(timeout=_PATIENCE)
        return self.process.returncode


def open_gate(pair: Pair) -> None:
    """Have stages go through."""
    (pair.folder / "gate").write_text("0\n")


@contextmanager
def held(pair: Pair, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Held]:
    """A bake that stands in the stage with the gate until the block ends; then it ends, too."""
    seconds = f"{next(_numbers)}.{os.getpid()}"
    (pair.folder / "gate").write_text(f"{seconds}\n")
    bake = Held(
        subprocess.Popen(
            ["whalebuild", "bake", "--format", "json", *pair.words, *words],
            cwd=pair.folder,
            env={**pair.sandbox.env(pair.engine), "WHALEBUILD_IMAGE": pair.image, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    )
    try:
        sleeper = _wait_for(bake, seconds)
        yield bake
        assert bake.process.poll() is None, "it is held"
        os.kill(sleeper, signal.SIGTERM)
        bake.end()
    finally:
        if bake.process.poll() is None:
            bake.process.terminate()
            bake.process.communicate()


def _wait_for(bake: Held, seconds: str) -> int:
    """The process that sleeps; it is the engine's."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if bake.process.poll() is not None:
            bake.end()
            raise AssertionError(f"it ended early: {bake.stderr}")
        for pid, words in own_processes():
            if words == f"sleep\0{seconds}\0".encode():
                return int(pid)
        time.sleep(0.05)
    raise AssertionError("the bake did not come to the gate")
