"""An instruction's flags and words, as BuildKit splits them.

Follows ``split_command.go`` and ``line_parsers.go`` in ``frontend/dockerfile/parser`` of BuildKit.
"""

from __future__ import annotations

import json
import re

from whalebuild.dockerfile.lexer import GO_SPACE

_BLANKS = re.compile(r"[\t\v\f\r ]+")


class ListError(ValueError):
    """A JSON array has items that are no strings: BuildKit refuses it."""


def split_command(line: str) -> tuple[str, str]:
    """Split a line into its keyword and the rest."""
    keyword, *rest = _BLANKS.split(line.strip(GO_SPACE), maxsplit=1)
    return keyword, (rest[0] if rest else "").strip(GO_SPACE)


def split_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Split off the leading words that begin with ``--``; quotes and escapes are resolved.

    BuildKit works on bytes here: a character of several bytes becomes several characters.
    """
    data = text.encode(errors="surrogatepass").decode("latin-1")
    flags: list[str] = []
    at = 0
    while True:
        while at < len(data) and data[at] in GO_SPACE:
            at += 1
        if not data.startswith("--", at):
            break
        word, at = _flag(data, at, escape)
        if word == "--":
            break
        flags.append(word)
    rest = data[at:].encode("latin-1").decode(errors="surrogatepass")
    return tuple(flags), rest.strip(GO_SPACE)


def _flag(data: str, at: int, escape: str) -> tuple[str, int]:
    word: list[str] = []
    quote = ""
    while at < len(data) and (quote or data[at] not in GO_SPACE):
        char = data[at]
        at += 1
        if char == quote:
            quote = ""
        elif not quote and char in {"'", '"'}:
            quote = char
        elif char == escape:
            word.append(data[at : at + 1])
            at += 1
        else:
            word.append(char)
    return "".join(word), at


def blank_separated(text: str) -> list[str]:
    """Split at white space; quotes have no meaning (COPY, ADD, FROM, EXPOSE)."""
    return _BLANKS.split(text) if text else []


def json_list(text: str) -> list[str] | None:
    """Read the JSON form of an instruction; None where it is not in that form.

    Raises:
        ListError: It is an array, but not of strings only.
    """
    text = text.lstrip(GO_SPACE)
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text, parse_constant=_no_constants)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(item, str) for item in found):
        raise ListError("a JSON array must hold strings only")
    # Half a surrogate pair is U+FFFD to Go.
    return [item.encode(errors="surrogatepass").decode(errors="replace") for item in found]


def words_or_list(text: str) -> list[str]:
    """The operands of COPY, ADD and VOLUME in either form; raises as ``json_list``."""
    found = json_list(text)
    return blank_separated(text) if found is None else found


def quoted_words(text: str, escape: str) -> list[str]:
    """Split at white space outside of quotes, keeping quotes and escapes (ARG, ENV, LABEL)."""
    words: list[str] = []
    word: list[str] = []
    quote, begun = "", False
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if not quote and char in GO_SPACE:
            if begun or word:
                words.append("".join(word))
            word, begun = [], False
            continue
        if char == escape and quote != "'":
            if at == len(text):
                break
            char += text[at]
            at += 1
        elif char == quote:
            quote = ""
        elif not quote and char in {"'", '"'}:
            quote, begun = char, True
        word.append(char)
    return [*words, "".join(word)] if begun or word else words


def name_values(text: str, escape: str) -> list[tuple[str, str]] | None:
    """The pairs of ENV and LABEL, with ``=`` or in the old form; None if not well formed.

    Values are as written, quotes included.
    """
    words = quoted_words(text, escape)
    if not words:
        return None
    if "=" not in words[0]:
        name, *value = _BLANKS.split(text, maxsplit=1)
        return [(name, value[0])] if value else None
    if any("=" not in word or word.startswith("=") for word in words):
        return None
    return [(name, value) for name, _, value in (word.partition("=") for word in words)]


def _no_constants(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
