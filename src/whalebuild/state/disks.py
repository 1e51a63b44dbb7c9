"""The file systems that whalebuild and its engine write to: how much is free."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from whalebuild.doctor.facts import DiskFacts
from whalebuild.doctor.machine import ENGINE_DISK
from whalebuild.state.begun_uploads import cache_folder
from whalebuild.state.records import state_folder


def disks(
    setting: str | None, data_root: str | None, env: Mapping[str, str] = os.environ
) -> Iterator[DiskFacts]:
    """Look at each folder, or at the one that it would be made in.

    Args:
        setting: The setting ``state-dir``.
        data_root: Where the engine keeps its data, if that is on this machine.
        env: For the places of the folders.
    """
    own = {
        "the folder of records": state_folder(setting, env),
        "the folder of notes": cache_folder(env),
        "the temporary folder": Path(tempfile.gettempdir()),
    }
    for what, path in own.items():
        yield from _look(what, path, writes=True)
    if data_root:
        yield from _look(ENGINE_DISK, Path(data_root), writes=False)


def _look(what: str, path: Path, *, writes: bool) -> Iterator[DiskFacts]:
    there = next((each for each in (path, *path.parents) if each.exists()), path)
    with suppress(OSError):
        usage = shutil.disk_usage(there)
        writable = not writes or os.access(there, os.W_OK | os.X_OK)
        yield DiskFacts(what, str(path), usage.free, usage.total, writable)
