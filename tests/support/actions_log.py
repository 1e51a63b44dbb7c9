"""A step's log as GitHub's runner reads it: which lines are commands, and what they say.

``src/Runner.Common/ActionCommand.cs`` and ``src/Runner.Worker/ActionCommandManager.cs`` of
https://github.com/actions/runner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_KNOWN = {"error", "warning", "notice", "group", "endgroup", "add-mask", "debug", "stop-commands"}
_KNOWN |= {"set-output", "save-state", "set-env", "add-path", "add-matcher", "echo"}


@dataclass(frozen=True)
class Command:
    """One command: its name, its properties and its data."""

    name: str
    properties: dict[str, str]
    data: str


@dataclass
class Log:
    """What the runner made of a log.

    Attributes:
        commands: Those that it carried out.
        shown: The lines that it showed.
        depth: How many groups are open.
        stopped: The token that commands are waiting for.
    """

    commands: list[Command] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    depth: int = 0
    stopped: str | None = None

    def named(self, name: str) -> list[Command]:
        return [each for each in self.commands if each.name == name]


def read_log(lines: Iterable[str]) -> Log:
    log = Log()
    for line in lines:
        known = _KNOWN | ({log.stopped} if log.stopped else set())
        command = _new_style(line, known) or _old_style(line, known)
        if command is None or (log.stopped and command.name != log.stopped):
            log.shown.append(line)
        elif log.stopped:
            log.stopped = None
        elif command.name == "stop-commands":
            assert command.data, "the runner refuses an empty token"
            assert command.data not in _KNOWN
            log.stopped = command.data
        else:
            log.depth += {"group": 1, "endgroup": -1}.get(command.name, 0)
            log.commands.append(command)
    return log


def _new_style(line: str, known: set[str]) -> Command | None:
    found = re.match(r"::(.*?)::(.*)", line.lstrip(), re.DOTALL)
    return _command(found[1], found[2], ",", _NEW, known) if found else None


def _old_style(line: str, known: set[str]) -> Command | None:
    found = re.search(r"##\[([^\]]*)\](.*)", line, re.DOTALL)
    return _command(found[1], found[2], ";", _OLD, known) if found else None


_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_NEW = (*_DATA[:2], ("%3A", ":"), ("%2C", ","), _DATA[2])
_OLD = (("%3B", ";"), *_DATA[:2], ("%5D", "]"), _DATA[2])


def _command(
    info: str, data: str, comma: str, escapes: tuple[tuple[str, str], ...], known: set[str]
) -> Command | None:
    name, _, rest = info.partition(" ")
    if name not in known:
        return None
    pairs = [p.split("=", 1) for p in rest.strip().split(comma) if "=" in p and p.split("=", 1)[1]]
    properties = {key: _unescaped(value, escapes) for key, value in pairs}
    return Command(name, properties, _unescaped(data, _DATA if comma == "," else _OLD))


def _unescaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    for escaped, plain in escapes:
        text = text.replace(escaped, plain)
    return text
