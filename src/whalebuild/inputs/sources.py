"""The sources of COPY and ADD: paths and their patterns, URLs and git references.

Part of ``inputs.closure``. Follows ``dispatchCopy`` in ``frontend/dockerfile/dockerfile2llb``
and ``frontend/dockerfile/dfgitutil`` of BuildKit.
"""

from __future__ import annotations

import re

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.ignorefile import PatternMatcher
from whalebuild.inputs.values import AnalysisError, ContextRead, Remote

_GIT = re.compile(r"(?:git|ssh)://|[\w.-]+@[\w.-]+:|https?://[^#?]+\.git(?:[#?]|$)", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def remote_source(url: str, checksum: str | None, line: int) -> Remote:
    """The URL or git reference that ADD fetches, with the checksum or commit that pins it.

    Raises:
        AnalysisError: Nothing pins it.
    """
    fragment = url.partition("#")[2].partition(":")[0]
    asked = re.search(r"[?&]checksum=([0-9a-f]+)", url)
    if _GIT.match(url) and not checksum:
        pinned = asked[1] if asked else fragment
        checksum = pinned if _COMMIT.fullmatch(pinned) else None
    if not checksum:
        raise AnalysisError(
            f"ADD {url} has no checksum, and what is behind the address may change", line
        )
    return Remote(url, checksum, line)


def check_patterns(read: ContextRead) -> None:
    """Check the patterns of a read.

    Raises:
        PatternError: BuildKit would refuse one, or it cannot be translated for Python.
    """
    for source in read.sources:
        if read.parents:
            PatternMatcher([source.rpartition("/./")[2]])
        elif read.wildcards and gopath.has_wildcards(source):
            gopath.compile_pattern(source)
    PatternMatcher(read.excludes)


def is_address(source: str) -> bool:
    """Whether a source is a URL or a git reference, not a path."""
    return source.startswith(("http://", "https://")) or _GIT.match(source) is not None


def clean_source(path: str, *, parents: bool) -> str:
    """A path as BuildKit looks it up; with ``--parents`` it keeps its pivot point, ``/./``."""
    if not parents:
        return gopath.rooted(path)
    pivot, found, pattern = path.partition("/./")
    if not found:
        return gopath.rooted(path)
    return f"{gopath.rooted(pivot)}/./{gopath.rooted(pattern)}"
