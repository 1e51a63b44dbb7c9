"""A Dockerfile's stages and instructions, split into lines as BuildKit's own parser does.

Follows ``frontend/dockerfile/parser`` of BuildKit: parser directives, the escape character,
comments and blank lines inside continued instructions, and heredocs of RUN, COPY and ADD.
https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"(?:^|\s)\d*<<(-?)(['\"]?)([^\s<'\"]+)\2(?=\s|$)")
_FROM = re.compile(r"(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*", re.IGNORECASE)
_QUOTED = re.compile(r"""(<<-?)?("(?:\\.|[^"\\])*"|'[^']*')""")
_DIRECTIVES = frozenset({"syntax", "escape", "check"})
_WITH_HEREDOC = frozenset({"RUN", "COPY", "ADD"})

# A RUN that installs packages of a language (not of the system: that is the base stage's work).
_INSTALLS = re.compile(
    r"\b(?:pip3?|uv\s+pip)\s+(?:[^\s&|;]+\s+)*?(?:install|wheel|sync)\b"
    r"|\b(?:uv\s+sync|poetry\s+install|pdm\s+(?:install|sync)|pipenv\s+(?:install|sync)"
    r"|conda\s+(?:install|env\s+create)|mamba\s+install|pip-sync|npm\s+(?:ci|install)"
    r"|yarn\s+install|pnpm\s+install|bundle\s+install|composer\s+install|go\s+mod\s+download)\b"
)
# Installs of tools that are not yet the application's dependencies.
_TOOL_ONLY = re.compile(
    r"\binstall\b(?:\s+-\S+)*\s+"
    r"(?:['\"]?(?:pip|uv|poetry|pdm|pipenv|setuptools|wheel)\b[^\s;&]*[ \t]*)+"
    r"(?=$|&&|;|\|\|)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Instruction:
    """One instruction: its line (from 1), keyword in upper case, and the rest, joined."""

    line: int
    keyword: str
    text: str
    heredocs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One build stage; ``name`` is lower case (BuildKit's rule) and None where it has none."""

    index: int
    name: str | None
    base: str
    line: int
    instructions: tuple[Instruction, ...]

    @property
    def label(self) -> str:
        """What to call it in a message."""
        return self.name or f"stage {self.index} (line {self.line}, unnamed)"

    @property
    def installs(self) -> Instruction | None:
        """The first RUN that installs the application's dependencies."""
        for step in self.instructions:
            if step.keyword == "RUN":
                body = "\n".join([step.text, *step.heredocs])
                if _INSTALLS.search(body) and not _only_tools(body):
                    return step
        return None


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile's stages, in order."""

    stages: tuple[Stage, ...]

    def stage(self, name: str) -> Stage | None:
        """Find a stage by its name, in any case, or by its index written as a number."""
        wanted = name.lower()
        by_name = (stage for stage in self.stages if stage.name == wanted)
        by_index = (stage for stage in self.stages if str(stage.index) == wanted)
        return next(by_name, None) or next(by_index, None)

    def likely_dependencies(self) -> Stage | None:
        """The stage that most likely is the dependencies stage: it runs the install step."""
        named = [stage for stage in self.stages if stage.name and stage.installs]
        before_last = [stage for stage in named if stage is not self.stages[-1]]
        return next(reversed(before_last or named), None)


def parse_dockerfile(text: str) -> Dockerfile:
    """Split a Dockerfile into stages. Never raises: what is wrong in it is BuildKit's to say."""
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.keyword == "FROM":
            found = _FROM.fullmatch(instruction.text)
            name = found["name"].lower() if found and found["name"] else None
            base = found["base"] if found else instruction.text
            stages.append(Stage(len(stages), name, base, instruction.line, ()))
        elif stages:
            last = stages[-1]
            steps = (*last.instructions, instruction)
            stages[-1] = Stage(last.index, last.name, last.base, last.line, steps)
    return Dockerfile(tuple(stages))


def _instructions(text: str) -> Iterator[Instruction]:
    lines = text.removeprefix("\ufeff").removesuffix("\n").split("\n")
    lines = [line.rstrip("\r") for line in lines]
    escape = _escape(lines)
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    numbered = iter(enumerate(lines, start=1))
    for number, first in numbered:
        if _skipped(first):
            continue
        parts, line = [], first.lstrip()
        while continued.search(line):
            parts.append(continued.sub("", line))
            line = next((text for _, text in numbered if not _skipped(text)), "")
        parts.append(line)
        keyword, text = [*"".join(parts).strip().split(maxsplit=1), "", ""][:2]
        keyword = keyword.upper()
        inner = [*text.split(maxsplit=1), ""][0].upper() if keyword == "ONBUILD" else keyword
        heredocs = _heredocs(text, numbered) if inner in _WITH_HEREDOC else ()
        yield Instruction(number, keyword, text, heredocs)


def _skipped(line: str) -> bool:
    """Comments and blank lines count nowhere, not even inside a continued instruction."""
    return not line.strip() or line.lstrip().startswith("#")


def _escape(lines: list[str]) -> str:
    """Read the ``escape`` directive; directives end at the first line that is not one."""
    for line in lines:
        directive = _DIRECTIVE.match(line.strip())
        if not directive or directive[1].lower() not in _DIRECTIVES:
            break
        if directive[1].lower() == "escape":
            return "`" if directive[2] == "`" else "\\"
    return "\\"


def _heredocs(text: str, numbered: Iterator[tuple[int, str]]) -> tuple[str, ...]:
    bodies = []
    unquoted = _QUOTED.sub(lambda found: found[0] if found[1] else "''", text)
    for dash, _, word in _HEREDOC.findall(unquoted):
        body: list[str] = []
        for _, line in numbered:
            content = line.lstrip("\t") if dash else line
            if content == word:
                break
            body.append(content)
        bodies.append("\n".join(body))
    return tuple(bodies)


def _only_tools(body: str) -> bool:
    without = _TOOL_ONLY.sub("", body)
    return _INSTALLS.search(without) is None
