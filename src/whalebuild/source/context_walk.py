"""A context folder as BuildKit's client sends it: without the files that its ignore file excludes.

Follows ``filter.go`` of github.com/tonistiigi/fsutil for what is sent, and ``cache/contenthash`` of
BuildKit for how symbolic links in it are followed. No file is read twice.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from whalebuild.dockerfile.gopath import clean
from whalebuild.dockerfile.ignorefile import Matched, PatternMatcher
from whalebuild.dockerfile.lexer import NO_TEXT
from whalebuild.errors import UsageError
from whalebuild.inputs.values import FileEntry
from whalebuild.text import shown

_CHUNK = 1 << 20
_MOST_LINKS = 255


class ContextTree:
    """One context folder. Paths are relative to it, with slashes; ``""`` is the folder itself.

    Every method raises ``OSError`` where a file cannot be read; ``entry`` raises ``UsageError``
    where a file cannot be sent: names are UTF-8 in BuildKit's protocol.
    """

    def __init__(self, root: Path, ignored: PatternMatcher, context: str | None) -> None:
        self._root = os.path.realpath(root)  # a link to a folder is a context, too
        self._ignored = ignored
        self._context = context
        self._status: dict[str, os.stat_result | None] = {}
        self._matched: dict[str, tuple[bool, Matched]] = {"": (False, ())}
        self._names: dict[str, list[str]] = {}
        self._entries: dict[str, FileEntry] = {}

    def entry(self, path: str) -> FileEntry:
        """The file, folder or link at a path, which must exist."""
        if path not in self._entries:
            self._entries[path] = self._describe(path)
        return self._entries[path]

    def missing(self, path: str) -> FileEntry:
        """The entry of a path at which nothing is."""
        return FileEntry(self._context, path, "missing", 0, "")

    def is_folder(self, path: str) -> bool:
        """Whether a path is a folder, not a link to one."""
        return self._is(path, stat.S_ISDIR)

    def is_file(self, path: str) -> bool:
        """Whether a path is a regular file, not a link to one."""
        return self._is(path, stat.S_ISREG)

    def is_link(self, path: str) -> bool:
        """Whether a path is a symbolic link."""
        return self._is(path, stat.S_ISLNK)

    def children(self, folder: str) -> Iterator[str]:
        """Paths in a folder that are sent; ignored folders only if something in them is sent."""
        if folder not in self._names:
            with os.scandir(self._real(folder)) as found:
                self._names[folder] = sorted(entry.name for entry in found)
        for name in self._names[folder]:
            path = f"{folder}/{name}" if folder else name
            if self._is_sent(path):
                yield path

    def resolve(self, path: str) -> tuple[str | None, list[str]]:
        """Follow the links in a path, the last one included; none leads out of the folder.

        Returns:
            The path at the end, or None where nothing is sent; the links on the way.
        """
        todo = [part for part in clean(f"/{path}").split("/") if part]
        links: list[str] = []
        at = ""
        while todo:
            part = todo.pop(0)
            if part == "..":
                at = at.rpartition("/")[0]
                continue
            at = f"{at}/{part}" if at else part
            if self.is_link(at) and self._is_sent(at):
                if len(links) >= _MOST_LINKS:
                    return None, links
                links.append(at)
                target = self._target(at)
                todo = [part for part in clean(target).split("/") if part not in {"", "."}] + todo
                at = "" if target.startswith("/") else at.rpartition("/")[0]
        return (at if not at or self._is_sent(at) else None), links

    def _is_sent(self, path: str) -> bool:
        if self._stat(path) is None:
            return False
        if not self._match(path)[0]:
            return True
        if not self.is_folder(path) or not self._ignored.may_contain_unmatched(path):
            return False
        return next(self.children(path), None) is not None

    def _match(self, path: str) -> tuple[bool, Matched]:
        if path not in self._matched:
            parent = self._match(path.rpartition("/")[0])[1]
            self._matched[path] = self._ignored.match(path, parent)
        return self._matched[path]

    def _is(self, path: str, kind: object) -> bool:
        status = self._stat(path)
        return status is not None and kind(status.st_mode)  # type: ignore[operator]

    def _stat(self, path: str) -> os.stat_result | None:
        if path not in self._status:
            try:
                self._status[path] = os.lstat(self._real(path))
            except (FileNotFoundError, NotADirectoryError, ValueError):
                self._status[path] = None
        return self._status[path]

    def _real(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _target(self, link: str) -> str:
        return os.readlink(self._real(link))  # noqa: PTH115 - a Path would normalise it

    def _describe(self, path: str) -> FileEntry:
        status = self._stat(path)
        assert status is not None, "the path exists"  # noqa: S101 - an error of the caller
        _check_is_text(path, path, "its name is not UTF-8")
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            return FileEntry(self._context, path, "dir", mode, "")
        if stat.S_ISLNK(status.st_mode):
            target = self._target(path)
            _check_is_text(target, path, f"it is a link to {shown(target)}, which is not UTF-8")
            digest = hashlib.sha256(os.fsencode(target)).hexdigest()
            return FileEntry(self._context, path, "link", 0, digest)
        if stat.S_ISREG(status.st_mode):
            digest = _content_digest(self._real(path))
            return FileEntry(self._context, path, "file", mode, digest, status.st_size)
        device = hashlib.sha256(f"{stat.S_IFMT(status.st_mode)} {status.st_rdev}".encode())
        return FileEntry(self._context, path, "other", mode, device.hexdigest())


def _check_is_text(text: str, path: str, cause: str) -> None:
    if NO_TEXT.search(text):
        raise UsageError(
            f'BuildKit cannot be sent "{shown(path)}"',
            cause=cause,
            next_step="rename it, or leave it out with .dockerignore",
        )


def _content_digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - faster for many files
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
