"""What an instruction takes in of the build context: code, or what dependencies are made from.

Single named files may be inputs of the app base (``entrypoint.sh``, a manifest); a folder, the
whole context, a pattern with many hits and the application's own source may not. The names are
those of common tools; a wrong guess costs time and no correctness, since all that an app base reads
is in its key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.dependencies import is_manifest
from whalebuild.dockerfile.ignorefile import PatternMatcher
from whalebuild.inputs.values import ContextRead, FileEntry

_FEW = 6  # hits of a pattern
# Source, and what is built from it elsewhere. Shell scripts are no source: entrypoint.sh.
_SOURCE = re.compile(
    r".+\.(?:pyx?|[cm]?[jt]sx?|vue|svelte|php|rb|go|rs|java|kt|scala|groovy|clj|exs?|erl|hs|cs|fs|vb"
    r"|swift|cc?|c(?:pp|xx)|h(?:pp)?|zig|nim|dart|lua|p[lm]|r|jl|html?|s?css|sass"
    r"|[jwe]ar|whl|gem|phar|dll)",
    re.IGNORECASE,
)
# Settings and helpers that are written in the application's language.
_NO_SOURCE = re.compile(
    r".+\.config\.(?:py|[cm]?[jt]s)|.+[._-]conf\.py|gunicorn[^/]*\.py|\..*rc\.[cm]?js|\.pnp\..*"
    r"|\.pnpmfile\.c?js|(?:webpack|rollup|karma|gulpfile|gruntfile)[^/]*\.[cm]?[jt]s|build\.rs"
    r"|mix\.exs|(?:docker[-_])?entrypoint\..*|health[-_]?check\..*|wait[-_]for.*",
    re.IGNORECASE,
)
# Folders of package managers: their settings, wrappers and plugins.
_TOOLS = frozenset({".mvn", "gradle", ".yarn", ".cargo"})


def is_source(path: str) -> bool:
    """Tell the application's own source from settings and manifests, by the file's name.

    ``setup.py`` is a manifest, ``manage.py`` is source.
    """
    name = path.rpartition("/")[2]
    return bool(_SOURCE.fullmatch(name)) and not (is_manifest(path) or _NO_SOURCE.fullmatch(name))


def taken(read: ContextRead, entries: Iterable[FileEntry]) -> str | None:
    """What a read takes in that is more than single named files, in words; None if nothing.

    Args:
        read: The read.
        entries: The files that it covers.
    """
    files = list(entries)
    found = (_taken(read, source, files) for source in read.sources)
    return next((words for words in found if words), None)


def _taken(read: ContextRead, source: str, files: list[FileEntry]) -> str | None:
    pivot, parents, pattern = source.rpartition("/./")
    path = gopath.rooted(f"{pivot}/{pattern}") if parents else source
    git = any(_of_git(entry.path) for entry in files)
    if path == ".":
        whole = "the whole context" if read.context is None else f"all of context {read.context}"
        return f"{whole}, with .git, which every commit changes" if git else whole
    if _of_git(path) and git:
        return f"{path}, which every commit changes"
    if read.wildcards and gopath.has_wildcards(path):
        hits = _parents_hits(pattern, files) if read.parents else _hits(path, files)
        return _of_pattern(path, hits, files)
    inside = [entry for entry in files if entry.path.startswith(f"{path}/")]
    own = {entry.kind for entry in files if entry.path == path}
    linked = any(entry.kind == "link" for entry in files)  # it may lead to any of the folders
    if inside or "dir" in own or (linked and any(entry.kind == "dir" for entry in files)):
        return None if _manifests(inside) else f"the folder {path}"
    return f"{path}, which is the application's source" if is_source(path) else None


def _of_git(path: str) -> bool:
    """Whether a path is in the folder in which git keeps a repository."""
    return ".git" in path and ".git" in path.split("/")


def _of_pattern(pattern: str, hits: list[FileEntry], files: list[FileEntry]) -> str | None:
    folders = tuple(f"{entry.path}/" for entry in hits if entry.kind == "dir")
    inside = [entry for entry in files if entry.path.startswith(folders)]
    if _manifests([*hits, *inside]):
        return None
    if folders:
        return f"the folder {folders[0]} by {pattern}"
    if len(hits) > _FEW:
        return f"{len(hits)} files by {pattern}"
    source = next((entry.path for entry in hits if is_source(entry.path)), None)
    return f"{source} by {pattern}, which is the application's source" if source else None


def _hits(pattern: str, files: list[FileEntry]) -> list[FileEntry]:
    if any(entry.kind == "link" for entry in files):
        return files  # below a link their names are others
    compiled = gopath.compile_pattern(pattern)
    return [entry for entry in files if compiled.fullmatch(entry.path)]


def _parents_hits(pattern: str, files: list[FileEntry]) -> list[FileEntry]:
    """All files, and the folders that the pattern itself selects."""
    matcher = PatternMatcher([pattern])

    def selected(path: str) -> bool:
        parts = path.split("/")
        return any(matcher.match("/".join(parts[at:]))[0] for at in range(len(parts)))

    return [entry for entry in files if entry.kind != "dir" or selected(entry.path)]


def _manifests(files: list[FileEntry]) -> bool:
    """Whether there are files, and all of them name dependencies or are a package manager's."""
    kept = [entry for entry in files if entry.kind != "dir"]
    return bool(kept) and all(
        is_manifest(entry.path) or not _TOOLS.isdisjoint(entry.path.split("/")[:-1])
        for entry in kept
    )
