"""The record of deployments on an engine: how it is written there, and joined with a machine's own.

The machine's own file has all that was deployed from it. The engine has what was deployed last,
from wherever. Lines are the same byte by byte in both.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Sequence

from whalebuild.values import dataclass

_FORM = "zlib:"
_MOST_LINES = 200
_MOST_BYTES = 1 << 16  # of a label; a docker command takes twice as much as one word
_MOST_TEXT = 16 << 20  # what a label may unpack to; a record has some KB
_NUMBER = re.compile(r'"number"\s*:\s*(\d{1,15})\b')


@dataclass(frozen=True)
class Joined:
    """A machine's record and the engine's as one.

    Attributes:
        lines: All of it, the oldest first.
        lost: Lines of the machine that do not fit to the engine's, which counts.
    """

    lines: tuple[str, ...]
    lost: tuple[str, ...] = ()


def packed(lines: Sequence[str]) -> str:
    """The last lines as a label: as many as an engine is to keep."""
    kept = [line for line in lines if line.strip()][-_MOST_LINES:]
    while True:
        # An end without its begin would be a damaged line.
        while kept and _event(kept[0]) == "ended":
            kept = kept[1:]
        text = base64.b64encode(zlib.compress("\n".join(kept).encode("utf-8", "replace"), 9))
        if len(text) < _MOST_BYTES or len(kept) <= 1:
            return _FORM + text.decode()
        kept = kept[len(kept) // 4 + 1 :]


def unpacked(label: str) -> tuple[str, ...] | None:
    """The lines of a label; None where it is damaged, or of another form."""
    if not label.startswith(_FORM):
        return None
    try:
        raw = base64.b64decode(label.removeprefix(_FORM), validate=True)
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(raw, _MOST_TEXT).decode()
    except (binascii.Error, zlib.error, ValueError):
        return None
    return tuple(line for line in text.split("\n") if line.strip()) if unpacker.eof else None


def joined(own: Sequence[str], engine: Sequence[str]) -> Joined:
    """Join a machine's lines with those of the engine.

    The engine's count. Of the machine's own, those go before that the engine does not keep any
    more, and those after that it could not be given. Where both went on from the same line in
    different ways (the engine had lost its record), the machine's are not taken.
    """
    if not engine or not any(line.strip() for line in own):
        return Joined(tuple(engine or own))
    own = [line for line in own if line.strip()]
    known = set(engine)
    last = max((at for at, line in enumerate(own) if line in known), default=-1)
    older = own[: last + 1] if last >= 0 else _below(own, engine)
    newer = own[len(older) :]
    first = next((at for at, line in enumerate(older) if line == engine[0]), None)
    head = older[:first] if first is not None else _below(older, engine)
    if last >= 0 and own[last] == engine[-1]:
        return Joined((*head, *engine, *newer))
    return Joined((*head, *engine), tuple(newer))


def _below(lines: Sequence[str], engine: Sequence[str]) -> list[str]:
    """The lines before the first one with a number of the engine's."""
    lowest = min((number for line in engine for number in _numbers(line)), default=0)
    found: list[str] = []
    for line in lines:
        if any(number >= lowest for number in _numbers(line)) or line in engine:
            break
        found.append(line)
    return found


def _numbers(line: str) -> list[int]:
    return [int(found) for found in _NUMBER.findall(line)]


def _event(line: str) -> object:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found.get("event") if isinstance(found, dict) else None
