"""What may come next on a command line. Pure: values are asked of whoever knows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

from whalebuild.cli.pages import Entry, Page
from whalebuild.values import dataclass

# ``json|text``: a value that names itself.
_CHOICE = re.compile(r"[a-z][\w-]*(\|[\w-]+)+")
_PATHS = ("FILE", "DIRECTORY", "FOLDER", "PATH", "PART")

Candidate = tuple[str, str]
# Values of a kind, such as TARGET, with what was given before it.
Values = Callable[[str, "Given"], Iterable[Candidate]]


@dataclass
class Given:
    """What stands before the word that is to be completed.

    Attributes:
        page: The verb.
        options: Values of options by their first name.
        words: What is not an option.
        open: The option whose value comes next.
        ended: Whether ``--`` has ended options.
    """

    page: Page
    options: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    open: Entry | None = None
    ended: bool = False

    def take(self, word: str) -> None:
        """Read one more word."""
        if self.open:
            self._option(self.open, word)
            self.open = None
        elif not self.ended and word == "--":
            self.ended = True
        elif not self.ended and word.startswith("-") and word != "-":
            self._flag(word)
        elif below := [each for each in self.page.commands if each.name == word]:
            self.page = below[0]
        else:
            self.words.append(word)

    def _flag(self, word: str) -> None:
        name, joined, value = word.partition("=")
        if not word.startswith("--"):
            name, value = word[:2], word[2:]
            joined = value
        entry = entry_of(self.page, name)
        if entry and entry.value and not joined:
            self.open = entry
        elif entry:
            self._option(entry, value)

    def _option(self, entry: Entry, value: str) -> None:
        self.options.setdefault(entry.flags[0], []).append(value)


@dataclass(frozen=True)
class Answer:
    """Candidates, and whether files are wanted in their place."""

    candidates: tuple[Candidate, ...] = ()
    files: bool = False


def entry_of(page: Page, flag: str) -> Entry | None:
    """The option of a verb by one of its names."""
    return next((each for each in page.options if flag in (*each.flags, *each.off)), None)


def answer(root: Page, words: Sequence[str], values: Values) -> Answer:
    """What the last of these words may become.

    Args:
        root: The page of the command line itself.
        words: What follows its name; the last word is the one to be completed, maybe empty.
        values: Knows the values of a kind.
    """
    given = Given(root)
    for word in words[:-1]:
        given.take(word)
    current = words[-1] if words else ""
    if given.open:
        return _values(given.open.value or "", current, given, values)
    if current.startswith("-") and not given.ended:
        flag, joined, begun = current.partition("=")
        entry = entry_of(given.page, flag) if joined else None
        if entry and entry.value:
            found = _values(entry.value, begun, given, values)
            return Answer(tuple((f"{flag}={v}", a) for v, a in found.candidates), found.files)
        return Answer(tuple(_begun(_flags(given.page), current)))
    if given.page.commands:
        verbs = ((each.name, each.about[0] if each.about else "") for each in given.page.commands)
        return Answer(tuple(_begun(verbs, current)))
    argument = _argument(given)
    return _values(argument.value or "", current, given, values) if argument else Answer()


def _flags(page: Page) -> Iterable[Candidate]:
    for entry in page.options:
        for flag in (*entry.flags, *entry.off):
            if flag.startswith("--"):
                yield flag, entry.about


def _argument(given: Given) -> Entry | None:
    """The argument whose turn it is; the last one may take many."""
    arguments, at = given.page.arguments, len(given.words)
    if at < len(arguments):
        return arguments[at]
    last = arguments[-1] if arguments else None
    return last if last and (last.value or "").endswith("...") else None


def _values(value: str, current: str, given: Given, values: Values) -> Answer:
    kind = value.removesuffix("...")
    if kind in _PATHS:
        return Answer(files=True)
    if _CHOICE.fullmatch(kind):
        return Answer(tuple(_begun(((word, "") for word in kind.split("|")), current)))
    if kind != "PLATFORM":
        taken = given.words if value.endswith("...") else []
        those = [(word, about) for word, about in values(kind, given) if word not in taken]
        return Answer(tuple(_begun(those, current)))
    # Several of them are written with commas between.
    before, comma, begun = current.rpartition(",")
    those = [each for each in values(kind, given) if each[0] not in before.split(",")]
    return Answer(tuple((f"{before}{comma}{v}", a) for v, a in _begun(those, begun)))


def _begun(candidates: Iterable[Candidate], current: str) -> Iterable[Candidate]:
    return (each for each in candidates if each[0].startswith(current))


def files_given(options: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The files that ``--file`` names."""
    return options.get("--file", ())
