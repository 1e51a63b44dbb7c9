"""The files of a local context that instructions read, with digests of their contents.

Follows ``cache/contenthash/checksum.go`` of BuildKit: the files that a source of COPY selects are
those that BuildKit's cache key for it covers. Other files are not read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from whalebuild.bakefile.contexts import is_remote, local_path
from whalebuild.dockerfile.gopath import (
    PatternError,
    compile_pattern,
    has_wildcards,
    split_wildcards,
)
from whalebuild.dockerfile.ignorefile import Matched, PatternMatcher, read_ignore_file
from whalebuild.inputs.values import (
    AnalysisError,
    Build,
    ContextFiles,
    ContextRead,
    FileEntry,
    StageInputs,
    Undetermined,
)
from whalebuild.source.build_files import find_dockerfile, read_ignore_text
from whalebuild.source.content_digests import FileDigests
from whalebuild.source.context_folder import ContextFolder
from whalebuild.source.context_walk import ContextTree


class LocalContextFiles:
    """Lists files below a folder, the one that buildx runs in.

    What was found is kept: contexts that several targets share are walked once, and each file is
    read once.

    Args:
        root: The folder.
        known: Digests of files that earlier runs have read, by the context's folder.
    """

    def __init__(self, root: Path, known: Callable[[str], FileDigests] | None = None) -> None:
        self._root = root
        self._known = known
        self._folders: dict[str, ContextFolder] = {}
        self._trees: dict[tuple[object, ...], ContextTree] = {}
        self._sent: dict[tuple[object, ...], ContextTree] = {}
        self._found: dict[tuple[object, ...], tuple[FileEntry, ...]] = {}

    def list_files(
        self, inputs: StageInputs, build: Build, dockerfile: str | None
    ) -> ContextFiles | Undetermined:
        """List the files that a stage's instructions read.

        Args:
            inputs: The stage's inputs.
            build: The same as for ``inputs``; it has the contexts' folders.
            dockerfile: The Dockerfile's path, relative to the context; None where it is inline.

        Returns:
            The files of every read, or why they cannot be determined: a file or folder cannot be
            read, or an ignore file is not well formed.
        """
        external = any(closure.syntax for closure in inputs.closures)
        listed: list[tuple[ContextRead, tuple[FileEntry, ...]]] = []
        for read in inputs.reads:
            try:
                tree = self._tree(read.context, build, dockerfile, external=external)
                listed.append((read, self._files(read, tree)))
            except (OSError, PatternError) as failed:
                return Undetermined(f"cannot tell what it reads: {_reason(failed)}", read.line)
            except AnalysisError as error:
                return replace(error.undetermined, line=read.line)
        return ContextFiles(tuple(listed))

    def _files(self, read: ContextRead, tree: ContextTree) -> tuple[FileEntry, ...]:
        key = (tree, read.sources, read.excludes, read.parents, read.wildcards)
        if key not in self._found:
            found = _ReadLister(read, tree).found()
            entries = iter(tree.entries([each for each in found if isinstance(each, str)]))
            self._found[key] = tuple(
                next(entries) if isinstance(each, str) else each for each in found
            )
        return self._found[key]

    def _tree(
        self, context: str | None, build: Build, dockerfile: str | None, *, external: bool
    ) -> ContextTree:
        value = build.contexts[context] if context else build.context
        key = (context, value, dockerfile if context is None else None, external)
        if key not in self._trees:
            self._trees[key] = self._make_tree(context, value, dockerfile, external=external)
        return self._trees[key]

    def _make_tree(
        self, context: str | None, value: str, dockerfile: str | None, *, external: bool
    ) -> ContextTree:
        folder = self._root / local_path(value)
        if not folder.is_dir():
            if not context and is_remote(value):
                raise AnalysisError(f"it reads files of {value}, which are not here")
            raise AnalysisError(f"the context {value} is not a folder")
        beside = None
        if context is None and dockerfile is not None:
            beside = find_dockerfile(self._root, value, dockerfile)
        patterns = read_ignore_file(read_ignore_text(folder, beside, external=external))
        made = ContextTree(self._folder(folder), PatternMatcher(patterns), context)
        return self._sent.setdefault((context, folder, patterns), made)

    def _folder(self, folder: Path) -> ContextFolder:
        real = os.path.realpath(folder)
        if real not in self._folders:
            known = self._known(real) if self._known else None
            self._folders[real] = ContextFolder(real, known)
        return self._folders[real]


class _ReadLister:
    """Lists the files of one read in one context: paths, and entries where nothing is."""

    def __init__(self, read: ContextRead, tree: ContextTree) -> None:
        self.read = read
        self.tree = tree
        self.excluded = PatternMatcher(read.excludes) if read.excludes else None

    def found(self) -> dict[str | FileEntry, None]:
        """Each once, in order."""
        found: dict[str | FileEntry, None] = {}
        for source in self.read.sources:
            if not self.read.parents:
                self._source(source, None, found)
            else:
                pivot, _, pattern = source.rpartition("/./")
                # To BuildKit "." is an empty pattern. All files are the safe answer.
                included = PatternMatcher([pattern]) if pattern != "." else None
                self._source(pivot or ".", included, found)
        return found

    def _source(
        self, source: str, included: PatternMatcher | None, found: dict[str | FileEntry, None]
    ) -> None:
        """The files that one source selects; a source that is a link selects its target, too."""
        paths = list(self._matches(source)) if self._is_pattern(source) else [source]
        for path in paths:
            end, links = self.tree.resolve("" if path == "." else path)
            found.update(dict.fromkeys(links))
            if end is None:
                found[self.tree.missing(path)] = None
                continue
            if end:  # the root's own mode is not sent
                found[end] = None
            if not self.tree.is_folder(end):
                continue
            if included is None and self.excluded is None:
                found.update(dict.fromkeys(self.tree.below(end)))
            else:
                found.update(dict.fromkeys(self._below(end, "", self._begin(included), included)))
        if not paths:
            found[self.tree.missing(source)] = None

    def _is_pattern(self, source: str) -> bool:
        return self.read.wildcards and has_wildcards(source)

    def _matches(self, source: str) -> Iterator[str]:
        """Paths that a pattern matches, but none below such a path; links in it are followed."""
        prefix, rest = split_wildcards(source)
        base, _ = self.tree.resolve(prefix)
        if base is None or not self.tree.is_folder(base):
            return
        pattern = compile_pattern(source)
        # A bracket may match a slash; no other wildcard can.
        deepest = rest.count("/") if "[" not in rest else None
        pending = [(base, prefix, 0)]
        while pending:
            folder, named, depth = pending.pop()
            for path in self.tree.children(folder):
                name = path.rpartition("/")[2]
                shown = f"{named}/{name}" if named else name
                if pattern.fullmatch(shown):
                    yield path
                elif self.tree.is_folder(path) and (deepest is None or depth < deepest):
                    pending.append((path, shown, depth + 1))

    def _begin(self, included: PatternMatcher | None) -> tuple[Matched, Matched]:
        """What to match children of the source with; BuildKit matches itself as an empty path."""
        return (
            included.match("")[1] if included else (),
            self.excluded.match("")[1] if self.excluded else (),
        )

    def _below(
        self,
        folder: str,
        below: str,
        parent: tuple[Matched, Matched],
        included: PatternMatcher | None,
    ) -> Iterator[str]:
        """Selected files in a folder; subfolders are selected themselves or for a file in them."""
        for path in self.tree.children(folder):
            name = path.rpartition("/")[2]
            relative = f"{below}/{name}" if below else name
            wanted, matched_in = included.match(relative, parent[0]) if included else (True, ())
            left_out, matched_out = (
                self.excluded.match(relative, parent[1]) if self.excluded else (False, ())
            )
            inside: list[str] = []
            if self.tree.is_folder(path) and self._may_select_in(relative, left_out=left_out):
                inside = list(self._below(path, relative, (matched_in, matched_out), included))
            if inside or (wanted and not left_out):
                yield path
                yield from inside

    def _may_select_in(self, relative: str, *, left_out: bool) -> bool:
        unmatched = self.excluded is not None and self.excluded.may_contain_unmatched(relative)
        return not left_out or unmatched


def _reason(failed: OSError | PatternError) -> str:
    if isinstance(failed, OSError):
        return f"{failed.filename}: {failed.strerror}"
    return str(failed)
