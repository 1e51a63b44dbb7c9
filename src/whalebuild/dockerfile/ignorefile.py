"""Ignore files, and matching paths against their patterns.

Follows github.com/moby/patternmatcher, which BuildKit uses for ``.dockerignore``, ``--exclude`` and
``--parents``. https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.gopath import PatternError
from whalebuild.dockerfile.lexer import GO_SPACE, NO_TEXT
from whalebuild.dockerfile.wildcards import ANYTHING, Folders, Many, One, Piece, Wildcards
from whalebuild.values import dataclass

# Whether each pattern matched a path's parent folder; empty where the path has none.
Matched = tuple[bool, ...]

_REGEXP_SPECIAL = frozenset(".+()|{}$")
_WILD = frozenset("*[]?^\\")
# What Python and Go read differently in a bracket expression, or only Go knows.
_PIECE = re.compile(r"(\(\.\*/\)\?)|(\.\*)|(\[\^?\]?(?:\\.|[^\]\\])*\])(\*?)|(\\.|.)", re.DOTALL)
_BRACKET_TROUBLE = re.compile(r"--|&&|\|\||~~|\\[A-Za-z]")


def read_ignore_file(text: str) -> tuple[str, ...]:
    """Read the patterns of a ``.dockerignore``, without comments and blank lines, paths cleaned.

    A byte that is not UTF-8 (``surrogateescape``) is U+FFFD in a pattern: they are sent as JSON.
    """
    patterns = []
    for line in NO_TEXT.sub("\ufffd", text).removeprefix("\ufeff").split("\n"):
        pattern = line.removesuffix("\r")
        if pattern.startswith("#") or not (pattern := pattern.strip(GO_SPACE)):
            continue
        negated = pattern.startswith("!")
        pattern = pattern[1:].strip(GO_SPACE) if negated else pattern
        if pattern:
            pattern = gopath.clean(pattern)
            pattern = pattern[1:] if len(pattern) > 1 and pattern[0] == "/" else pattern
        patterns.append(f"!{pattern}" if negated else pattern)
    return tuple(patterns)


@dataclass(frozen=True)
class Pattern:
    """One pattern; ``negated`` is for ``!pattern``, which undoes earlier matches."""

    text: str
    negated: bool
    matches: Callable[[str], bool] = field(compare=False)

    @property
    def folder(self) -> str:
        """The pattern without a trailing ``/**`` or ``/*``."""
        return self.text.removesuffix("/**").removesuffix("/*")


class PatternMatcher:
    """Matches slash-separated paths, relative to the folder that the patterns are about.

    Raises:
        PatternError: When made: a pattern is not well formed.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        stripped = (pattern.strip(GO_SPACE) for pattern in patterns)
        self.patterns: Sequence[Pattern] = [_pattern(text) for text in stripped if text]
        self._negated = [pattern for pattern in self.patterns if pattern.negated]
        self._quick = _any_of([each.text for each in self.patterns if not each.negated])
        self._none: Matched = (False,) * len(self.patterns)
        self._plain = not any(_WILD & set(pattern.folder) for pattern in self._negated)

    def match(self, path: str, parent: Matched = ()) -> tuple[bool, Matched]:
        """Match a path.

        Args:
            path: With slashes, relative to the folder.
            parent: What this method returned for the path's parent folder; without it, the path
                also matches where one of its parents does.

        Returns:
            Whether the path matches, and what to match its children with.
        """
        if not any(parent) and (parent or "/" not in path) and not self._quick(path):
            return False, self._none
        result = False
        matched = []
        for at, pattern in enumerate(self.patterns):
            hit = bool(parent) and parent[at]
            if not hit and pattern.negated == result:
                hit = pattern.matches(path) or (not parent and _parent_matches(pattern, path))
            matched.append(hit)
            if hit:
                result = not pattern.negated
        return result, tuple(matched)

    def may_contain_unmatched(self, folder: str) -> bool:
        """Tell whether a matching folder may contain something that does not match."""
        if not self._plain:
            return True
        return any(f"{pattern.folder}/".startswith(f"{folder}/") for pattern in self._negated)


def _parent_matches(pattern: Pattern, path: str) -> bool:
    parts = path.split("/")[:-1]
    return any(pattern.matches("/".join(parts[: at + 1])) for at in range(len(parts)))


def _pattern(text: str) -> Pattern:
    text = gopath.clean(text)
    negated = text.startswith("!")
    if text == "!":
        raise PatternError('illegal exclusion pattern: "!"')
    text = text.removeprefix("!") if negated else text
    gopath.compile_pattern(text)  # BuildKit compiles it, too, and refuses what fails
    return Pattern(text, negated, _matching(text))


def _matching(text: str) -> Callable[[str], bool]:
    """Choose how to match, as patternmatcher does: its ways differ on unusual patterns."""
    kind, expression = _translate(text)
    if kind == "exact":
        return lambda path: path == text
    if kind == "prefix":
        return lambda path: path.startswith(text[:-2])
    if kind == "suffix":
        suffix = text[2:]
        return lambda path: path.endswith(suffix) or (suffix[:1] == "/" and path == suffix[1:])
    # Nor do they agree on a bracket in brackets, which `?` and `*` begin in BuildKit's regexp, too.
    if _BRACKET_TROUBLE.search(text) or "[[" in expression:
        raise PatternError(f"{text} cannot be followed")
    try:
        re.compile(expression, re.ASCII)
    except re.error:
        raise PatternError(f"{text} is not well formed") from None
    wildcards = _wildcards(expression)
    return lambda path: wildcards.fullmatch(_sent(path))


@functools.lru_cache(maxsize=1024)
def _wildcards(expression: str) -> Wildcards:
    """Read such an expression; it is for one pattern alone, and for all at once."""
    return Wildcards(tuple(_pieces(expression)))


def _pieces(expression: str) -> Iterator[Piece]:
    """What such an expression is made of."""
    begun = False
    for folders, anything, bracket, many, char in _PIECE.findall(expression):
        if folders:
            yield Folders()
        elif anything:
            yield ANYTHING
        elif bracket:
            yield Many(bracket) if many else One(bracket)
        elif char != "^":
            yield One(char)
        elif begun:
            yield One("(?!)")  # the beginning of the path, which is behind it by now
        begun = begun or char != "^"


def _any_of(texts: Iterable[str]) -> Callable[[str], bool]:
    """Tell whether any of these patterns matches; many at once take little longer than one."""
    exact, prefixes, suffixes, expressions = set(), [], [], []
    others: list[Wildcards] = []
    for text in texts:
        kind, expression = _translate(text)
        if kind == "exact":
            exact.add(text)
        elif kind == "prefix":
            prefixes.append(text[:-2])
        elif kind == "suffix":
            suffixes.append(text[2:])
            if text[2:3] == "/":
                exact.add(text[3:])
        elif (wildcards := _wildcards(expression)).expression is None:
            others.append(wildcards)
        else:
            expressions.append(f"(?:{wildcards.expression})")
    begins, ends = tuple(prefixes), tuple(suffixes)
    compiled = re.compile("|".join(expressions), re.ASCII) if expressions else None

    def matches(path: str) -> bool:
        if path in exact or path.startswith(begins) or path.endswith(ends):
            return True
        sent = _sent(path)
        found = compiled is not None and compiled.fullmatch(sent) is not None
        return found or any(each.fullmatch(sent) for each in others)

    return matches


def _sent(path: str) -> str:
    """A path as it is sent, for regular expressions."""
    return path if path.isascii() else NO_TEXT.sub("\ufffd", path)


def _translate(text: str) -> tuple[str, str]:
    """How patternmatcher matches a pattern (exact, prefix, suffix, regexp), and its regexp."""
    kind, out = "exact", list[str]()
    at = 0
    while at < len(text):
        char, begun = text[at], at
        at += 1
        if text.startswith("**", begun):
            at = begun + (3 if text.startswith("**/", begun) else 2)
            if at < len(text):
                out.append("(.*/)?")
                kind = "regexp"
            elif kind == "exact":
                kind = "prefix"
            else:
                out.append(".*")
                kind = "regexp"
            kind = "suffix" if begun == 0 else kind
        elif char in "*?":
            out.append("[^/]*" if char == "*" else "[^/]")
            kind = "regexp"
        elif char in _REGEXP_SPECIAL:
            out.append(f"\\{char}")
        elif char == "\\":
            out.append(text[begun : begun + 2])
            kind = "regexp" if at < len(text) else kind
            at += 1
        else:
            out.append(char)
            kind = "regexp" if char in "[]" else kind
    return kind, "".join(out)
