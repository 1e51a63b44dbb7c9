"""A context folder as BuildKit's client sends it: without the files that its ignore file excludes.

Follows ``filter.go`` of github.com/tonistiigi/fsutil for what is sent, and ``cache/contenthash`` of
BuildKit for how symbolic links in it are followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable

from whalebuild.dockerfile.gopath import clean
from whalebuild.dockerfile.ignorefile import Matched, PatternMatcher
from whalebuild.dockerfile.lexer import NO_TEXT
from whalebuild.errors import UsageError
from whalebuild.inputs.values import FileEntry
from whalebuild.source.context_folder import ContextFolder
from whalebuild.text import shown

_MOST_LINKS = 255


class ContextTree:
    """What is sent of a context folder. Paths are relative to it; ``""`` is the folder itself.

    Every method raises ``OSError`` where a file cannot be read; ``entries`` raises ``UsageError``
    where a file cannot be sent: names are UTF-8 in BuildKit's protocol.
    """

    def __init__(
        self, folder: ContextFolder, ignored: PatternMatcher, context: str | None = None
    ) -> None:
        self._folder = folder
        self._ignored = ignored
        self._context = context
        self._matched: dict[str, tuple[bool, Matched]] = {"": (False, ())}
        self._opened: dict[str, bool] = {}  # ignored folders: whether something in them is sent
        self._children: dict[str, list[str]] = {}
        self._below: dict[str, list[str]] = {}
        self._entries: dict[str, FileEntry] = {}

    def entries(self, paths: Iterable[str]) -> list[FileEntry]:
        """The files, folders and links at these paths, which must exist."""
        wanted, known = list(paths), self._entries
        unknown = [path for path in wanted if path not in known]
        digests = self._folder.digests(unknown)
        for path in unknown:
            known[path] = self._describe(path, digests.get(path))
        return [known[path] for path in wanted]

    def missing(self, path: str) -> FileEntry:
        """The entry of a path at which nothing is."""
        return FileEntry(self._context, path, "missing", 0, "")

    def is_folder(self, path: str) -> bool:
        """Whether a path is a folder, not a link to one."""
        return stat.S_ISDIR(self._folder.mode(path))

    def is_file(self, path: str) -> bool:
        """Whether a path is a regular file, not a link to one."""
        return stat.S_ISREG(self._folder.mode(path))

    def is_link(self, path: str) -> bool:
        """Whether a path is a symbolic link."""
        return stat.S_ISLNK(self._folder.mode(path))

    def children(self, folder: str) -> list[str]:
        """Paths in a folder that are sent; ignored folders only if something in them is sent."""
        if folder not in self._children:
            paths, parent = self._folder.paths(folder), self._match(folder)[1]
            self._children[folder] = [path for path in paths if self._is_sent_in(path, parent)]
        return self._children[folder]

    def below(self, folder: str) -> list[str]:
        """Paths of all that is sent below a folder, folders before what is in them."""
        if folder not in self._below:
            found: list[str] = []
            for path in self.children(folder):
                found.append(path)
                if self.is_folder(path):
                    found += self.below(path)
            self._below[folder] = found
        return self._below[folder]

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
                target = self._folder.target(at)
                todo = [part for part in clean(target).split("/") if part not in {"", "."}] + todo
                at = "" if target.startswith("/") else at.rpartition("/")[0]
        return (at if not at or self._is_sent(at) else None), links

    def _is_sent(self, path: str) -> bool:
        if not self._folder.mode(path):
            return False
        return self._is_sent_in(path, self._match(path.rpartition("/")[0])[1])

    def _is_sent_in(self, path: str, parent: Matched) -> bool:
        """Whether a path that exists is sent, by what its folder matched."""
        if not self._ignored.match(path, parent)[0]:
            return True
        if not self.is_folder(path) or not self._ignored.may_contain_unmatched(path):
            return False
        if path not in self._opened:
            matched, paths = self._match(path)[1], self._folder.paths(path)
            self._opened[path] = any(self._is_sent_in(each, matched) for each in paths)
        return self._opened[path]

    def _match(self, folder: str) -> tuple[bool, Matched]:
        if folder not in self._matched:
            parent = self._match(folder.rpartition("/")[0])[1]
            self._matched[folder] = self._ignored.match(folder, parent)
        return self._matched[folder]

    def _describe(self, path: str, read: str | OSError | None) -> FileEntry:
        """The entry of what is at a path; ``read`` is what reading a regular file gave."""
        if not path.isascii():
            _check_is_text(path, path, "its name is not UTF-8")
        if isinstance(read, OSError):
            raise read
        mode = self._folder.mode(path)
        bits = stat.S_IMODE(mode)
        if read is not None:
            return FileEntry(self._context, path, "file", bits, read, self._folder.size(path))
        if stat.S_ISDIR(mode):
            return FileEntry(self._context, path, "dir", bits, "")
        if stat.S_ISLNK(mode):
            target = self._folder.target(path)
            _check_is_text(target, path, f"it is a link to {shown(target)}, which is not UTF-8")
            digest = hashlib.sha256(os.fsencode(target)).hexdigest()
            return FileEntry(self._context, path, "link", 0, digest)
        device = f"{stat.S_IFMT(mode)} {self._folder.device(path)}"
        digest = hashlib.sha256(device.encode()).hexdigest()
        return FileEntry(self._context, path, "other", bits, digest)


def _check_is_text(text: str, path: str, cause: str) -> None:
    if NO_TEXT.search(text):
        raise UsageError(
            f'BuildKit cannot be sent "{shown(path)}"',
            cause=cause,
            next_step="rename it, or leave it out with .dockerignore",
        )
