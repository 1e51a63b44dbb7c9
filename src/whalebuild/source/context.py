"""The files of a local context that instructions read, with digests of their contents.

Follows ``cache/contenthash/checksum.go`` of BuildKit: the files that a source of COPY selects are
those that BuildKit's cache key for it covers. Other files are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from whalebuild.source.context_walk import ContextTree


class LocalContextFiles:
    """Lists files below a folder, the one that buildx runs in.

    Digests are kept: of contexts that several targets share each file is read once.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trees: dict[tuple[object, ...], ContextTree] = {}

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
                found = dict.fromkeys(_ReadLister(read, tree).entries())
            except (OSError, PatternError) as failed:
                return Undetermined(f"cannot tell what it reads: {_reason(failed)}", read.line)
            except AnalysisError as error:
                return replace(error.undetermined, line=read.line)
            listed.append((read, tuple(found)))
        return ContextFiles(tuple(listed))

    def _tree(
        self, context: str | None, build: Build, dockerfile: str | None, *, external: bool
    ) -> ContextTree:
        value = build.contexts[context] if context else build.context
        folder = self._root / local_path(value)
        if not folder.is_dir():
            if not context and is_remote(value):
                raise AnalysisError(f"it reads files of {value}, which are not here")
            raise AnalysisError(f"the context {value} is not a folder")
        beside = None
        if context is None and dockerfile is not None:
            beside = find_dockerfile(self._root, value, dockerfile)
        key = (context, folder, beside, external)
        if key not in self._trees:
            patterns = read_ignore_file(read_ignore_text(folder, beside, external=external))
            self._trees[key] = ContextTree(folder, PatternMatcher(patterns), context)
        return self._trees[key]


class _ReadLister:
    """Lists the files of one read in one context."""

    def __init__(self, read: ContextRead, tree: ContextTree) -> None:
        self.read = read
        self.tree = tree
        self.excluded = PatternMatcher(read.excludes) if read.excludes else None

    def entries(self) -> Iterator[FileEntry]:
        for source in self.read.sources:
            if not self.read.parents:
                yield from self._source(source, None)
            else:
                pivot, _, pattern = source.rpartition("/./")
                # To BuildKit "." is an empty pattern. All files are the safe answer.
                included = PatternMatcher([pattern]) if pattern != "." else None
                yield from self._source(pivot or ".", included)

    def _source(self, source: str, included: PatternMatcher | None) -> Iterator[FileEntry]:
        """The files that one source selects; a source that is a link selects its target, too."""
        found = False
        for path in self._matches(source) if self._is_pattern(source) else (source,):
            found = True
            end, links = self.tree.resolve("" if path == "." else path)
            yield from map(self.tree.entry, links)
            if end is None:
                yield self.tree.missing(path)
            elif self.tree.is_folder(end):
                if end:  # the root's own mode is not sent
                    yield self.tree.entry(end)
                yield from self._below(end, "", self._begin(included), included)
            else:
                yield self.tree.entry(end)
        if not found:
            yield self.tree.missing(source)

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
    ) -> Iterator[FileEntry]:
        """Selected files in a folder; subfolders are selected themselves or for a file in them."""
        for path in self.tree.children(folder):
            name = path.rpartition("/")[2]
            relative = f"{below}/{name}" if below else name
            wanted, matched_in = included.match(relative, parent[0]) if included else (True, ())
            left_out, matched_out = (
                self.excluded.match(relative, parent[1]) if self.excluded else (False, ())
            )
            inside: list[FileEntry] = []
            if self.tree.is_folder(path) and self._may_select_in(relative, left_out=left_out):
                inside = list(self._below(path, relative, (matched_in, matched_out), included))
            if inside or (wanted and not left_out):
                yield self.tree.entry(path)
                yield from inside

    def _may_select_in(self, relative: str, *, left_out: bool) -> bool:
        unmatched = self.excluded is not None and self.excluded.may_contain_unmatched(relative)
        return not left_out or unmatched


def _reason(failed: OSError | PatternError) -> str:
    if isinstance(failed, OSError):
        return f"{failed.filename}: {failed.strerror}"
    return str(failed)
