"""From a Dockerfile's text to its instructions, split exactly as BuildKit splits them.

Follows ``frontend/dockerfile/parser/parser.go`` of BuildKit: the escape character, comments and
blank lines inside continued instructions, and the heredocs of RUN, COPY and ADD.
https://docs.docker.com/reference/dockerfile/#here-documents
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whalebuild.dockerfile.lexer import GO_SPACE, NO_TEXT, Lexer, WordError, unset
from whalebuild.dockerfile.words import ListError, json_list, split_command, split_flags
from whalebuild.values import dataclass

_WITH_HEREDOC = frozenset({"RUN", "COPY", "ADD"})
_HEREDOC = re.compile(r"(\d*)<<(-?)[ \t\n\f\r]*([^<]*)\Z", re.ASCII)
_SHIFT = re.compile(r"<<[ \t]")
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)
_ONBUILD = re.compile(r"\A\s*ONBUILD\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Heredoc:
    """A document in the Dockerfile itself.

    Attributes:
        name: The word that ends it, without quotes.
        content: Its lines as written, line ends included.
        descriptor: The file descriptor before ``<<``; 0 where there is none.
        expands: Whether COPY and ADD replace variables in it: no part of the word was quoted.
        chomps: Whether leading tabs are removed (``<<-``).
    """

    name: str
    content: str
    descriptor: int = 0
    expands: bool = True
    chomps: bool = False

    @property
    def body(self) -> str:
        """The content as it is used, without the last line's end."""
        content = _LEADING_TABS.sub("", self.content) if self.chomps else self.content
        return content.removesuffix("\n")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        line: Where it begins, from 1.
        keyword: In upper case.
        text: Everything after the keyword, continued lines joined.
        heredocs: The bodies of its heredocs.
        end: Its last line, heredocs included.
        flags: The leading words that begin with ``--``.
        rest: What follows the flags.
        documents: Its heredocs in full.
        whole: Keyword and text as written.
        refused: Why BuildKit would not read it; None if it would.
    """

    line: int
    keyword: str
    text: str
    heredocs: tuple[str, ...] = ()
    end: int = 0
    flags: tuple[str, ...] = ()
    rest: str = ""
    documents: tuple[Heredoc, ...] = ()
    whole: str = ""
    refused: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is all UTF-8; other bytes are kept as ``surrogateescape`` has them."""
        return not any(NO_TEXT.search(text) for text in (self.whole, *self.heredocs))

    @property
    def trigger(self) -> str:
        """The instruction after ONBUILD, heredocs included, as BuildKit keeps it in the image."""
        documents = (f"\n{document.content}{document.name}" for document in self.documents)
        return "".join([_ONBUILD.sub("", self.whole), *documents])


def split_instructions(text: str, escape: str) -> Iterator[Instruction]:
    """Split a text into instructions. Never raises: see ``Instruction.refused``."""
    lines = _Lines(text)
    continued = re.compile(rf"([^{re.escape(escape)}]|^){re.escape(escape)}[ \t]*\Z", re.DOTALL)
    for number, first in lines:
        line: str | None = _without_comment(first.lstrip(GO_SPACE))
        parts = []
        while line is not None:
            found = continued.search(line)
            parts.append(line[: found.end(1)] if found else line)
            line = lines.next_part() if found else None
        whole = "".join(parts)
        if whole.strip(GO_SPACE):
            yield _instruction(whole, number, lines, escape)


class _Lines:
    """The numbered lines; instructions, continuations and heredocs take them in turn."""

    def __init__(self, text: str) -> None:
        self.lines = text.removeprefix("\ufeff").split("\n")
        self.complete = len(self.lines) - 1  # the last has no line end
        self.at = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while self.at < len(self.lines):
            self.at += 1
            yield self.at, self.lines[self.at - 1].rstrip("\r")

    def next_part(self) -> str | None:
        """The next line of a continued instruction; comments and blank lines are skipped."""
        for _, line in self:
            if line.strip(GO_SPACE) and not line.lstrip(GO_SPACE).startswith("#"):
                return line
        return None

    def document(self, word: str, *, chomps: bool) -> tuple[str, bool]:
        """Read a heredoc up to the line ``word``: its content, and whether that line was found."""
        content: list[str] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            ended = "\n" if self.at < self.complete else ""
            self.at += 1
            candidate = line.rstrip("\r")
            if (candidate.lstrip("\t") if chomps else candidate) == word:
                return "".join(content), True
            content.append(line + ended)
        return "".join(content), False


def _instruction(whole: str, number: int, lines: _Lines, escape: str) -> Instruction:
    keyword, text = split_command(whole)
    flags, rest = split_flags(text, escape)
    documents: list[Heredoc] = []
    refused = None
    if "<<" in whole and _may_have_heredocs(keyword.upper(), rest, escape):
        for found in heredoc_words(whole):
            begun = lines.at
            content, ended = lines.document(found.name, chomps=found.chomps)
            documents.append(
                Heredoc(found.name, content, found.descriptor, found.expands, found.chomps)
            )
            if not ended:
                refused = f"the heredoc {found.name} does not end"
                if _SHIFT.search(whole):  # to BuildKit $((1 << 2)) looks like a heredoc, too
                    lines.at = begun
                    documents.clear()
                break
    return Instruction(
        line=number,
        keyword=keyword.upper(),
        text=text,
        heredocs=tuple(document.body for document in documents),
        end=lines.at if documents else _last_line(lines, number),
        flags=flags,
        rest=rest,
        documents=tuple(documents),
        whole=whole.strip(GO_SPACE),
        refused=refused,
    )


def _last_line(lines: _Lines, first: int) -> int:
    """The last line of an instruction that is not empty."""
    end = min(lines.at, len(lines.lines))
    while end > first and not lines.lines[end - 1].strip(GO_SPACE):
        end -= 1
    return end


def _may_have_heredocs(keyword: str, rest: str, escape: str) -> bool:
    if keyword == "ONBUILD":
        keyword, text = split_command(rest)
        keyword, rest = keyword.upper(), split_flags(text, escape)[1]
    try:
        return keyword in _WITH_HEREDOC and json_list(rest) is None
    except ListError:
        return False


def heredoc_words(text: str) -> list[Heredoc]:
    """Find the heredocs that a line begins, without their content."""
    try:
        words = Lexer(raw_quotes=True, raw_escapes=True, skip_unset=True).words(text, unset)
        found = [heredoc_word(word) for word in words]
    except WordError:
        return []
    return [heredoc for heredoc in found if heredoc]


def heredoc_word(word: str) -> Heredoc | None:
    """Read ``[n]<<[-]WORD``; None where it is another word.

    Raises:
        WordError: The end word is not well formed.
    """
    found = _HEREDOC.match(word)
    if not found or not found[3]:
        return None
    names = Lexer(skip_unset=True).words(found[3], unset)
    if len(names) != 1:
        return None
    raw = Lexer(raw_quotes=True, skip_unset=True).words(found[3], unset)
    expands = _quotes(names[0]) == _quotes(raw[0])
    return Heredoc(names[0], "", int(found[1] or 0), expands, found[2] == "-")


def _quotes(word: str) -> int:
    return word.count("'") + word.count('"')


def _without_comment(line: str) -> str:
    return "" if line.startswith("#") else line
