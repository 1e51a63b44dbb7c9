"""Records of deployments: a file for each project of an engine, in the user's state folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from whalebuild.deploy.record import Entry, History
from whalebuild.deploy.record_format import entry_line, read_history
from whalebuild.errors import UsageError

_SUFFIX, _ASIDE = ".jsonl", ".replaced"
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]")


def state_folder(setting: str | None, env: Mapping[str, str] = os.environ) -> Path:
    """Where records are: the setting ``state-dir``, or ``whalebuild`` in the XDG state folder."""
    if setting:
        return Path(setting).expanduser().absolute()
    home = env.get("XDG_STATE_HOME") or Path(env.get("HOME") or Path.home()) / ".local" / "state"
    return Path(home) / "whalebuild"


def records_folder(state: Path, engine: str) -> Path:
    """Where the records of an engine are, by its ID; older engines' have colons."""
    return state / "deployments" / _file_name(engine)


def files_of(state: Path, engine: str) -> dict[str, FileRecord]:
    """This machine's records of an engine, by project.

    Raises:
        UsageError: The folder cannot be read.
    """
    folder = records_folder(state, engine)
    with as_record_error("read", folder):
        files = sorted(folder.glob(f"*{_SUFFIX}"))
    names = [file.name.removesuffix(_SUFFIX) for file in files]
    return {name: FileRecord(state, engine, name) for name in names}


class FileRecord:
    """See ``deploy.ports.Record``; whoever adds to it holds the lock (``deployment_lock``)."""

    def __init__(self, state: Path, engine: str, project: str) -> None:
        self.path = records_folder(state, engine) / f"{_file_name(project)}{_SUFFIX}"

    @property
    def lock(self) -> Path:
        """The file to be locked."""
        return self.path.with_suffix(".lock")

    @property
    def configurations(self) -> Path:
        """The folder of the configurations that its deployments started."""
        return self.path.with_suffix(".configurations")

    @property
    def resolved(self) -> Path:
        """The project as compose was last given it, where that was not the user's files."""
        return self.path.with_suffix(".compose.json")

    def read(self) -> History:
        """See ``deploy.ports.Record``.

        Raises:
            UsageError: The file is there and cannot be read.
        """
        return read_history(self._bytes().decode(errors="replace"))

    def lines(self) -> tuple[str, ...]:
        """Its lines, damaged ones as well; bytes that are no text stand for themselves.

        Raises:
            UsageError: The file is there and cannot be read.
        """
        text = self._bytes().decode(errors="surrogateescape").removesuffix("\n")
        return tuple(text.split("\n")) if text else ()

    def add(self, entry: Entry) -> None:
        """See ``deploy.ports.Record``.

        Raises:
            UsageError: The file cannot be written; the old one is as it was.
        """
        self.write((*self.lines(), entry_line(entry)))

    def write(self, lines: Iterable[str]) -> None:
        """Have these lines instead: a new file takes the old one's place.

        Raises:
            UsageError: The file cannot be written; the old one is as it was.
        """
        text = "".join(f"{line}\n" for line in lines)
        with as_record_error("write", self.path):
            make_private(self.path.parent)
            _replace(self.path, text.encode(errors="surrogateescape"))

    def put_aside(self, lines: Iterable[str]) -> Path:
        """Keep lines that are to go in a file beside it; its path.

        Raises:
            UsageError: It cannot be written.
        """
        aside = self.path.with_suffix(_ASIDE)
        with as_record_error("write", aside):
            old = aside.read_bytes() if aside.exists() else b""
            new = "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
            _replace(aside, old + new)
        return aside

    def _bytes(self) -> bytes:
        with as_record_error("read", self.path):
            try:
                return self.path.read_bytes()
            except FileNotFoundError:
                return b""


def _replace(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    _sync_folder(path.parent)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    """Write the folder itself to the disk: its new entry outlives a crash of the machine."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _file_name(name: str) -> str:
    return _NOT_PLAIN.sub("_", name)


@contextmanager
def as_record_error(verb: str, path: Path) -> Iterator[None]:
    """Have what goes wrong with a file in the state folder raised as :func:`record_error`."""
    try:
        yield
    except OSError as failed:
        raise record_error(verb, path, failed) from None


def record_error(verb: str, path: Path, failed: OSError) -> UsageError:
    """The error of a file in the state folder."""
    return UsageError(
        f"cannot {verb} the record of deployments",
        cause=f"{path}: {failed.strerror}",
        next_step="make room or see to its permissions, or name another folder with the setting "
        "state-dir (WHALEBUILD_STATE_DIR)",
    )
