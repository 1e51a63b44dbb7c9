"""A project's record of deployments, on the engine and in this machine's file.

Each machine that deploys to the engine adds to the record there. The file has all that the machine
knows, and serves where the engine keeps none. See ``deployments.engine_record``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from whalebuild.deployments.engine_record import Joined, joined, packed, unpacked
from whalebuild.deployments.record import Ended, Entry, History
from whalebuild.deployments.record_format import entry_line, read_history
from whalebuild.deployments.volumes import (
    NONCE,
    PROJECT,
    PURPOSE,
    TEXT,
    Purpose,
    Volume,
    Volumes,
    numbered,
    volume_name,
)
from whalebuild.errors import EngineError
from whalebuild.failures.failure import redact
from whalebuild.state.records import FileRecord, files_of
from whalebuild.values import dataclass

_TRIES = 3


@dataclass
class SharedRecord:
    """See ``deployplan.ports.Record``; whoever adds to it holds both locks.

    What the engine keeps is read once.

    Attributes:
        file: This machine's.
        volumes: The engine's.
        note: Says one line.
        require: Raises ``DeployError`` if the lock is lost; asked before anything is added.
    """

    file: FileRecord
    volumes: Volumes
    project: str
    note: Callable[[str], None]
    require: Callable[[], None] = lambda: None
    _engine: tuple[str, ...] | None = None
    _highest: int = 0
    _refused: str = ""

    @property
    def path(self) -> Path:
        """This machine's file."""
        return self.file.path

    def read(self) -> History:
        """See ``deployplan.ports.Record``.

        Raises:
            UsageError: The file is there and cannot be read.
        """
        return _history(self._joined().lines)

    def add(self, entry: Entry) -> None:
        """See ``deployplan.ports.Record``.

        Raises:
            DeployError: Somebody else has taken over the lock.
            UsageError: The file cannot be written; the old one is as it was.
        """
        self.require()
        if isinstance(entry, Ended) and entry.reason:
            entry = replace(entry, reason=redact(entry.reason))
        found = self._joined()
        lines = (*found.lines, entry_line(entry))
        if found.lost:
            aside = self.file.put_aside(found.lost)
            self.note(
                f"{len(found.lost)} lines of {self.path} do not fit to the engine's record, which "
                f"counts; they are in {aside}"
            )
        self.file.write(lines)
        self._write(lines)

    def _joined(self) -> Joined:
        if self._engine is None:
            self._engine = self._read_engine()
        return joined(self.file.lines(), self._engine)

    def _read_engine(self) -> tuple[str, ...]:
        try:
            found = numbered(self.volumes.find(self._labels))
        except EngineError as failed:
            self._refuse(f"the record on the engine cannot be read ({failed.why})")
            return ()
        self._highest = found[-1].number if found else 0
        lines, damaged = _best(found)
        for name in damaged:
            self.note(f"the record in the engine's volume {name} cannot be read and is skipped")
        return lines

    def _write(self, lines: tuple[str, ...]) -> None:
        """Put lines on the engine: a new volume takes the old ones' place."""
        self._engine = lines
        if self._refused:
            return
        nonce, text = secrets.token_hex(8), packed([each for each in lines if _is_text(each)])
        labels = {**self._labels, NONCE: nonce, TEXT: text}
        try:
            for number in range(self._highest + 1, self._highest + 1 + _TRIES):
                name = volume_name(self.project, Purpose.RECORD, number)
                if self.volumes.create(name, labels).get(NONCE) == nonce:
                    break
            else:
                self._refuse(f"the engine has a volume {name} of another origin")
                return
            self._highest = number
            older = [v for v in self.volumes.find(self._labels) if v.number < number]
            self.volumes.remove([each.name for each in older])
        except EngineError as failed:
            self._refuse(f"the record cannot be written on the engine ({failed.why})")

    def _refuse(self, why: str) -> None:
        self._refused = why
        self.note(f"{why}; {self.path} serves")

    @property
    def _labels(self) -> Mapping[str, str]:
        return {PROJECT: self.project, PURPOSE: Purpose.RECORD}


def records_of(
    state: Path, engine: str, volumes: Volumes, note: Callable[[str], None]
) -> dict[str, History]:
    """All records of an engine, by project: what it keeps itself, and what this machine knows.

    Raises:
        UsageError: A file cannot be read; what it needs is not known then.
    """
    kept: dict[str, list[Volume]] = {}
    try:
        for volume in numbered(volumes.find({PURPOSE: Purpose.RECORD})):
            kept.setdefault(volume.labels.get(PROJECT, ""), []).append(volume)
    except EngineError as failed:
        note(f"records on the engine cannot be read ({failed.why}); those of {state} serve")
    files = files_of(state, engine)
    found: dict[str, History] = {}
    for name in sorted({*files, *kept} - {""}):
        own = files[name].lines() if name in files else ()
        engine_lines, _ = _best(kept.get(name, ()))
        found[name] = _history(joined(own, engine_lines).lines)
    return found


def _history(lines: Iterable[str]) -> History:
    text = "\n".join(lines)
    return read_history(text.encode(errors="surrogateescape").decode(errors="replace"))


def _best(volumes: Iterable[Volume]) -> tuple[tuple[str, ...], list[str]]:
    """The lines of the newest volume that can be read, and the names of newer ones."""
    damaged: list[str] = []
    for each in reversed(list(volumes)):
        lines = unpacked(each.labels.get(TEXT, ""))
        if lines is not None:
            return lines, damaged
        damaged.append(each.name)
    return (), damaged


def _is_text(line: str) -> bool:
    """Whether a line is none with bytes that are no text: it is damaged."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
