"""Where results are shown: a terminal of some width, or whatever reads from a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import TextIO

from whalebuild.cli.output.table import fit


def screen_width(stream: TextIO, environment: Mapping[str, str] | None = None) -> int | None:
    """Columns of the terminal behind a stream; None where there is none, as in a pipe or in CI.

    Args:
        stream: Standard output or standard error.
        environment: This process's own, where it is not given. ``COLUMNS`` in it goes first.
    """
    env = os.environ if environment is None else environment
    if not stream.isatty() or in_ci(env):
        return None
    return shutil.get_terminal_size().columns


def in_ci(environment: Mapping[str, str]) -> bool:
    """Whether a CI service runs us: its log is no terminal, whatever it says.

    ``CI=false`` is how people say that none does.
    """
    names = ("CI", "GITHUB_ACTIONS")
    return any(environment.get(name, "").lower() not in {"", "0", "false"} for name in names)


def in_github(environment: Mapping[str, str]) -> bool:
    """Whether that is GitHub Actions, which reads what is printed."""
    return environment.get("GITHUB_ACTIONS") == "true"


def show(render: Callable[[int | None], str]) -> None:
    """Print a text to standard output, as wide as that is.

    Args:
        render: Makes it for a width; None is no terminal.
    """
    width = screen_width(sys.stdout)
    print(fit(render(width), width))  # noqa: T201
