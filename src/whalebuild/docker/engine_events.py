"""Events of an engine's containers, as they happen.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemEvents
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import Self

from whalebuild.compose.events import ContainerEvent, EventAction, read_container_event
from whalebuild.docker.engine_api import EngineApi
from whalebuild.errors import EngineError
from whalebuild.runtime.threads import Submit

# How long a stream that broke is left alone.
_PAUSE = 0.5


class ContainerEvents:
    """See ``deployplan.ports.Events``: the stream is opened when it is first waited for.

    It begins with what the engine remembers: nothing is missed between a look and a wait, and it is
    known with what a container has ended that was started again.

    Args:
        engine: Whose.
        filters: Which containers', as ``{"label": [...]}``.
    """

    def __init__(self, engine: EngineApi, filters: Mapping[str, Sequence[str]]) -> None:
        self._engine = engine
        self._filters = {**filters, "type": ["container"], "event": list(EventAction)}
        self._lines: SimpleQueue[bytes | None] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def wait(self, seconds: float) -> Sequence[ContainerEvent] | None:
        """See ``deployplan.ports.Events``."""
        if self._lines is None:
            try:
                self._lines = self._opened()
            except EngineError:
                time.sleep(min(seconds, _PAUSE))
                return None
        lines = _got(self._lines, seconds)
        read = (read_container_event(_object(line)) for line in lines if line)
        found = [each for each in read if each]
        if None not in lines:
            return found
        if found:
            self._lines.put(None)  # for the next time
            return found
        self._open.close()
        self._lines = None
        time.sleep(min(seconds, _PAUSE))
        return None

    def _opened(self) -> SimpleQueue[bytes | None]:
        query = {"since": 0, "filters": self._filters}
        _, answer = self._open.enter_context(self._engine.stream("/events", query))
        lines: SimpleQueue[bytes | None] = SimpleQueue()

        def read() -> None:
            try:
                while line := answer.readline():
                    lines.put(line)
            finally:  # however it ends
                lines.put(None)

        Submit()(read)
        return lines


def _got(lines: SimpleQueue[bytes | None], seconds: float) -> list[bytes | None]:
    """What is in the queue, or comes in so many seconds."""
    found = []
    try:
        found.append(lines.get(timeout=seconds))
        while True:
            found.append(lines.get_nowait())
    except Empty:
        return found


def _object(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
