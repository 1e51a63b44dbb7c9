"""BuildKit's progress stream (``--progress rawjson``) as typed events.

One line of the stream is one ``SolveStatus``: vertexes (steps), statuses (transfers), logs and
warnings. https://github.com/moby/buildkit/blob/master/client/graph.go
Lines that are not JSON are messages of buildx itself, such as the final error.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from whalebuild.values import dataclass


@dataclass(frozen=True)
class Step:
    """A vertex changed.

    Attributes:
        started: Seconds since the epoch.
        completed: Seconds since the epoch.
        error: BuildKit's message.
        inputs: Digests of the vertices that it is made from.
    """

    digest: str
    name: str
    started: float | None
    completed: float | None
    cached: bool
    error: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transfer:
    """Bytes moved within a step so far (``total`` is 0 where BuildKit does not know)."""

    step: str
    id: str
    current: int
    total: int
    done: bool


@dataclass(frozen=True)
class Log:
    """Output of a step's process."""

    step: str
    data: bytes


@dataclass(frozen=True)
class BuildWarning:
    """A warning of the Dockerfile frontend or of buildx."""

    step: str
    text: str
    url: str


@dataclass(frozen=True)
class Message:
    """A line of buildx itself, outside the JSON stream."""

    text: str


Event = Step | Transfer | Log | BuildWarning | Message


def clean_line(line: str, hide: Callable[[str], str]) -> str:
    """A line of the stream, its errors without secrets; the output of steps stays as it is.

    Args:
        line: Of the stream.
        hide: Removes secrets from a text.
    """
    if not line.startswith("{"):
        return hide(line)
    # Only errors are changed: a password may be equal to a word of the format.
    try:
        status = json.loads(line) if '"error"' in line else {}
        shown = [vertex for vertex in status.get("vertexes") or () if vertex.get("error")]
        clean = [hide(vertex["error"]) for vertex in shown]
        if clean == [vertex["error"] for vertex in shown]:
            return line
    except (AttributeError, TypeError, ValueError):
        return hide(line)
    for vertex, error in zip(shown, clean, strict=True):
        vertex["error"] = error
    return json.dumps(status, separators=(",", ":")) + "\n"


def parse_line(line: str) -> Iterator[Event]:
    """Yield the events of one line; a malformed line is a ``Message``, never an error."""
    try:
        yield from list(_events(json.loads(line))) if line.startswith("{") else _message(line)
    except (AttributeError, KeyError, TypeError, ValueError):
        yield from _message(line)


def _message(line: str) -> Iterator[Message]:
    if line.strip():
        yield Message(line.rstrip("\r\n"))


def _events(status: Mapping[str, Any]) -> Iterator[Event]:
    for vertex in status.get("vertexes") or ():
        yield Step(
            digest=vertex["digest"],
            name=vertex.get("name", ""),
            started=_seconds(vertex.get("started")),
            completed=_seconds(vertex.get("completed")),
            cached=bool(vertex.get("cached")),
            error=vertex.get("error", ""),
            inputs=tuple(vertex.get("inputs") or ()),
        )
    for item in status.get("statuses") or ():
        yield Transfer(
            step=item.get("vertex", ""),
            id=item.get("id", ""),
            current=item.get("current", 0),
            total=item.get("total", 0),
            done=bool(item.get("completed")),
        )
    for item in status.get("logs") or ():
        yield Log(item.get("vertex", ""), base64.b64decode(item.get("data") or ""))
    for item in status.get("warnings") or ():
        text = base64.b64decode(item.get("short") or "").decode(errors="replace")
        yield BuildWarning(item.get("vertex", ""), text, item.get("url", ""))


def _seconds(text: str | None) -> float | None:
    """Parse RFC 3339 with nanoseconds; Python's own parser takes only microseconds."""
    if not text:
        return None
    head, dot, tail = text.partition(".")
    if dot:
        digits = tail.rstrip("Z").partition("+")[0].partition("-")[0]
        zone = tail[len(digits) :]
        text = f"{head}.{digits[:6]}{zone}"
    return datetime.fromisoformat(text).timestamp()
