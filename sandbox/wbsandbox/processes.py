"""Daemons: started detached, recorded by pid, recognised before they are signalled."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wbsandbox import paths
from wbsandbox.commands import last_lines
from wbsandbox.errors import SandboxError

#: What a daemon may see of its caller's environment: the way out to the network, nothing else.
PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ")
POLL_SECONDS = 0.02


def daemon_environment() -> dict[str, str]:
    """The same environment for an engine whoever starts it: a test, a shell, a CI job."""
    wanted = {name.lower() for name in PASSED_ON}
    passed = {name: value for name, value in os.environ.items() if name.lower() in wanted}
    return {**passed, "PATH": paths.DAEMON_PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}


def command_line(pid: int) -> str:
    """The process's arguments; empty for one that is gone or is a zombie."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return os.fsdecode(b" ".join(words))


def _program(path: str) -> str:
    """Without the version: whoever starts a daemon may run another Python than who ends it."""
    return Path(path).name.rstrip("0123456789.")


def all_pids() -> list[int]:
    """Every process of the machine."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def end(pids: Iterable[int], *, grace: float) -> None:
    """SIGTERM, wait for at most ``grace`` seconds in all, SIGKILL what is left, wait for that."""
    handles: list[int] = []
    for pid in pids:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(pid))
    try:
        waiting = handles
        rounds = [(signal.SIGTERM, grace)] if grace > 0 else []
        for number, seconds in [*rounds, (signal.SIGKILL, 10.0)]:
            for handle in waiting:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            waiting = _still_running(waiting, seconds)
    finally:
        for handle in handles:
            os.close(handle)


def _still_running(handles: list[int], seconds: float) -> list[int]:
    """Wait until the processes have ended or the time is up; a pidfd turns readable at the end."""
    deadline = time.monotonic() + seconds
    waiting = list(handles)
    while waiting and (left := deadline - time.monotonic()) > 0:
        ended, _, _ = select.select(waiting, [], [], left)
        waiting = [handle for handle in waiting if handle not in ended]
    return waiting


@dataclass(frozen=True)
class Daemon:
    """A background process whose command line names a file that is only its own."""

    name: str
    command: tuple[str, ...]
    marker: str
    pid_file: Path
    log: Path
    #: Where standard output goes, if not to the log.
    output: Path | None = None

    def pid(self) -> int | None:
        """The pid if the process runs and is ours: a stale pid may be someone else's by now."""
        with suppress(OSError, ValueError):
            pid = int(self.pid_file.read_text())
            if self._is(pid):
                return pid
        # The pid file is only a short cut: it may be stale, or have been cleaned away.
        return next((pid for pid in all_pids() if self._is(pid)), None)

    def _is(self, pid: int) -> bool:
        words = command_line(pid).split(" ")
        return _program(words[0]) == _program(self.command[0]) and self.marker in words

    def start(self) -> None:
        """Start it in a session of its own, so that it outlives the caller's terminal."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, (self.output or self.log).open("ab") as output:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env=daemon_environment(),
                cwd="/",
                start_new_session=True,
            )
        self.pid_file.write_text(f"{process.pid}\n")
        # For an instant after the start the kernel shows no command line yet.
        while self.pid() is None and process.poll() is None:
            time.sleep(POLL_SECONDS / 10)
        # It is meant to outlive this process; without this, Python warns when it does.
        process.returncode = 0

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 30.0) -> None:
        """Poll until it is ready; end with the end of its log if it dies or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.pid() is None:
                raise self._failure("ended while it was starting")
            if time.monotonic() > deadline:
                raise self._failure(f"was not ready within {seconds:.0f} s")
            time.sleep(POLL_SECONDS)

    def stop(self, *, grace: float) -> None:
        """End it, if it is running, and forget the pid."""
        pid = self.pid()
        if pid is not None:
            end([pid], grace=grace)
        self.pid_file.unlink(missing_ok=True)

    def _failure(self, how: str) -> SandboxError:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return SandboxError(
            f"{self.name} {how}; the end of {self.log}:\n{last_lines(text)}",
            cause="the log says; often a kernel or container that forbids mounts or cgroups",
            next_step="clear that up, then sandbox/down --all and sandbox/up",
        )
