"""The instructions after an app base, as a plan shows them, and what could be written instead."""

from __future__ import annotations

from whalebuild.values import dataclass


@dataclass(frozen=True)
class TailLine:
    """An instruction after the app base.

    Attributes:
        line: Its line.
        instruction: What is written there.
        kind: What it needs, see ``appbase.values.Kind``.
        origin: The stage, image or context that it copies from.
        whole: Whether it needs the app base itself, and not its stub.
    """

    line: int
    instruction: str
    kind: str
    origin: str | None = None
    whole: bool = False


@dataclass(frozen=True)
class PatchChange:
    """What a patch does about one line, in words."""

    line: int
    note: str


@dataclass(frozen=True)
class Patch:
    """A patch for a Dockerfile.

    Attributes:
        changes: What it does, in the order of the lines.
        short: Whether the stub will do then; else there is more in the app base.
        diff: The patch in the unified format.
    """

    changes: tuple[PatchChange, ...]
    short: bool
    diff: str
