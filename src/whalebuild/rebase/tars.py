"""Reads the file system of an image from tars, as streams; contents of files are passed over.

As containerd applies layers: ``applyNaive`` in ``pkg/archive/tar.go`` of containerd.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO, Self

from whalebuild.errors import VerificationError
from whalebuild.rebase.tree import Entry, Kind, TooManyLinksError, Tree, clean, parents
from whalebuild.text import shown

XATTR = "SCHILY.xattr."
WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
USER_FILES = ("passwd", "group")
USER_FILE_LIMIT = 1 << 20

_NO_XATTRS: Mapping[str, str] = {}
_IMPLIED_MODE = 0o755
_BUFFER = 256 << 10  # bytes that are read at once: files that are passed over may be large

# Whether the content of a file is kept, by its path and size.
Keep = Callable[[str, int], bool]


def keep_nothing(_path: str, _size: int) -> bool:
    """Of the contents of files, keep those alone that list users."""
    return False


def read_tree(tars: Iterable[BinaryIO], keep: Keep = keep_nothing) -> Tree:
    """Read a file system: from its layers, the lowest first, or from one tar of all of it.

    The layers have the times that an engine sees which pulls the image. A tar that BuildKit
    exports (``type=tar``) has them rounded to the nearest second, where a layer has them cut
    off: Go's ``archive/tar`` does so where no format is asked for (``WriteTar`` in
    ``tarwriter.go`` of tonistiigi/fsutil). It also has xattrs that BuildKit writes into no layer:
    all but ``security.capability``.

    Args:
        tars: Streams of tars, not compressed; each is read once, to its end mark.
        keep: Tells further files whose contents are kept.

    Raises:
        VerificationError: One of them is no whole tar, or has a path that leads out of it.
    """
    tree = Tree()
    for stream in tars:
        _apply(tree, stream, keep)
    return tree


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


def members(stream: BinaryIO) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Read the entries of a tar, each with the tar, from which its content can be read next.

    Args:
        stream: The tar, not compressed; it is read once, to its end mark.

    Raises:
        VerificationError: It is no whole tar, or has a path that leads out of it.
    """
    try:
        with tarfile.open(
            fileobj=stream,
            mode="r|",
            bufsize=_BUFFER,
            tarinfo=_Header,
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar:
            while (info := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep each of them
                if ".." in info.name.split("/"):
                    raise _broken(f'it has the path "{shown(info.name)}"')
                yield tar, info
            if tar.pax_headers:
                raise _broken("it has global headers, which tarfile and BuildKit read differently")
    except tarfile.TarError as fault:
        raise _broken(str(fault)) from fault


def xattrs_of(info: tarfile.TarInfo) -> Mapping[str, str]:
    """An entry's extended attributes by name."""
    headers = info.pax_headers.items()
    return {k[len(XATTR) :]: v for k, v in headers if k.startswith(XATTR)} or _NO_XATTRS


def seconds_of(info: tarfile.TarInfo) -> int:
    """The time without its fraction, of which a float has not every digit; none before 1970.

    ``boundTime`` in ``pkg/archive/time.go`` of containerd.
    """
    text = info.pax_headers.get("mtime", "")
    whole = text.partition(".")[0]
    return max(0, int(whole) if whole.isdecimal() else int(info.mtime))


def _apply(tree: Tree, stream: BinaryIO, keep: Keep) -> None:
    """Put a tar's entries over a tree."""
    fresh: set[str] = set()
    for tar, info in members(stream):
        _put(tree, tar, info, fresh, keep)


def _put(
    tree: Tree, tar: tarfile.TarFile, info: tarfile.TarInfo, fresh: set[str], keep: Keep
) -> None:
    name = clean(info.name)
    if not name:  # the root itself: no engine applies its metadata
        return
    parent, _, base = name.rpartition("/")
    parent = _directory(tree, parent)
    if base == OPAQUE:
        _remove(tree, [p for p in _below(tree, parent) if p not in fresh])
        return
    removed = base.startswith(WHITEOUT)
    base = base.removeprefix(WHITEOUT)
    path = f"{parent}/{base}" if parent else base
    if removed or not (info.isdir() and tree.is_directory(path)):
        _remove(tree, [path, *(_below(tree, path) if tree.is_directory(path) else ())])
    if not removed:
        tree.entries[path] = _entry(tree, tar, info, path, keep)
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


def _entry(tree: Tree, tar: tarfile.TarFile, info: tarfile.TarInfo, path: str, keep: Keep) -> Entry:
    made = Entry(
        kind=_kind(info),
        mode=info.mode & 0o7777,
        uid=info.uid,
        gid=info.gid,
        mtime=seconds_of(info),
        target=info.linkname if info.issym() else "",
        xattrs=xattrs_of(info),
        size=info.size,
    )
    if info.islnk():
        linked = tree.entries.get(clean(info.linkname))
        if linked is None or linked.kind in {Kind.DIRECTORY, Kind.LINK}:
            return made
        return replace(made, kind=linked.kind, size=linked.size, content=linked.content)
    users = path.rpartition("/")[2] in USER_FILES and made.size <= USER_FILE_LIMIT
    if made.kind is Kind.FILE and (users or keep(path, made.size)):
        content = tar.extractfile(info)
        return replace(made, content=content.read() if content else None)
    return made


def _kind(info: tarfile.TarInfo) -> Kind:
    if info.isdir():
        return Kind.DIRECTORY
    if info.issym():
        return Kind.LINK
    return Kind.SPECIAL if info.isdev() else Kind.FILE


def _broken(cause: str) -> VerificationError:
    return VerificationError(
        "the layers of an image cannot be read",
        cause=cause,
        next_step="run the bake again; nothing that was published before has changed",
    )
