r"""Small RUNs: a few file commands with literal paths, which need nothing else of an image.

``RUN chmod +x /app/entrypoint.sh && mkdir -p /data`` reads its tools, the directories on the way
and what it changes. Where that is not of the app base, it does on a stub that has these tools what
it does on the whole image. So only what is sure is told to be small: commands joined by ``&&``, of
a fixed grammar, without variables, patterns, redirections, comments and whatever else a shell
knows.

The grammars are those of GNU's tools and BusyBox's in what they have in common.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from whalebuild.appbase.values import WhyNot
from whalebuild.dockerfile.lines import Instruction
from whalebuild.rebase.commands import Touched
from whalebuild.values import dataclass

_BLANK = re.compile(r"[ \t]+")
# What no shell takes for anything but itself, in quotes or without. In double quotes, "$" is itself
# before "/", and so is "\" before "r".
_WORD = re.compile(r"""(?:[\w./@%+:,=-]|'[^'\n]*'|"(?:[\w./@%+:,= -]|\\r\$?(?=/))*")+""", re.ASCII)
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_PATH = re.compile(r"[\w./@%+:,= -]+", re.ASCII)
_MODE = re.compile(r"[0-7]{3,4}|[ugoa]*[-+=][rwxXst]+(?:,[ugoa]*[-+=][rwxXst]+)*", re.ASCII)
_OWNER = re.compile(
    r"[A-Za-z0-9_][\w-]*(?::(?:[A-Za-z0-9_][\w-]*)?)?|:[A-Za-z0-9_][\w-]*", re.ASCII
)
# What removes the carriage returns of another system's line ends.
_LINE_ENDS = re.compile(r"s/\\r\$?//g?")


@dataclass(frozen=True)
class SmallRun:
    """A RUN of a few file commands.

    Attributes:
        tools: The names of its commands.
        touched: What they change.
        links: Whether its last command makes a link.
    """

    tools: frozenset[str]
    touched: tuple[Touched, ...]
    links: bool = False


class _NotSmallError(ValueError):
    """A command does more than is known here. It says what, where it nearly was small."""


def small_run(step: Instruction) -> SmallRun | WhyNot:
    """Read a RUN in shell form that is run by ``/bin/sh -c``; or say why it is not small.

    Args:
        step: The instruction.
    """
    try:
        commands = [_words(part) for part in _parts(step)]
        touched = tuple(each for words in commands for each in _command(words))
    except _NotSmallError as reason:
        detail = f", and it {reason}" if str(reason) else ""
        return WhyNot(f"a command runs after the code was taken in{detail}", step.line)
    links = [words[0] == "ln" for words in commands]
    if any(links[:-1]):  # what comes after it may go through the link
        return WhyNot("a command runs after a link was made", step.line)
    return SmallRun(frozenset(words[0] for words in commands), touched, links[-1])


def _parts(step: Instruction) -> list[str]:
    if step.flags or step.heredocs:
        raise _NotSmallError
    return step.rest.split("&&")


def _words(command: str) -> list[str]:
    """The words of a simple command, quotes removed."""
    joined = command.strip(" \t")
    found: list[str] = []
    at = 0
    while at < len(joined):
        word = _WORD.match(joined, at)
        blank = _BLANK.match(joined, word.end()) if word else None
        if word is None or (blank is None and word.end() < len(joined)):
            raise _NotSmallError
        found.append(_QUOTED.sub(lambda quoted: quoted[1] or quoted[2] or "", word[0]))
        at = blank.end() if blank else word.end()
    if not found:
        raise _NotSmallError
    return found


def _command(words: Sequence[str]) -> list[Touched]:
    name, *rest = words
    if name not in _COMMANDS:
        raise _NotSmallError
    return _COMMANDS[name](rest)


def _chmod(words: list[str]) -> list[Touched]:
    flags, (mode, *paths) = _options(words, "Rvfc", least=2)
    if not _MODE.fullmatch(mode):
        raise _NotSmallError(f"has the mode {mode}")
    return _touched(paths, below="R" in flags)


def _chown(words: list[str]) -> list[Touched]:
    flags, (owner, *paths) = _options(words, "Rvfch", least=2)
    if not _OWNER.fullmatch(owner):
        raise _NotSmallError(f"has the owner {owner}")
    return _touched(paths, below="R" in flags)


def _mkdir(words: list[str]) -> list[Touched]:
    if "-m" in words[:-1]:
        at = words.index("-m")
        if not _MODE.fullmatch(words[at + 1]):
            raise _NotSmallError(f"has the mode {words[at + 1]}")
        words = words[:at] + words[at + 2 :]
    _, paths = _options(words, "pv", least=1)
    return _touched(paths)


def _rm(words: list[str]) -> list[Touched]:
    _, paths = _options(words, "rRfv", least=1)
    return _touched(paths, absent=True)


def _ln(words: list[str]) -> list[Touched]:
    flags, (_, link, *others) = _options(words, "sfnv", least=2)
    if "s" not in flags or others:
        raise _NotSmallError("makes other links than one symbolic one")
    return _touched([link], absent=True)


def _sed(words: list[str]) -> list[Touched]:
    if words[:1] != ["-i"]:
        raise _NotSmallError("is sed without -i")
    script, *paths = (words[2:] if words[1:2] == ["-e"] else words[1:]) or [""]
    if not _LINE_ENDS.fullmatch(script) or not paths or any(p.startswith("-") for p in paths):
        raise _NotSmallError("is sed for more than line ends")
    return _touched(paths, absent=True)


_COMMANDS: dict[str, Callable[[list[str]], list[Touched]]] = {
    "chmod": _chmod,
    "chown": _chown,
    "ln": _ln,
    "mkdir": _mkdir,
    "rm": _rm,
    "sed": _sed,
}


def _options(words: list[str], known: str, *, least: int) -> tuple[set[str], list[str]]:
    """The letters of a command's options, wherever they stand, and its other words."""
    flags = [word for word in words if word.startswith("-")]
    others = [word for word in words if not word.startswith("-")]
    for word in flags:
        if word == "-" or set(word[1:]) - set(known):
            raise _NotSmallError(f"has the option {word}")
    if len(others) < least:
        raise _NotSmallError("has too few words")
    return {letter for word in flags for letter in word[1:]}, others


def _touched(paths: Sequence[str], *, below: bool = False, absent: bool = False) -> list[Touched]:
    for path in paths:
        if not _PATH.fullmatch(path) or ".." in path.split("/"):
            raise _NotSmallError(f"has the path {path}")
    return [Touched(path, below, absent) for path in paths]
