"""The file system of an image as metadata, and where its links lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import Enum, auto

from whalebuild.values import dataclass

_MOST_LINKS = 255
_LINUX_LINKS = 40  # MAXSYMLINKS


class Kind(Enum):
    """What a path of a file system is."""

    DIRECTORY = auto()
    LINK = auto()
    FILE = auto()
    SPECIAL = auto()  # a device, a fifo


@dataclass(frozen=True, slots=True)
class Entry:
    """One path's metadata.

    Attributes:
        mode: The permissions, with setuid, setgid and the sticky bit.
        mtime: Whole seconds, rounded down. BuildKit writes no other ones into a layer
            (``HandleChange`` in ``pkg/archive/tar.go`` of containerd).
        target: Of a symbolic link, as it is written there.
        xattrs: By name. As in :mod:`tarfile`, bytes that are not UTF-8 are surrogates.
        size: Of a file in bytes.
        content: Of a file by the name of one that lists users, where it is small enough, and of
            what else was asked for.
    """

    kind: Kind
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    target: str = ""
    xattrs: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    content: bytes | None = None


@dataclass(frozen=True)
class Walk:
    """Where a path leads.

    Attributes:
        path: The place, through no link. It need not exist.
        passed: Every path that was looked at on the way, ``path`` and its parents among them.
    """

    path: str
    passed: frozenset[str]


class TooManyLinksError(Exception):
    """A path leads in a circle."""


@dataclass(frozen=True)
class Tree:
    """A file system. Paths have no slash in front; the root itself has no entry.

    A path that is not UTF-8 has surrogates, as in :mod:`tarfile`.
    """

    entries: dict[str, Entry] = field(default_factory=dict)

    def is_directory(self, path: str) -> bool:
        """Whether a path, through no link, is a directory."""
        found = self.entries.get(path)
        return not path or (found is not None and found.kind is Kind.DIRECTORY)

    def walk(self, path: str) -> Walk:
        """Follow a path as BuildKit follows a destination: links stay inside the root.

        ``RootPath`` in ``fs/path.go`` of containerd/continuity, which takes ``..`` out of the
        text of a path before it follows links, and follows one link of a chain at a time.

        Raises:
            TooManyLinksError: Links lead in a circle.
        """
        walker = _Walker(self)
        while True:
            before = walker.links
            path = walker.step(path)
            if walker.links == before:
                return Walk(path, frozenset(walker.passed | {path, *parents(path)} - {""}))


@dataclass
class Located:
    """Follows paths as the kernel does.

    Attributes:
        links: The links that it went through.
    """

    tree: Tree
    links: set[str] = field(default_factory=set)

    def find(self, path: str) -> str:
        """Where a path leads. It need not exist.

        Raises:
            TooManyLinksError: Links lead in a circle.
        """
        place, todo, left = "", path.split("/"), _LINUX_LINKS
        while todo:
            name = todo.pop(0)
            if name in {"", "."}:
                continue
            if name == "..":
                place = place.rpartition("/")[0]
                continue
            at = f"{place}/{name}" if place else name
            found = self.tree.entries.get(at)
            if found is None or found.kind is not Kind.LINK:
                place = at
                continue
            left -= 1
            if left < 0:
                raise TooManyLinksError
            self.links.add(at)
            place = "" if found.target.startswith("/") else place
            todo = found.target.split("/") + todo
        return place


def parents(path: str) -> Iterable[str]:
    """The directories above a path, the nearest first, without the root."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def clean(path: str) -> str:
    """A path without slash in front and at the end, without ``.`` and ``..``."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


@dataclass
class _Walker:
    tree: Tree
    links: int = 0
    passed: set[str] = field(default_factory=set)

    def step(self, path: str) -> str:
        """Follow each part of a path by at most one link (``walkLinks``)."""
        at = ""
        for name in clean(path).split("/"):
            place = f"{at}/{name}" if at else name
            found = self._lstat(place)
            if found is None or found.kind is not Kind.LINK:
                at = place
                continue
            self._count()
            at = clean(found.target if found.target.startswith("/") else f"{at}/{found.target}")
        return at

    def _lstat(self, path: str) -> Entry | None:
        """What is at a path whose parents may be links: as the kernel follows them."""
        place = ""
        todo = path.split("/")
        while todo:
            name = todo.pop(0)
            if name in {"", "."}:
                continue
            if name == "..":
                place = place.rpartition("/")[0]
                continue
            at = f"{place}/{name}" if place else name
            self.passed.add(at)
            found = self.tree.entries.get(at)
            if not todo:
                return found
            if found is not None and found.kind is Kind.LINK:
                self._count()
                place = "" if found.target.startswith("/") else place
                todo = found.target.split("/") + todo
            else:
                place = at
        return None

    def _count(self) -> None:
        self.links += 1
        if self.links > _MOST_LINKS:
            raise TooManyLinksError
