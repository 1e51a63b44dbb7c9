"""Commands that run while a test looks on: waited for, and killed at a moment of its choice.

Others run on the machine, too, even with the same words: tests find theirs by their engines' names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.integration.sandbox import own_name

PATIENCE = 120.0


def own_processes(*, but: Container[str] = ()) -> Iterator[tuple[str, bytes]]:
    """The daemons of the tests' own engines, their containers and build steps, and their clients.

    The engines' names are nobody else's on this machine. The daemons have them in their arguments,
    what runs inside in its control group, and a command for an engine in its environment.

    Args:
        but: Pids that are not looked at.

    Yields:
        The pid, and the command line with zeros between its words.
    """
    name = own_name("").encode()
    for pid in os.listdir("/proc"):  # noqa: PTH208 - some callers look every few milliseconds
        if not pid.isdecimal() or pid in but:
            continue
        with suppress(OSError):  # it has ended
            words = Path("/proc", pid, "cmdline").read_bytes()
            marks = (Path("/proc", pid, file).read_bytes() for file in ("environ", "cgroup"))
            if name in words or any(name in mark for mark in marks):
                yield pid, words


class Process:
    """A command that runs; what it says can be waited for, and it can be killed at that moment."""

    def __init__(self, words: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self.popen = subprocess.Popen(
            words,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in self._said
        ]
        for reader in self._readers:
            reader.start()

    @property
    def stdout(self) -> str:
        """What it has said so far."""
        return "".join(self._said["stdout"])

    @property
    def stderr(self) -> str:
        """What it has said so far on standard error."""
        return "".join(self._said["stderr"])

    def wait_for_text(self, text: str) -> None:
        """Wait until it has said this on standard error."""
        self.wait_until(lambda: text in self.stderr)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so; it has to be so while the command runs."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.popen.poll() is None, f"it has ended before: {self.stdout}{self.stderr}"
            assert time.monotonic() < deadline, f"it never came to that: {self.stderr}"
            time.sleep(0.005)

    def kill(self) -> None:
        """SIGKILL to the command alone, as the kernel does when memory is short.

        What it had started (docker compose) goes on.
        """
        self.popen.kill()
        self.popen.wait()

    def kill_all(self) -> None:
        """SIGKILL to it and all that it has started: the machine is switched off."""
        # Those who are left of its session keep the number, so that it is nobody else's.
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def interrupt(self) -> None:
        """Ctrl-C: SIGINT to it and all that it has started."""
        os.killpg(self.popen.pid, signal.SIGINT)

    def end(self, timeout: float = PATIENCE) -> int:
        """Wait for it to end; its exit code."""
        code = self.popen.wait(timeout)
        for reader in self._readers:
            reader.join(timeout)
        return code

    def _read(self, name: str) -> None:
        with getattr(self.popen, name) as stream:
            for line in iter(stream.readline, ""):
                self._said[name].append(line)
