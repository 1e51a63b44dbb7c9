"""Random Dockerfiles without a dependencies stage, each made from a seed, and their contexts.

A tree of folders, links, odd modes and owners, and instructions that take code into it. Names are
few, so that one comes in the way of the other. What is to become of them is for buildx to say.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

_NAMES = ("a", "b", "c")
_ROOTS = ("/srv", "/opt/app", "/home/ann", "/tmp")
_MODES = ("755", "700", "750", "2775", "1777", "711")
_FILE_MODES = (0o644, 0o600, 0o755, 0o4755, 0o444)
_FOLDER_MODES = (0o755, 0o700, 0o775, 0o2775, 0o1777)
_OWNERS = ("ann", "ann:web", "1:2", "0:web", "1234", "ann:ann")
_CHMODS = ("750", "0644", "4711", "2775")
_EXCLUDES = ("*.txt", "a", "b/c", "**/c")
_THEN = 1_700_000_000
T = TypeVar("T")


@dataclass(frozen=True)
class Example:
    """A Dockerfile, and what its context has.

    Attributes:
        files: Entries by path in the context: content of a file (None for a folder), where a link
            leads, and permissions.
    """

    seed: int
    dockerfile: str
    ignored: str
    files: dict[str, tuple[str | None, str, int]]

    def write(self, folder: Path, version: int) -> None:
        """Write it; the version is in each file of the code."""
        for path, (content, link, mode) in self.files.items():
            at = folder / path
            at.parent.mkdir(parents=True, exist_ok=True)
            if link:
                at.unlink(missing_ok=True)
                at.symlink_to(link)
            elif content is None:
                at.mkdir(exist_ok=True)
                at.chmod(mode)
            else:
                at.write_text(f"{content} {version}\n")
                at.chmod(mode)
        (folder / "Dockerfile").write_text(self.dockerfile)
        (folder / ".dockerignore").write_text(self.ignored)
        for at in sorted(folder.rglob("*"), reverse=True):
            os.utime(at, (_THEN, _THEN), follow_symlinks=False)


def example(seed: int, base: str, *, small: bool = False) -> Example:
    """The example of a seed, always the same.

    Args:
        seed: The seed.
        base: The image that it stands on.
        small: Whether small commands run after the code, which then has no links.
    """
    return _Draw(random.Random(seed), base, small=small).example(seed)


@dataclass
class _Draw:
    chance: random.Random
    base: str
    files: dict[str, tuple[str | None, str, int]] = field(default_factory=dict)
    variables: list[str] = field(default_factory=list)
    small: bool = False

    def example(self, seed: int) -> Example:
        self._context()
        lines = [*self._beginning(), *self._tail()]
        ignored = self._one("", "", "code/**/c\n", "*.md\n!one.txt\n", "code/b\n")
        return Example(seed, "\n".join([*lines, ""]), ignored, self.files)

    def _beginning(self) -> Iterator[str]:
        yield f"FROM {self.base} AS base"
        if self._maybe(0.3):
            yield self._set("ENV", "WHERE")
        commands = [self._command() for _ in range(self.chance.randint(3, 9))]
        accounts = ["groupadd -g 4242 web", "useradd -u 4343 -m ann"]
        yield "RUN " + " \\\n && ".join([*accounts, *(f"({each} || true)" for each in commands)])
        if self._maybe(0.3):
            yield f"USER {self._one(*_OWNERS[:4])}"
        if self._maybe(0.4):
            yield f"WORKDIR {self._path()}"
        if self._maybe(0.3):
            yield "FROM base AS final"

    def _set(self, keyword: str, name: str) -> str:
        self.variables.append(f"${name}")
        return f"{keyword} {name}={self._path()}"

    def _command(self) -> str:
        path, other = self._path(), self._path()
        return self._one(
            f"mkdir -p -m {self._one(*_MODES)} {path}",
            f"mkdir -p {path} && chmod {self._one(*_MODES)} {path}",
            f"mkdir -p {path} && chown {self._one(*_OWNERS)} {path}",
            f"mkdir -p {path} && touch -d @1600000000 {path}",
            f"mkdir -p {path} && echo old > {path}/{self._one(*_NAMES)}",
            f"echo old > {path} && chmod 640 {path}",
            f"echo old > {path}.txt && ln {path}.txt {other}",
            f"mkdir -p {path} && ln -s {path} {other}",
            f"ln -s {self._one(*_NAMES)} {path}",
            f"ln -s ../{self._one(*_NAMES)} {path}",
            f"ln -s {other} {path}",
            f"rm -rf {path}",
        )

    def _tail(self) -> Iterator[str]:
        if self._maybe(0.3):
            yield self._set("ARG", "PLACE")
        yield self._copy(".", "code")
        for _ in range(self.chance.randint(1, 5)):
            yield self._instruction()
            if self.small:
                yield f"RUN {' && '.join(self._small() for _ in range(self._one(1, 1, 2)))}"
        yield self._one('CMD ["sh"]', "EXPOSE 80", "LABEL one=two", f"WORKDIR {self._path()}")

    def _instruction(self) -> str:
        make: Callable[[], str] = self.chance.choices(
            (
                lambda: self._copy(".", "code", "code/", "code/a", "code/b", "code/*", "code/[ab]"),
                lambda: self._copy("one.txt", "one.txt two.txt", "code/a one.txt", "*.txt"),
                lambda: f"WORKDIR {self._one(self._path(), *_NAMES, *self.variables)}",
                lambda: f"USER {self._one(*_OWNERS[:4], 'root')}",
                lambda: f"COPY {self._flags()}<<text {self._destination()}\nsaid\ntext",
                lambda: f"ADD {self._flags()}{self._one('code', 'one.txt')} {self._destination()}",
                lambda: self._set("ENV", "WHERE"),
            ),
            (6, 4, 2, 1, 1, 1, 1),
        )[0]
        return make()

    def _small(self) -> str:
        path = self._one(self._path(), *_NAMES, f"{self._path()}/{self._one(*_NAMES)}")
        mode, owner = (
            self._one("750", "u+x,go-w", "a+rX"),
            self._one("ann", "ann:web", "1:2", ":web"),
        )
        return self._one(
            f"mkdir -p {path}",
            f"mkdir -p -m {self._one(*_MODES)} {path}",
            f"mkdir -p {path} && chmod {mode} {path}",
            f"mkdir -p {path} && chown -R {owner} {path}",
            f"chmod -R {mode} .",
            f"chown -R {owner} .",
            f"rm -rf {path}",
            f"rm -f main.txt {path}.txt",
        )

    def _copy(self, *sources: str) -> str:
        source, destination = self._one(*sources), self._destination()
        several = " " in source or "*" in source or "[" in source
        end = "/" if several and not destination.endswith("/") else ""
        return f"COPY {self._flags()}{source} {destination}{end}"

    def _flags(self) -> str:
        flags = ["--link"] if self._maybe(0.15) else []
        if self._maybe(0.35):
            # With --link there are no names.
            owners = [owner for owner in _OWNERS if not flags or owner.replace(":", "").isdigit()]
            flags.append(f"--chown={self._one(*owners)}")
        if self._maybe(0.25):
            flags.append(f"--chmod={self._one(*_CHMODS)}")
        if self._maybe(0.15):
            flags.append(f"--exclude={self._one(*_EXCLUDES)}")
        return "".join(f"{flag} " for flag in flags)

    def _destination(self) -> str:
        path = self._one(self._path(), self._path(), ".", *_NAMES, *self.variables)
        return path + self._one("", "", "/", f"/{self._one(*_NAMES)}")

    def _path(self) -> str:
        names = [self._one(*_NAMES) for _ in range(self.chance.choice((0, 1, 1, 2, 2, 3)))]
        return "/".join([self._one(*_ROOTS), *names])

    def _context(self) -> None:
        self.files = {
            "one.txt": ("one", "", self._one(*_FILE_MODES)),
            "two.txt": ("two", "", 0o644),
            "code": (None, "", self._one(*_FOLDER_MODES)),
            "code/main.txt": ("main", "", 0o644),
        }
        folders = ["code"]
        for name in ("a", "b", "c", "a", "b", "c", "a", "b"):
            path = f"{self._one(*folders)}/{name}"
            if path in self.files or self._maybe(0.2):
                continue
            kind = self._one("file", "file", "folder", "folder", "file" if self.small else "link")
            if kind == "link":
                self.files[path] = ("", self._one("a", "b", "../a", "main.txt", "/srv/a"), 0)
            elif kind == "folder":
                self.files[path] = (None, "", self._one(*_FOLDER_MODES))
                folders.append(path)
            else:
                self.files[path] = (path, "", self._one(*_FILE_MODES))

    def _maybe(self, probability: float) -> bool:
        return self.chance.random() < probability

    def _one(self, *values: T) -> T:
        return self.chance.choice(values)
