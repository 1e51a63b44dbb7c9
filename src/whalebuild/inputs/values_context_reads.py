"""What instructions read from a context, and the files that this covers, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ContextRead:
    """One instruction's reading of files.

    Attributes:
        context: The named context; None is the main one.
        stage: The stage that the instruction belongs to.
        line: The instruction's line.
        instruction: The instruction, as written.
        sources: Paths in the context, clean and relative; ``.`` is all of it.
        excludes: ``--exclude`` patterns, relative to the sources.
        parents: Whether the sources are ``--parents`` patterns.
        wildcards: Whether ``*``, ``?`` and ``[`` mean something; not in a mount.
    """

    context: str | None
    stage: str
    line: int
    instruction: str
    sources: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    parents: bool = False
    wildcards: bool = True


@dataclass(frozen=True)
class FileEntry:
    """One file that a read covers.

    Attributes:
        context: The named context; None is the main one.
        path: Relative to the context, with slashes.
        kind: ``file``, ``dir``, ``link``, ``other``, or ``missing`` where nothing is there.
        mode: Permission bits; 0 for links, whose bits differ between systems.
        digest: sha256 of a file's content or of a link's target; empty for others.
        size: Of the content in bytes.
    """

    context: str | None
    path: str
    kind: str
    mode: int
    digest: str
    size: int = 0

    @property
    def name(self) -> str:
        """How an input list calls it."""
        shown = f"{self.path}/" if self.kind == "dir" else self.path
        return f"context {self.context}: {shown}" if self.context else shown


@dataclass(frozen=True)
class ContextFiles:
    """The files that each read covers, in the order of the reads."""

    by_read: tuple[tuple[ContextRead, tuple[FileEntry, ...]], ...] = ()

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """All files, each once."""
        return tuple(dict.fromkeys(entry for _, entries in self.by_read for entry in entries))
