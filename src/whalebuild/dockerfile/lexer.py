"""Words and variables of a Dockerfile, as BuildKit's shell lexer reads them.

Follows ``frontend/dockerfile/shell/lex.go`` of BuildKit, quirks included: what it makes of a word
decides which stage is a parent and which files a COPY reads.
https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import re
from collections.abc import Callable

from whalebuild.dockerfile.substitution import SubstitutionError, replace, trim_prefix, trim_suffix
from whalebuild.values import dataclass

# unicode.IsSpace of Go; str.isspace() of Python has four more.
GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
GO_SPACE += "\u200a\u2028\u2029\u202f\u205f\u3000"
# The shell's special parameters, such as $@ and $0.
_SPECIAL = "@*#?-$!0"
# What means something else than itself, beside the escape character.
_MARKS = frozenset("$<'\"")
# What stands for a byte that is not UTF-8 (``surrogateescape``); Go's scanner reads U+FFFD.
NO_TEXT = re.compile("[\udc80-\udcff]")
_END = ""  # what is read after the last character

# The value of a variable by its name, None where it is not set. May raise ``UnknownVariableError``.
Lookup = Callable[[str], "str | None"]


class WordError(ValueError):
    """The word is not well formed: BuildKit refuses it too."""


class UnknownVariableError(Exception):
    """The variable has a value that only the engine knows."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def unset(_name: str) -> str | None:
    """A ``Lookup`` in which no variable is set."""
    return None


@dataclass(frozen=True)
class Lexer:
    """How to read words.

    Attributes:
        escape: The Dockerfile's escape character.
        raw_quotes: Keep the quotes.
        raw_escapes: Keep the escape characters.
        quotes: Whether quotes mean anything; not in the body of a heredoc.
        skip_unset: Leave ``$X`` as it is where X is not set.
    """

    escape: str = "\\"
    raw_quotes: bool = False
    raw_escapes: bool = False
    quotes: bool = True
    skip_unset: bool = False

    def word(self, text: str, lookup: Lookup) -> str:
        """Expand a text as one word; white space in it is kept.

        Raises:
            WordError: A quote or a brace is not closed, or a modifier is unknown.
            UnknownVariableError: Only the engine knows a variable's value.
        """
        # Most are paths and names, which mean themselves.
        if text.isascii() and _MARKS.isdisjoint(text) and self.escape not in text:
            return text
        return _WordReader(self, text, lookup).read(_END, raw_escapes=self.raw_escapes)[0]

    def words(self, text: str, lookup: Lookup) -> list[str]:
        """Expand a text and split it at white space outside of quotes; raises as ``word``."""
        return _WordReader(self, text, lookup).read(_END, raw_escapes=self.raw_escapes)[1]


class _WordReader:
    """Expands one text, from left to right; ``at`` is the position of the next character."""

    def __init__(self, lexer: Lexer, text: str, lookup: Lookup) -> None:
        self.lexer = lexer
        self.text = NO_TEXT.sub("\ufffd", text)
        self.at = 0
        self.lookup = lookup
        self.raw_escapes = lexer.raw_escapes
        self.buffer: list[str] = []

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else _END

    def next(self) -> str:
        char = self.peek()
        self.at += 1
        return char

    def read(self, stop: str, *, raw_escapes: bool) -> tuple[str, list[str]]:
        """Read up to the stop character, or to the end where it is empty."""
        before, self.raw_escapes = self.raw_escapes, raw_escapes
        try:
            return self._read(stop)
        finally:
            self.raw_escapes = before

    def _read(self, stop: str) -> tuple[str, list[str]]:
        result: list[str] = []
        words = _WordSplitter(self.buffer)
        while (char := self.peek()) != _END:
            if stop and char == stop:
                self.next()
                return "".join(result), words.all()
            if char == "$":
                result.append(self._dollar())
                words.add(result[-1])
            elif char == "<" or (self.lexer.quotes and char in {"'", '"'}):
                result.append(self._heredoc() if char == "<" else self._quoted(char))
                words.add_raw(result[-1])
            elif char == self.lexer.escape:
                result.append(self._escaped(words))
            else:
                result.append(self.next())
                words.add(result[-1])
        if stop:
            raise WordError(f"no matching {stop}")
        return "".join(result), words.all()

    def _escaped(self, words: _WordSplitter) -> str:
        kept = self.next() if self.raw_escapes else self.next()[:0]
        kept += self.next()
        words.add_raw(kept)
        return kept

    def _heredoc(self) -> str:
        self.next()
        if self.peek() != "<":
            return "<"
        found = "<" + self.next()
        while self.peek() in {"\t", "\r", " "}:
            found += self.next()
        return found

    def _quoted(self, quote: str) -> str:
        result = [self.next() if self.lexer.raw_quotes else self.next()[:0]]
        while (char := self.peek()) != quote:
            if char == _END:
                raise WordError(f"no matching {quote}")
            if quote == '"' and char == "$":
                result.append(self._dollar())
            elif quote == '"' and char == self.lexer.escape:
                result.append(self._escaped_in_quotes())
            else:
                result.append(self.next())
        closing = self.next()
        return "".join([*result, closing if self.lexer.raw_quotes else ""])

    def _escaped_in_quotes(self) -> str:
        escape = self.next()
        kept = escape if self.raw_escapes else ""
        if self.peek() == _END:
            return kept
        return kept + (self.next() if self.peek() in {'"', "$", escape} else escape)

    def _dollar(self) -> str:
        self.next()
        if self.peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self.lookup(name)
            return f"${name}" if value is None and self.lexer.skip_unset else value or ""
        self.next()
        if self.peek() in {_END, "{", "}", ":"}:
            raise WordError("bad substitution")
        return self._braces(self._name())

    def _braces(self, name: str) -> str:
        """The rest of ``${name…``, up to the brace."""
        sign = self.next()
        if sign == "}":
            value = self.lookup(name)
            return f"${{{name}}}" if value is None and self.lexer.skip_unset else value or ""
        if sign == "/":
            return self._replacement(name)
        colon = sign == ":"
        sign = self.next() if colon else sign
        if sign not in {"+", "-", "?", "#", "%"} or (colon and sign in {"#", "%"}):
            raise WordError(f"unsupported modifier in ${{{name}…}}")
        word, _ = self.read("}", raw_escapes=sign in {"#", "%"})
        value = self.lookup(name)
        if value is None and self.lexer.skip_unset:
            return f"${{{name}{':' if colon else ''}{sign}{word}}}"
        missing = value is None or (colon and not value)
        return _modified(name, value or "", sign, word, missing=missing)

    def _replacement(self, name: str) -> str:
        everywhere = self.peek() == "/"
        if everywhere:
            self.next()
        pattern, _ = self.read("/", raw_escapes=True)
        new, _ = self.read("}", raw_escapes=True)
        value = self.lookup(name)
        if value is None and self.lexer.skip_unset:
            return f"${{{name}/{pattern}/{new}}}"
        try:
            return replace(value or "", pattern, new, everywhere=everywhere)
        except SubstitutionError as bad:
            raise WordError(str(bad)) from None

    def _name(self) -> str:
        """Letters, digits and ``_``; a number alone; or one of the shell's special parameters."""
        char = self.peek()
        if char and char.isdecimal():
            return self._while(str.isdecimal)
        if char and char in _SPECIAL:
            return self.next()
        return self._while(lambda c: c == "_" or c.isalpha() or c.isdecimal())

    def _while(self, wanted: Callable[[str], bool]) -> str:
        start = self.at
        while (char := self.peek()) != _END and wanted(char):
            self.at += 1
        return self.text[start : self.at]


class _WordSplitter:
    """Splits expanded text into words; nested reads share ``buffer``, as they do in BuildKit."""

    def __init__(self, buffer: list[str]) -> None:
        buffer.clear()
        self.buffer = buffer
        self.done: list[str] = []
        self.inside = False

    def add(self, text: str) -> None:
        """Add text whose white space separates words."""
        for char in text:
            if char not in GO_SPACE:
                self.add_raw(char)
            elif self.inside and self.buffer:
                self._finish()

    def add_raw(self, text: str) -> None:
        """Add text that stays in the word as a whole."""
        if text:
            self.buffer.append(text)
        self.inside = True

    def all(self) -> list[str]:
        """The words, the last one included."""
        if self.buffer:
            self._finish()
        return self.done

    def _finish(self) -> None:
        self.done.append("".join(self.buffer))
        self.buffer.clear()
        self.inside = False


def _modified(name: str, value: str, sign: str, word: str, *, missing: bool) -> str:
    if sign == "-":
        return word if missing else value
    if sign == "+":
        return "" if missing else word
    if sign == "?":
        if missing:
            raise WordError(f"{name}: {word or 'is not allowed to be unset or empty'}")
        return value
    greedy = word.startswith(sign)
    trim = trim_suffix if sign == "%" else trim_prefix
    try:
        return trim(word[1:] if greedy else word, value, greedy=greedy)
    except SubstitutionError as bad:
        raise WordError(str(bad)) from None
