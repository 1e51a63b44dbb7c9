"""Slash-separated paths and their wildcards, as Go's ``path.Clean`` and ``path.Match`` read them.

BuildKit resolves the sources of COPY and ADD with these. https://pkg.go.dev/path#Match
"""

from __future__ import annotations

import functools
import posixpath
import re

from whalebuild.dockerfile.wildcards import NOT_SLASH, STAR, One, Piece, Wildcards


class PatternError(ValueError):
    """A pattern of paths is not well formed (BuildKit refuses it), or cannot be translated."""


def clean(path: str) -> str:
    """The shortest equivalent of a slash-separated path; ``.`` for an empty one."""
    normal = posixpath.normpath(path)
    return normal[1:] if normal.startswith("//") else normal


def rooted(path: str) -> str:
    """A path inside a context, as BuildKit resolves it: clean, relative, never outside of it."""
    return clean(f"/{path}")[1:] or "."


def has_wildcards(path: str) -> bool:
    """Whether the path has a ``*``, ``?`` or ``[`` that is not escaped."""
    return re.search(r"[*?\[]", re.sub(r"\\.", "", path, flags=re.DOTALL)) is not None


def split_wildcards(path: str) -> tuple[str, str]:
    """Split a path before its first part with a wildcard; either half may be empty."""
    parts = path.split("/")
    first = next((at for at, part in enumerate(parts) if has_wildcards(part)), len(parts))
    return "/".join(parts[:first]), "/".join(parts[first:])


def matches(pattern: str, path: str) -> bool:
    """Whether a path matches a pattern, as ``path.Match`` says.

    Raises:
        PatternError: The pattern is not well formed.
    """
    return compile_pattern(pattern).fullmatch(path)


@functools.lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Wildcards:
    """Read a ``path.Match`` pattern; raises as ``matches`` does."""
    out: list[Piece] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append(STAR)
        elif char == "?":
            out.append(One(NOT_SLASH))
        elif char == "[":
            text, at = _class(pattern, at)
            out.append(One(text))
        elif char == "\\":
            if at == len(pattern):
                raise PatternError(f"{pattern} ends with a backslash")
            out.append(One(re.escape(pattern[at])))
            at += 1
        else:
            out.append(One(re.escape(char)))
    return Wildcards(out)


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Read a class after its ``[``; unlike other wildcards it can match a slash."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    count = 0
    while not (pattern.startswith("]", at) and count):
        low, at = _class_char(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _class_char(pattern, at + 1)
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        count += 1
    if not ranges:
        return (r"[\s\S]" if negated else r"(?!)"), at + 1
    return f"[{'^' if negated else ''}{''.join(ranges)}]", at + 1


def _class_char(pattern: str, at: int) -> tuple[str, int]:
    if at < len(pattern) and pattern[at] == "\\":
        at += 1
    elif at < len(pattern) and pattern[at] in "-]":
        raise PatternError(f"{pattern} has a bracket that is not well formed")
    if at + 1 >= len(pattern):
        raise PatternError(f"{pattern} has a bracket that does not end")
    return pattern[at], at + 1
