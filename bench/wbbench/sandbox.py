"""The sandbox's engines as machines: a new engine is a fresh CI runner, or a production host."""

from __future__ import annotations

import itertools
import os
import re
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wbbench.errors import BenchError, CommandError

ROOT = Path(__file__).resolve().parents[2]
ENGINES = ROOT / ".sandbox/engines"
PREFIX = "bench-"
# An installed whalebuild has its bytecode.
_NOT_A_RUNNERS = ("WHALEBUILD_", "XDG_", "PYTHONDONTWRITEBYTECODE")
TIMEOUT = 900
LAST_LINES = 12
#: How often a process is asked for its peak memory: the peak before the last look is what is known.
LOOK_MS = 10
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What is known of a command that ended well."""

    #: Of its own process, without its children, in bytes.
    memory: int
    output: Sequence[str]


@dataclass(frozen=True)
class Machine:
    """One engine, with a home folder of its own: whatever a tool remembers is gone next time."""

    name: str
    env: Mapping[str, str]
    home: Path

    @property
    def disk(self) -> Path:
        """The engine's disk: what is put there goes away with it."""
        return ENGINES / self.name / "disk"

    def run(self, *command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Outcome:
        """Run a command to its end."""
        with tempfile.TemporaryFile("w+", errors="replace") as output:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env={**self.env, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise CommandError(f"{command[0]}: {error.strerror}") from error
            memory = _wait(process)
            output.seek(0)
            lines = output.readlines()
            if process.returncode:
                last = "".join([*lines[-LAST_LINES:], *self._last_words()])
                raise CommandError(f"{command[0]} ended with {process.returncode}:\n{last}")
            return Outcome(memory, lines)

    def builds(self) -> int | None:
        """How many targets its engine was asked to build, cached or not; None if it cannot tell."""
        done = subprocess.run(
            ["docker", "buildx", "history", "ls", "--format", "{{.Ref}}"],
            env=dict(self.env),
            capture_output=True,
            text=True,
            check=False,
        )
        return None if done.returncode else len(done.stdout.split())

    def _last_words(self) -> list[str]:
        """What dockerd wrote if it crashed: its log goes away with the engine."""
        log = ENGINES / self.name / "dockerd.log"
        lines = log.read_text(errors="replace").splitlines(keepends=True) if log.exists() else []
        fatal = (n for n, line in enumerate(lines) if line.startswith(("panic:", "fatal error:")))
        first = next(fatal, None)
        return [] if first is None else lines[first : first + LAST_LINES]


@dataclass
class Sandbox:
    """Brings machines up and takes all of them down at the end."""

    folder: Path
    machines: dict[str, Machine] = field(default_factory=dict)
    registry: str = ""
    python_image: str = ""
    ca: str = ""
    #: Spent on bringing engines up and down: it is no part of any number, but of the run.
    seconds: float = 0.0
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def fresh(
        self, variables: Mapping[str, str] | None = None, *, emulation: bool = False
    ) -> Machine:
        """Bring up an engine with an empty disk; emulation stays on for all that come after."""
        began = time.monotonic()
        name = f"{PREFIX}{os.getpid()}-{next(self._numbers)}"
        home = self.folder / "homes" / name
        home.mkdir(parents=True)
        machine = self.machines[name] = Machine(name, {}, home)
        _sandbox("up", name, *(("--with", "emulation") if emulation else ()))
        shown = subprocess.run(
            [ROOT / "sandbox/exec", "--engine", name, "--", "env", "-0"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        env = dict(item.split("=", 1) for item in shown.split("\0") if item)
        self.registry = env["WHALEBUILD_SANDBOX_REGISTRY"]
        self.python_image = env["WHALEBUILD_SANDBOX_PYTHON_IMAGE"]
        self.ca = env["WHALEBUILD_SANDBOX_CA"]
        own = {name: env[name] for name in env if not name.startswith(_NOT_A_RUNNERS)}
        machine = Machine(name, {**own, **(variables or {}), "HOME": str(home)}, home)
        self.machines[name] = machine
        self.seconds += time.monotonic() - began
        return machine

    def down(self, machine: Machine) -> None:
        """Take it down, with all it had."""
        began = time.monotonic()
        if self.machines.pop(machine.name, None):
            _sandbox("down", machine.name)
        self.seconds += time.monotonic() - began

    def close(self) -> None:
        """Take down every machine that is left."""
        for machine in list(self.machines.values()):
            self.down(machine)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process, to the millisecond; its peak memory.

    `subprocess` looks only every 50 ms where there is a timeout.
    """
    descriptor = os.pidfd_open(process.pid)
    ended = select.poll()
    ended.register(descriptor, select.POLLIN)
    deadline, memory = time.monotonic() + TIMEOUT, 0
    try:
        while time.monotonic() < deadline:
            if ended.poll(LOOK_MS):
                process.wait()
                return memory
            memory = max(memory, _peak(process.pid))
    finally:
        os.close(descriptor)
        if process.returncode is None:
            process.kill()
            process.wait()
    raise CommandError(f"{process.args[0]} did not end within {TIMEOUT} s")


def _peak(pid: int) -> int:
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def clear_leftovers() -> None:
    """Take down the engines of benchmarks that were killed; those of a running one stay."""
    for folder in ENGINES.glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            _sandbox("down", folder.name)


def _sandbox(command: str, engine: str, *options: str) -> None:
    done = subprocess.run(
        [ROOT / "sandbox" / command, "--engine", engine, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"sandbox/{command} --engine {engine}: {done.stderr.strip()}")
