"""The file system of an image, read from tars as streams: metadata alone, and who is a user.

Read as containerd applies layers: ``applyNaive`` in ``pkg/archive/tar.go`` of containerd.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import BinaryIO, Self

from whalebuild.errors import VerificationError
from whalebuild.text import shown

XATTR = "SCHILY.xattr."
USER_FILES = ("passwd", "group")
USER_FILE_LIMIT = 1 << 20

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 255
_BLOCKS = 1 << 20  # bytes in one read
_NO_XATTRS: Mapping[str, str] = {}
_IMPLIED_MODE = 0o755


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
        content: Of a file by the name of one that lists users, where it is small enough.
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


def read_tree(tars: Iterable[BinaryIO]) -> Tree:
    """Read a file system: from its layers, the lowest first, or from one tar of all of it.

    The layers have the times that an engine sees which pulls the image. A tar that BuildKit
    exports (``type=tar``) has them rounded to the nearest second, where a layer has them cut
    off: Go's ``archive/tar`` does so where no format is asked for (``WriteTar`` in
    ``tarwriter.go`` of tonistiigi/fsutil). It also has xattrs that BuildKit writes into no layer:
    all but ``security.capability``.

    Args:
        tars: Streams of tars, not compressed; each is read once, to its end mark.

    Raises:
        VerificationError: One of them is no whole tar, or has a path that leads out of it.
    """
    tree = Tree()
    for stream in tars:
        _apply(tree, stream)
    return tree


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


class _Header(tarfile.TarInfo):
    """A tar's entry that no damage ends silently, as :mod:`tarfile` would have it."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # typeshed lacks it
            raise
        except tarfile.HeaderError as fault:
            raise tarfile.ReadError(str(fault)) from fault


def _apply(tree: Tree, stream: BinaryIO) -> None:
    """Put a tar's entries over a tree."""
    fresh: set[str] = set()
    try:
        with tarfile.open(
            fileobj=stream,
            mode="r|",
            tarinfo=_Header,
            encoding="utf-8",
            errors="surrogateescape",
            bufsize=_BLOCKS,
        ) as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep each of them
                _put(tree, tar, info, fresh)
            if tar.pax_headers:
                raise _broken("it has global headers, which tarfile and BuildKit read differently")
    except tarfile.TarError as fault:
        raise _broken(str(fault)) from fault


def _put(tree: Tree, tar: tarfile.TarFile, info: tarfile.TarInfo, fresh: set[str]) -> None:
    if ".." in info.name.split("/"):
        raise _broken(f'it has the path "{shown(info.name)}"')
    name = clean(info.name)
    if not name:  # the root itself: no engine applies its metadata
        return
    parent, _, base = name.rpartition("/")
    parent = _directory(tree, parent)
    if base == _OPAQUE:
        _remove(tree, [p for p in _below(tree, parent) if p not in fresh])
        return
    removed = base.startswith(_WHITEOUT)
    base = base.removeprefix(_WHITEOUT)
    path = f"{parent}/{base}" if parent else base
    if removed or not (info.isdir() and tree.is_directory(path)):
        _remove(tree, [path, *(_below(tree, path) if tree.is_directory(path) else ())])
    if not removed:
        tree.entries[path] = _entry(tree, tar, info, base)
        fresh.add(path)


def _directory(tree: Tree, path: str) -> str:
    """Where a directory is that a tar names; made where it is missing, as containerd does."""
    if tree.is_directory(path):
        return path
    try:
        place = tree.walk(path).path
    except TooManyLinksError:
        raise _broken(f'links of "{shown(path)}" lead in a circle') from None
    for above in (*reversed(list(parents(place))), place):
        if above and not tree.is_directory(above):
            if above in tree.entries:
                raise _broken(f'"{shown(above)}" is no directory, and has files in it')
            tree.entries[above] = Entry(Kind.DIRECTORY, _IMPLIED_MODE)
    return place


def _below(tree: Tree, path: str) -> list[str]:
    return [p for p in tree.entries if p.startswith(f"{path}/") or not path]


def _remove(tree: Tree, paths: Iterable[str]) -> None:
    for path in paths:
        tree.entries.pop(path, None)


def _entry(tree: Tree, tar: tarfile.TarFile, info: tarfile.TarInfo, base: str) -> Entry:
    xattrs = {k[len(XATTR) :]: v for k, v in info.pax_headers.items() if k.startswith(XATTR)}
    made = Entry(
        kind=_kind(info),
        mode=info.mode & 0o7777,
        uid=info.uid,
        gid=info.gid,
        mtime=_seconds(info),
        target=info.linkname if info.issym() else "",
        xattrs=xattrs or _NO_XATTRS,
        size=info.size,
    )
    if info.islnk():
        linked = tree.entries.get(clean(info.linkname))
        if linked is None or linked.kind in {Kind.DIRECTORY, Kind.LINK}:
            return made
        return replace(made, kind=linked.kind, size=linked.size, content=linked.content)
    if base in USER_FILES and made.kind is Kind.FILE and made.size <= USER_FILE_LIMIT:
        content = tar.extractfile(info)
        return replace(made, content=content.read() if content else None)
    return made


def _kind(info: tarfile.TarInfo) -> Kind:
    if info.isdir():
        return Kind.DIRECTORY
    if info.issym():
        return Kind.LINK
    return Kind.SPECIAL if info.isdev() else Kind.FILE


def _seconds(info: tarfile.TarInfo) -> int:
    """The time without its fraction, of which a float has not every digit; none before 1970.

    ``boundTime`` in ``pkg/archive/time.go`` of containerd.
    """
    text = info.pax_headers.get("mtime", "")
    whole = text.partition(".")[0]
    return max(0, int(whole) if whole.isdecimal() else int(info.mtime))


def _broken(cause: str) -> VerificationError:
    return VerificationError(
        "the file system of the app base cannot be read",
        cause=cause,
        next_step="run the bake again; nothing that was published before has changed",
    )
