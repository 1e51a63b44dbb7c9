"""The patterns of ``${X#pattern}``, ``${X%pattern}`` and ``${X/pattern/new}`` in a Dockerfile.

Follows the end of ``frontend/dockerfile/shell/lex.go`` of BuildKit: ``*`` and ``?`` are the only
wildcards, brackets stand for themselves.
"""

from __future__ import annotations

import re


class SubstitutionError(ValueError):
    """BuildKit refuses the pattern, or treats it in a way that is not followed here."""


def trim_prefix(pattern: str, value: str, *, greedy: bool) -> str:
    """Remove the shortest, or the longest, match at the beginning."""
    found = _compile(pattern, greedy=greedy).match(value)
    return value[found.end() :] if found else value


def trim_suffix(pattern: str, value: str, *, greedy: bool) -> str:
    """Remove the shortest, or the longest, match at the end."""
    return trim_prefix(_reversed(pattern), value[::-1], greedy=greedy)[::-1]


def replace(value: str, pattern: str, new: str, *, everywhere: bool) -> str:
    """Put ``new`` in the place of the first match, or of every one."""
    compiled = _compile(pattern, greedy=True)
    if everywhere and "$" in new:
        raise SubstitutionError("a $ in the replacement is read as a template by BuildKit")
    pieces: list[str] = []
    last = 0
    for found in compiled.finditer(value):
        # Go leaves out an empty match next to the one before; Python has it.
        if found.start() == found.end() == last and pieces:
            continue
        pieces += [value[last : found.start()], new]
        last = found.end()
        if not everywhere:
            break
    return "".join([*pieces, value[last:]])


def _reversed(pattern: str) -> str:
    """Reverse a pattern; each escape stays in front of the character that it escapes."""
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join(reversed(pieces))


def _compile(pattern: str, *, greedy: bool) -> re.Pattern[str]:
    star = ".*" if greedy else ".*?"
    out = []
    for piece in re.findall(r"\\.|.|\\", pattern, re.DOTALL):
        if piece in {"*", "?"}:
            out.append(star if piece == "*" else ".")
        elif piece in {"\\}", "\\/"}:
            out.append(re.escape(piece[1]))
        elif len(piece) > 1 or piece == "\\":
            if piece[1:] not in {"*", "?", "\\"}:
                raise SubstitutionError(f"invalid escape {piece} in a pattern")
            out.append(re.escape(piece[1]))
        else:
            out.append(re.escape(piece))
    return re.compile("".join(out))
