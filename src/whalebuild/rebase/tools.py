"""The tools of an app base that small RUNs need on its stub: programs, and all that they load.

What a program opens is more than its headers say. So only what is known is taken: a shell and file
commands of GNU's or BusyBox's, libraries by name, each of them wherever the loader may look for it,
users from files alone. Everything else is a reason to build on the whole app base.

- glibc's loader: ``/etc/ld.so.preload``, ``/etc/ld.so.cache``, and folders of libraries with those
  for some processors in them (``glibc-hwcaps``); musl's: ``/etc/ld-musl-*.path``.
- Users: ``/etc/nsswitch.conf``; ``libnss_files`` of a glibc before 2.34 is loaded by name.
- Locales: ``/usr/lib/locale``; other ones than ``C.UTF-8`` are not for such tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field

from whalebuild.rebase.commands import Commands, Touched
from whalebuild.rebase.elf import read_elf
from whalebuild.rebase.reach import USER_PATHS, Reach
from whalebuild.rebase.tree import Entry, Kind, Located, TooManyLinksError, Tree, clean, parents
from whalebuild.values import dataclass

_LARGEST = 8 << 20
_SHELL = "/bin/sh"
_PROGRAMS = frozenset(
    {"sh", "dash", "bash", "busybox", "coreutils", "chmod", "chown", "ln", "mkdir", "rm", "sed"}
)
_FOLDER = re.compile(
    r"(?:usr/)?(?:local/)?lib(?:32|64|x32)?(?:/[^/]+-linux-[^/]+)?(?:/glibc-hwcaps/[^/]+)?"
)
_LIBRARY = re.compile(
    r"(?:ld-[\w.-]+|libc\.musl-\w+|(?:ld|lib(?:acl|attr|c|cap|crypt|crypto|dl|gcc_s|gmp|m|nss_files"
    r"|pcre|pcre2-8|pthread|resolv|rt|selinux|tinfo))(?:-[\w.]+)?)\.so(?:\.[\w.]+)?"
)
_LOADER = re.compile(r"etc/(?:ld\.so\.cache|ld-musl-\w+\.path|busybox\.conf)")
_PRELOAD = "etc/ld.so.preload"
_SERVICES = "etc/nsswitch.conf"
_OLD_SERVICES = re.compile(r"libnss_(?:compat|nis)")
_LOCALES = "usr/lib/locale"
_UTF8 = re.compile(rf"{_LOCALES}/C\.(?:utf8|UTF-8)/.+")
_ARCHIVE = f"{_LOCALES}/locale-archive"
# What the engine puts there while a command runs.
_MOUNTED = ("proc", "sys", "dev", "etc/resolv.conf", "etc/hosts")


class NoToolsError(Exception):
    """Why small RUNs need the whole app base."""


def is_of_tools(path: str, size: int) -> bool:
    """Whether a file of an image may be one that the tools are made of, by its path."""
    folder, _, name = path.rpartition("/")
    return size <= _LARGEST and bool(
        name in _PROGRAMS
        or (_LIBRARY.fullmatch(name) and _FOLDER.fullmatch(folder))
        or _LOADER.fullmatch(path)
        or path == _SERVICES
        or _UTF8.fullmatch(path)
    )


def find_tools(tree: Tree, reaches: Iterable[Reach], commands: Commands) -> dict[str, Entry]:
    """Find the files and links that commands need, and the directories that these are in.

    Args:
        tree: The app base, with the contents of what :func:`is_of_tools` tells.
        reaches: All that instructions after the boundary may write to.
        commands: The commands.

    Returns:
        The entries by path.

    Raises:
        NoToolsError: They might do something else here than on the whole app base.
    """
    tools = _Tools(tree)
    try:
        for touched in commands.touched:
            _refuse_touched(tree, touched)
        tools.take_all(commands)
        for reach in reaches:
            tools.refuse_written(reach)
    except TooManyLinksError:
        raise NoToolsError("links lead in a circle") from None
    needed = {*tools.files, *tools.links}
    above = {above for path in needed for above in parents(path)}
    return {path: tree.entries[path] for path in needed | above}


def _refuse_touched(tree: Tree, touched: Touched) -> None:
    """Refuse what a command would see, or change, of the app base's files."""
    path = touched.path
    above, _, name = path.rstrip("/").rpartition("/")
    if not name:
        raise NoToolsError("a command changes the root directory")
    place = f"{Located(tree).find(above)}/{name}".lstrip("/")
    if any(_is_in(place, mounted) or _is_in(mounted, place) for mounted in _MOUNTED):
        raise NoToolsError(f"a command changes {path}, where the engine mounts something")
    for one in (place, *parents(place)):
        found = tree.entries.get(one)
        if found and (found.kind is not Kind.DIRECTORY or (one == place and touched.absent)):
            raise NoToolsError(f"a command changes {path}, and the app base has /{one}")
    if touched.below:
        inside = (p for p, e in tree.entries.items() if p.startswith(f"{place}/") and _has(e))
        for one in inside:
            raise NoToolsError(f"a command changes all of {path}, and the app base has /{one}")


def _has(entry: Entry) -> bool:
    return entry.kind not in {Kind.DIRECTORY, Kind.LINK}


def _is_link(entry: Entry) -> bool:
    return entry.kind is Kind.LINK


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


@dataclass
class _Tools:
    """What tools are made of.

    Attributes:
        files: Paths of files.
        links: Paths of links on the way to them.
        looked: Paths that are looked up, whether they are there or not.
    """

    tree: Tree
    files: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    looked: set[str] = field(default_factory=set)

    def take_all(self, commands: Commands) -> None:
        """Take what commands need."""
        self.looked |= {_PRELOAD, _SERVICES, _ARCHIVE, *USER_PATHS}
        # The loader looks into folders that may be links themselves.
        above = {p for p, e in self.tree.entries.items() if p.count("/") <= 1 and _is_link(e)}
        self.links |= above
        if _PRELOAD in self.tree.entries:
            raise NoToolsError(f"the app base has /{_PRELOAD}")
        for path in list(filter(_LOADER.fullmatch, self.tree.entries)):
            self._file(path)
        if "chown" in commands.tools:
            self._users()
        if "sed" in commands.tools and commands.utf8:
            self._locale()
        self._program([_SHELL])
        for name in sorted(commands.tools):
            self._program([f"{folder}/{name}" for folder in commands.search])

    def refuse_written(self, reach: Reach) -> None:
        """Refuse code that may take the place of a tool."""
        place = Located(self.tree).find(reach.path)
        folder, _, name = place.rpartition("/")
        if _FOLDER.fullmatch(place if reach.below else folder) and (
            reach.below or _LIBRARY.fullmatch(name)
        ):
            raise NoToolsError(f"code may be written to /{place}, where libraries are")
        for path in (*sorted(self.looked), *sorted(self.links), *sorted(self.files)):
            if path == place or (reach.below and (not place or _is_in(path, place))):
                raise NoToolsError(f"code may be written to /{path}, which commands need")

    def _program(self, candidates: list[str]) -> None:
        for path in candidates:
            place = self._find(path)
            found = self.tree.entries.get(place)
            if found is None:
                continue
            if found.kind is not Kind.FILE or not found.mode & 0o111:
                raise NoToolsError(f"{path} is no program")
            self._binary(place)
            return
        name = candidates[-1].rpartition("/")[2] if candidates else "a program"
        raise NoToolsError(f"the app base has no {name}")

    def _binary(self, place: str) -> None:
        """Take a program or a library, and what it names."""
        if place in self.files:
            return
        elf = read_elf(self._file(place))
        if elf is None or elf.elsewhere:
            raise NoToolsError(f"what /{place} loads cannot be told")
        if elf.interpreter:
            self._binary(self._find(elf.interpreter))
        for name in elf.needed:
            self._library(name)

    def _library(self, name: str) -> None:
        """Take every library of a name: which one the loader finds is not for us to say."""
        found = list(self._named(name))
        if "/" in name or not _LIBRARY.fullmatch(name) or not found:
            raise NoToolsError(f"commands load {name}, of which nothing is known")
        for path in found:
            if not _FOLDER.fullmatch(path.rpartition("/")[0]):
                raise NoToolsError(f"the app base has {name} in an unusual place: /{path}")
            self._binary(self._find(path))

    def _named(self, name: str) -> Iterator[str]:
        return (path for path in self.tree.entries if path.rpartition("/")[2] == name)

    def _users(self) -> None:
        """Take what tells the names of users and groups: files alone."""
        old = [p for p in self.tree.entries if _OLD_SERVICES.match(p.rpartition("/")[2])]
        if _SERVICES in self.tree.entries:
            text = self._file(_SERVICES).decode("utf-8", "replace")
            lines = dict(line.partition("#")[0].partition(":")[::2] for line in text.splitlines())
            asked = {key.strip(): services.split() for key, services in lines.items()}
            if any(asked.get(key) != ["files"] for key in ("passwd", "group")):
                raise NoToolsError(f"/{_SERVICES} has other sources of users than files")
        elif old:
            raise NoToolsError(f"there is no /{_SERVICES}, and /{old[0]} is")
        if any(self._named("libnss_files.so.2")):
            self._library("libnss_files.so.2")

    def _locale(self) -> None:
        if _ARCHIVE in self.tree.entries:
            raise NoToolsError(f"the app base has /{_ARCHIVE}")
        for path in list(filter(_UTF8.fullmatch, self.tree.entries)):
            if self.tree.entries[path].kind is not Kind.DIRECTORY:
                self._file(path)

    def _find(self, path: str) -> str:
        located = Located(self.tree)
        place = located.find(path)
        self.links |= located.links
        self.looked |= {clean(path), place}
        return place

    def _file(self, path: str) -> bytes:
        place = self._find(path)
        found = self.tree.entries.get(place)
        if found is None or found.kind is not Kind.FILE or found.content is None:
            raise NoToolsError(f"the content of /{place} is not known")
        self.files.add(place)
        return found.content
