"""What makes every BuildKit refuse a Dockerfile, as far as that is sure before it reads it.

Follows ``Parse`` in ``frontend/dockerfile/instructions/parse.go`` of BuildKit. Everything else that
may be wrong is BuildKit's to say: a newer one, or another frontend, may know more.
"""

from __future__ import annotations

from collections.abc import Iterator

from whalebuild.dockerfile.directives import is_docker_frontend
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.text import did_you_mean
from whalebuild.values import dataclass

# ``frontend/dockerfile/command/command.go``.
_KNOWN = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"}
    | {"MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)
_LONGEST = 20  # of a word that is worth to be shown
_FIRST = frozenset({"FROM", "ARG"})


@dataclass(frozen=True)
class Fault:
    """Why a Dockerfile is refused; ``line`` is from 1, None for the file as a whole."""

    line: int | None
    what: str
    cause: str


def find_fault(dockerfile: Dockerfile, frontend: str | None) -> Fault | None:
    """Find why no BuildKit would build a Dockerfile; None where one may.

    Args:
        dockerfile: The Dockerfile.
        frontend: The frontend that the build's arguments name; empty where they name none, None
            where that is not known.
    """
    syntax = None if frontend is None else frontend or dockerfile.directives.syntax or ""
    if syntax is None or (syntax and not is_docker_frontend(syntax)):
        return None
    found = next(_faults(dockerfile, newest=bool(syntax)), None)
    if found or dockerfile.stages:
        return found
    cause = "there is no FROM in it" if dockerfile.before else "there is no instruction in it"
    return Fault(None, "it has no stage", cause)


def _faults(dockerfile: Dockerfile, *, newest: bool) -> Iterator[Fault]:
    """Those of single lines; ``newest`` says that the frontend may be newer than what is known."""
    for each in dockerfile.before:
        if each.keyword in _KNOWN - _FIRST:
            yield Fault(
                each.line,
                f"{each.keyword} stands before the first FROM",
                "only ARG may stand there: all other instructions belong to a stage",
            )
        elif each.keyword not in _KNOWN and not dockerfile.stages:
            likely = did_you_mean(each.keyword, _FIRST)
            yield _unknown(each, likely or "a Dockerfile begins with FROM, or with ARG before it")
        elif not newest and (meant := _meant(each)):
            yield _unknown(each, meant)
    for step in (step for stage in dockerfile.stages for step in stage.instructions):
        if not newest and (meant := _meant(step)):
            yield _unknown(step, meant)


def _meant(instruction: Instruction) -> str | None:
    """What was meant by a word that is no instruction; others may be those of a newer BuildKit."""
    word = instruction.keyword
    return None if word in _KNOWN else did_you_mean(word, _KNOWN)


def _unknown(instruction: Instruction, cause: str) -> Fault:
    word = instruction.keyword
    readable = word.isascii() and word.isprintable() and len(word) <= _LONGEST
    shown = f"{word} is" if readable else "what stands there is"
    return Fault(instruction.line, f"{shown} no instruction", cause)
