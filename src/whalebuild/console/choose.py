"""Which console ``--progress`` means."""

from __future__ import annotations

import os
import sys

from whalebuild.console.base import ConsoleBase
from whalebuild.console.plain import PlainConsole, RawConsole


def make_console(mode: str, *, ci: bool) -> ConsoleBase:
    """Choose the console for ``--progress``; ``auto`` is a live view on a terminal.

    Args:
        mode: One of ``settings.PROGRESS_MODES``.
        ci: Whether a CI service runs us: its log is no terminal, whatever it says.
    """
    stream = sys.stderr
    if mode == "auto":
        dumb = os.environ.get("TERM") == "dumb"  # it cannot move back to a line
        mode = "tty" if stream.isatty() and not ci and not dumb else "plain"
    if mode == "tty":
        from whalebuild.console.live import LiveConsole  # noqa: PLC0415 - rich is slow

        return LiveConsole(stream)
    if mode in {"quiet", "none"}:
        return ConsoleBase(stream)
    return RawConsole(stream) if mode == "rawjson" else PlainConsole(stream, ci=ci)
