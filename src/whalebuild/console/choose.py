"""Which console ``--progress`` means."""

from __future__ import annotations

import os
import sys

from whalebuild.console.base import ConsoleBase
from whalebuild.console.plain import PlainConsole, RawConsole


def make_console(mode: str, *, ci: bool, github: bool = False) -> ConsoleBase:
    """Choose the console for ``--progress``; ``auto`` is a live view on a terminal.

    Args:
        mode: One of ``settings.PROGRESS_MODES``.
        ci: Whether a CI service runs us: its log is no terminal, whatever it says.
        github: Whether that is GitHub Actions, whose log has groups and annotations.
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
    if mode == "rawjson":
        return RawConsole(stream)
    if github:
        from whalebuild.console.github import GithubConsole  # noqa: PLC0415 - others do without

        return GithubConsole(stream)
    return PlainConsole(stream, ci=ci)
