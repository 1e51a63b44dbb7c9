"""What was found out about builders, in a small file of the user's cache folder.

It is only a memory: when it is lost or damaged, things are found out again.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from whalebuild.state.begun_uploads import cache_folder

_FILE = "builders.json"
_KEPT_SECONDS = 30 * 24 * 3600.0  # a builder or a registry may have been replaced by a better one


class FileBuilderNotes:
    """Notes in ``$XDG_CACHE_HOME/whalebuild``; see ``bake.ports.BuilderNotes``."""

    def __init__(
        self, env: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.time
    ) -> None:
        self._file = cache_folder(env) / _FILE
        self._clock = clock

    def refuses_cache_by_digest(self, builder: str, registry: str) -> bool:
        """See ``bake.ports.BuilderNotes``."""
        noted = self._read().get(_key(builder, registry))
        return isinstance(noted, int | float) and 0 <= self._clock() - noted < _KEPT_SECONDS

    def note_refusal(self, builder: str, registry: str) -> None:
        """See ``bake.ports.BuilderNotes``."""
        notes = {**self._read(), _key(builder, registry): self._clock()}
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=self._file.parent, delete=False) as new:
                json.dump(notes, new)
            Path(new.name).replace(self._file)

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self._file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def _key(builder: str, registry: str) -> str:
    return f"cache by digest: {builder} to {registry}"
