"""A small machine that does what instructions do to a file system, as far as rewrites go.

A stand-in for BuildKit: COPY, WORKDIR, and the commands that patches move. It knows enough to tell
whether a patch changes the image.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from whalebuild.dockerfile.gopath import clean
from whalebuild.dockerfile.instructions import read_copy
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import parse_dockerfile


@dataclass(frozen=True)
class Node:
    """A file, or a folder where there is no content."""

    mode: int
    owner: str = "0:0"
    content: str | None = None


@dataclass
class Machine:
    """A file system, and the files of a context: content and mode by path."""

    context: Mapping[str, tuple[str, int]]
    tree: dict[str, Node] = field(default_factory=lambda: {"/": Node(0o755)})
    workdir: str = "/"
    users: set[str] = field(default_factory=set)

    def run(self, text: str) -> dict[str, Node]:
        """The file system after the instructions of a Dockerfile of one stage."""
        for step in parse_dockerfile(text).stages[-1].instructions:
            if step.keyword == "WORKDIR":
                self.workdir = self._path(step.rest.strip())
                self._folders(self.workdir)
            elif step.keyword == "COPY":
                self._copy(step)
            elif step.keyword == "RUN":
                for command in step.rest.split("&&"):
                    self._command(command.split())
        return self.tree

    def _path(self, path: str) -> str:
        return clean(posixpath.join(self.workdir, path))

    def _folders(self, path: str, owner: str = "0:0") -> None:
        if path not in self.tree:
            self._folders(posixpath.dirname(path), owner)
            self.tree[path] = Node(0o755, owner)

    def _copy(self, step: Instruction) -> None:
        copy = read_copy(step)
        to, owner = self._path(copy.destination), copy.chown or "0:0"
        assert not owner.split(":")[0].isalpha() or owner.split(":")[0] in self.users | {"root"}
        for source in copy.sources:
            top = [path for path in self.context if fnmatchcase(path, source)]
            if top and all("/" not in p or "/" in source for p in top) and source != ".":
                many = len(copy.sources) > 1 or copy.destination.endswith(("/", "."))
                for path in top:
                    name = f"{to}/{posixpath.basename(path)}" if many else to
                    self._put(name, self.context[path], owner, copy.chmod)
                continue
            folder = "" if source == "." else f"{source}/"
            for path, given in self.context.items():
                if path.startswith(folder):
                    self._put(f"{to}/{path.removeprefix(folder)}", given, owner, copy.chmod, to)

    def _put(
        self, path: str, given: tuple[str, int], owner: str, chmod: str | None, to: str = ""
    ) -> None:
        path = clean(path)
        folder = posixpath.dirname(path)
        self._folders(folder, owner)
        while to and folder.startswith(f"{to}/"):  # folders of the context have its metadata
            mode = int(chmod, 8) if chmod else 0o755
            self.tree[folder] = Node(mode, owner)
            folder = posixpath.dirname(folder)
        mode = int(chmod, 8) if chmod else given[1]
        self.tree[path] = Node(mode, owner, given[0])

    def _command(self, words: list[str]) -> None:
        match words:
            case ["useradd", *_, name]:
                self.users.add(name)
            case ["mkdir", "-p", *paths]:
                for path in paths:
                    self._folders(self._path(path))
            case ["chmod" | "chown" as name, "-R", value, path]:
                assert self._path(path) in self.tree, f"{name}: {path} is not there"
                below = clean(f"{self._path(path)}/.")
                for each in [p for p in self.tree if f"{p}/".startswith(f"{below}/")]:
                    self._change(name, value, each)
            case ["chmod" | "chown" as name, value, path]:
                hits = [p for p in self.tree if _matches(p, self._path(path))]
                assert hits, f"{name}: {path} is not there"
                for each in hits:
                    self._change(name, value, each)
            case ["pip", "install", "-r", path]:
                content = self.tree[self._path(path)].content
                self.tree[f"/lib/{content}"] = Node(0o644, content=content)
            case _:
                raise AssertionError(words)

    def _change(self, name: str, value: str, path: str) -> None:
        node = self.tree[path]
        if name == "chown":
            owner, _, group = value.partition(":")
            assert not owner.isalpha() or owner in self.users | {"root"}, f"no user {owner}"
            self.tree[path] = replace(node, owner=f"{owner}:{group or node.owner.split(':')[1]}")
            return
        added = {"+x": 0o111, "u+x": 0o100, "a+rx": 0o555}.get(value)
        mode = int(value, 8) if added is None else node.mode | added
        self.tree[path] = replace(node, mode=mode)


def _matches(path: str, pattern: str) -> bool:
    same_depth = path.count("/") == pattern.count("/")
    return (
        same_depth
        and bool(re.search(r"[*?]", pattern) or path == pattern)
        and fnmatchcase(path, pattern)
    )
