"""How far a pull is: folded from the JSON lines of ``docker compose --progress json pull``.

``jsonWriter`` in ``pkg/progress/json.go`` of compose; what the lines say is the engine's
(``toPullProgressEvent`` in ``pkg/compose/pull.go``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from whalebuild.values import dataclass

_DOWNLOADING = "Downloading"
# A layer of which nothing is left to download; "Verifying Checksum" is between the first two.
_HERE = frozenset({"Verifying Checksum", "Download complete", "Extracting", "Pull complete"})
_ERROR = "Error"
_SHOWN_DIGITS = 12
_WARNING = re.compile(r'time="[^"]*" level=warning msg=(?P<msg>.*)')


@dataclass(frozen=True)
class PullLine:
    """One line of compose's: an image or one of its layers (``parent`` is its image) moves on.

    Attributes:
        id: Name of the image, or first digits of the layer's digest.
        text: "Downloading", "Download complete", "Pull complete", "Error" ...
        current: Bytes so far, where it is a number of bytes.
        total: Bytes in all; 0 where it is not known.
    """

    id: str
    parent: str
    text: str
    current: int = 0
    total: int = 0


@dataclass
class PullState:
    """What a pull has downloaded so far.

    A layer counts once, whichever images have it, and from one try to the next: what an
    interrupted try has downloaded of a layer, the next one begins with.

    Attributes:
        sizes: Bytes of layers by :func:`layer_id`, as far as they are known beforehand: compose
            does not say the size of one that comes at once.
        done: Names of the images that are there.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    _current: dict[str, int] = field(default_factory=dict)
    _total: dict[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes downloaded; a layer whose size compose never told counts as 0."""
        return sum(self._current.values())

    def add(self, line: PullLine) -> None:
        """Take the next line."""
        if not line.parent:
            if line.text == "Pulled":
                self.done.add(line.id)
            return
        if line.text == _DOWNLOADING:
            self._total[line.id] = max(line.total, self._total.get(line.id, 0))
            self._current[line.id] = max(line.current, self._current.get(line.id, 0))
        elif line.text in _HERE:
            size = self.sizes.get(line.id) or self._total.get(line.id, 0)
            self._current[line.id] = max(size, self._current.get(line.id, 0))


def layer_id(digest: str) -> str:
    """How compose names a layer: the first digits of its digest."""
    return digest.partition(":")[2][:_SHOWN_DIGITS]


def parse_pull_line(text: str) -> PullLine | None:
    """Parse one line; None for one that is not about an image or layer, or is no JSON."""
    found = _object(text)
    name, status = found.get("id"), found.get("text")
    if not (isinstance(name, str) and isinstance(status, str) and name and status):
        return None
    # While a layer is unpacked, ``current`` is a number of seconds.
    counts = status == _DOWNLOADING
    return PullLine(
        name,
        str(found.get("parent_id") or ""),
        status,
        _bytes(found.get("current")) if counts else 0,
        _bytes(found.get("total")) if counts else 0,
    )


def compose_error(stderr: str) -> str:
    """What failed, in plain text: compose's lines of JSON are unwrapped, its progress left out.

    Several images may fail at once; what compose itself ends with is the last line.
    """
    return "\n".join(dict.fromkeys(_errors(stderr.splitlines())))


def compose_warnings(stderr: str) -> tuple[str, ...]:
    """What compose warns of in a run that worked: unset variables, orphans, deprecations.

    It writes them as logrus does: ``time="..." level=warning msg="..."``; also in JSON.
    """
    found = dict.fromkeys(_warnings(stderr.splitlines()))
    return tuple(each for each in found if each)


def _warnings(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        given = _WARNING.match(line)
        if given:
            yield _unquoted(given["msg"])
        elif (said := _object(line)).get("level") == "warning":
            yield str(said.get("msg") or "").strip()


def _unquoted(text: str) -> str:
    """A message of logrus; it quotes what has more than one word, as Go does."""
    try:
        return str(json.loads(text)).strip() if text.startswith('"') else text.strip()
    except ValueError:
        return text.strip('"')


def _errors(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        found = _object(line)
        if not found:
            # Progress is indented where it is no JSON.
            yield from [line.strip()] if line[:1].strip() else []
        elif found.get("text") == _ERROR and found.get("status"):
            yield str(found["status"]).strip()
        elif found.get("error") and found.get("message"):
            yield f"ERROR: {str(found['message']).strip()}"


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
