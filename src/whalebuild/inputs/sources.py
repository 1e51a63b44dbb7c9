"""The sources of COPY and ADD: paths and their patterns, URLs and git references.

Part of ``inputs.closure``. Follows ``dispatchCopy`` in ``frontend/dockerfile/dockerfile2llb``
and ``frontend/dockerfile/dfgitutil`` of BuildKit.
"""

from __future__ import annotations

import re

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.ignorefile import PatternMatcher
from whalebuild.failures.failure import redact
from whalebuild.inputs.values import AnalysisError, ContextRead, Remote

_GIT = re.compile(r"(?:git|ssh)://|[\w.-]+@[\w.-]+:|https?://[^#?]+\.git(?:[#?]|$)", re.IGNORECASE)
_LOGIN = re.compile(r"https?://[^/?#]*@")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def remote_source(url: str, checksum: str | None, line: int) -> Remote:
    """The URL or git reference that ADD fetches, with the checksum or commit that pins it.

    Raises:
        AnalysisError: Nothing pins it, and its server cannot be asked what is behind it.
    """
    fragment = url.partition("#")[2].partition(":")[0]
    asked = re.search(r"[?&]checksum=([0-9a-f]+)", url)
    if _GIT.match(url) and not checksum:
        pinned = asked[1] if asked else fragment
        checksum = pinned if _COMMIT.fullmatch(pinned) else None
    if not checksum:
        why = why_unasked(url)
        if why:
            raise AnalysisError(
                f"ADD {redact(url)} has no checksum, and what is behind the address may change:"
                f" {why}",
                line,
            )
    return Remote(url, checksum or None, line)


def why_unasked(url: str) -> str:
    """Why the server of a URL is not asked what is behind it; empty where it is."""
    if not url.startswith(("http://", "https://")):
        return "only servers of http and https are asked"
    if _LOGIN.match(url):
        return "it has a login, which is sent to nobody"
    if "?" in url.partition("#")[0]:
        return "it has a query, which may be a secret"
    return ""


def is_git(url: str) -> bool:
    """Whether BuildKit takes a URL for a git repository."""
    return _GIT.match(url) is not None


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
