"""A docker command that is spoken to over a socket, for as long as it is needed."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from socket import SHUT_RDWR, socket

from whalebuild.values import dataclass

_SECONDS = 2.0  # that it takes at the most to end, once nobody speaks to it


@dataclass(frozen=True)
class Piped:
    """A docker command whose standard input and output are one socket.

    Attributes:
        socket: Our end.
        process: The command.
        errors: The file that takes what it says on standard error.
        stop: Ends it, by the process ID that was recorded.
    """

    socket: socket
    process: subprocess.Popen[bytes]
    errors: Path
    stop: Callable[[], None]

    def said(self) -> str:
        """What it said on standard error; one that has not ended yet is given a moment to."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_SECONDS)
        with contextlib.suppress(OSError):
            return self.errors.read_bytes().decode(errors="replace").strip()
        return ""

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(SHUT_RDWR)  # whoever reads from it gets its end
        self.socket.close()
        if self.process.returncode is None:
            self.stop()
            self.process.wait()
