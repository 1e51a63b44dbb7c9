"""Says what is waited for, where that takes more than a moment."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whalebuild.console.base import ConsoleBase

# Progress modes in which nothing is printed for people.
FOR_PROGRAMS = ("quiet", "rawjson", "none")


def said(console: ConsoleBase, mode: str, what: str) -> AbstractContextManager[None]:
    """Say once what is being done, if it takes long and the output is for people.

    Args:
        console: Takes the line.
        mode: The progress mode.
        what: What is being done.
    """
    from whalebuild.runtime.waiting import said_if_slow

    return nullcontext() if mode in FOR_PROGRAMS else said_if_slow(lambda: console.note(what))
