"""A Dockerfile's stages and instructions, as BuildKit's own parser reads them.

The lines are split in ``dockerfile_lines``, what a single instruction says is read in
``dockerfile_steps``. https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from whalebuild.dockerfile.directives import Directives, read_directives
from whalebuild.dockerfile.lines import Heredoc, Instruction, split_instructions
from whalebuild.dockerfile.words import blank_separated

__all__ = ["Directives", "Dockerfile", "Heredoc", "Instruction", "Stage", "parse_dockerfile"]

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
_NAMED = 3  # base AS name
_NO_DIRECTIVES = Directives()


@dataclass(frozen=True)
class Stage:
    """One build stage; ``name`` is lower case (BuildKit's rule) and None where it has none."""

    index: int
    name: str | None
    base: str
    line: int
    instructions: tuple[Instruction, ...]
    opening: Instruction

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
    """A Dockerfile's stages, in order; ``before`` has what stands in front of the first."""

    stages: tuple[Stage, ...]
    before: tuple[Instruction, ...] = ()
    directives: Directives = _NO_DIRECTIVES

    def stage(self, name: str) -> Stage | None:
        """Find a stage by its name, in any case, or by its index written as a number."""
        wanted = name.lower()
        # Of several with one name BuildKit takes the last.
        by_name = (stage for stage in reversed(self.stages) if stage.name == wanted)
        by_index = (stage for stage in self.stages if str(stage.index) == wanted)
        return next(by_name, None) or next(by_index, None)

    def likely_dependencies(self) -> Stage | None:
        """The stage that most likely is the dependencies stage: it runs the install step.

        Where that runs on the build platform for the target (docs/platforms.md), it is the stage
        that takes the result, if it has a name and is not the last one.
        """
        named = [stage for stage in self.stages if stage.name and stage.installs]
        before_last = [stage for stage in named if stage is not self.stages[-1]]
        found = next(reversed(before_last or named), None)
        if found is None or "$BUILD" not in found.opening.text.replace("{", ""):
            return found
        taking = re.compile(rf"--from={found.name}\s", re.IGNORECASE)
        later = (s for s in self.stages[found.index + 1 : -1] if s.name)
        return next((s for s in later if any(taking.search(i.text) for i in s.instructions)), found)


def parse_dockerfile(text: str) -> Dockerfile:
    """Split a Dockerfile into stages. Never raises: what is wrong in it is BuildKit's to say."""
    directives = read_directives(text)
    stages: list[Stage] = []
    before: list[Instruction] = []
    for instruction in split_instructions(text, directives.escape):
        if instruction.keyword == "FROM":
            stages.append(_open(instruction, len(stages)))
        elif stages:
            steps = (*stages[-1].instructions, instruction)
            stages[-1] = replace(stages[-1], instructions=steps)
        else:
            before.append(instruction)
    return Dockerfile(tuple(stages), tuple(before), directives)


def _open(opening: Instruction, index: int) -> Stage:
    words = blank_separated(opening.rest)
    named = len(words) == _NAMED and words[1].lower() == "as"
    name = words[2].lower() if named else None
    base = words[0] if named or len(words) == 1 else opening.text
    return Stage(index, name, base, opening.line, (), opening)


def _only_tools(body: str) -> bool:
    without = _TOOL_ONLY.sub("", body)
    return _INSTALLS.search(without) is None
