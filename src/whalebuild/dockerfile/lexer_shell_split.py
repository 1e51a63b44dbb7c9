"""Splitting at white space as BuildKit's shell lexer does it (``wordsStruct`` in its lex.go)."""

from __future__ import annotations

# unicode.IsSpace of Go; str.isspace() of Python has four more.
GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
GO_SPACE += "\u200a\u2028\u2029\u202f\u205f\u3000"


class Words:
    """Collects words; ``buffer`` is shared by nested readings, as it is in BuildKit."""

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
