"""Single instructions with their flags and operands, as typed values.

Follows ``frontend/dockerfile/instructions`` of BuildKit. Variables are not replaced here, which is
the work of ``inputs.closure``.
https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from whalebuild.dockerfile.lexer import WordError
from whalebuild.dockerfile.lines import Heredoc, Instruction, heredoc_word
from whalebuild.dockerfile.words import ListError, blank_separated, quoted_words, words_or_list
from whalebuild.values import dataclass

# Flag → whether it may be given several times.
_COPY_FLAGS = {"from": False, "chown": False, "chmod": False, "link": False, "parents": False}
_COPY_FLAGS |= {"exclude": True}
_ADD_FLAGS = {"chown": False, "chmod": False, "link": False, "keep-git-dir": False}
_ADD_FLAGS |= {"checksum": False, "unpack": False, "exclude": True}
_RUN_FLAGS = {"mount": True, "network": False, "security": False, "device": True}
_FROM_FLAGS = {"platform": False}
_BOOLEANS = frozenset({"link", "parents", "keep-git-dir", "unpack"})
_STAGE_NAME = re.compile(r"[a-z][a-z0-9._-]*", re.ASCII)
_MOUNT_TYPES = frozenset({"bind", "cache", "tmpfs", "secret", "ssh"})
_LONG_NAMES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
# Options of a mount that need no value.
_WITHOUT_VALUE = frozenset({"readonly", "readwrite", "required"})
_OPERANDS = 2  # at least a source and a destination
_MANY = 4000  # instructions of all Dockerfiles of a project


class StepError(ValueError):
    """BuildKit refuses the instruction, or it has a flag that is not known here."""


@dataclass(frozen=True)
class From:
    """FROM: base and platform as written, the name in lower case."""

    base: str
    name: str | None
    platform: str | None


@dataclass(frozen=True)
class Copy:
    """COPY and ADD.

    Attributes:
        sources: Paths, URLs and git references, as written.
        documents: Heredocs among the sources.
        destination: As written.
        origin: ``--from``: a stage, its index, an image or a named context.
        excludes: ``--exclude`` patterns, in which BuildKit replaces no variables.
        parents: ``--parents``.
        link: ``--link``.
        checksum: ``--checksum``, as written.
        chown: ``--chown``, as written.
        chmod: ``--chmod``, as written.
    """

    sources: tuple[str, ...]
    documents: tuple[Heredoc, ...]
    destination: str
    origin: str | None = None
    excludes: tuple[str, ...] = ()
    parents: bool = False
    link: bool = False
    checksum: str | None = None
    chown: str | None = None
    chmod: str | None = None


@dataclass(frozen=True)
class Mount:
    """One ``RUN --mount``, variables replaced; ``options`` has all, by their long names."""

    kind: str
    origin: str | None
    source: str
    target: str
    id: str | None
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Run:
    """RUN; ``mounts`` are the values of ``--mount``, which ``read_mount`` reads."""

    mounts: tuple[str, ...]
    network: str | None
    security: str | None


def read_from(step: Instruction) -> From:
    """Read FROM.

    Raises:
        StepError: It is not well formed.
    """
    flags = _flags(step, _FROM_FLAGS)
    words = blank_separated(step.rest)
    match words:
        case [base]:
            name = None
        case [base, middle, name] if middle.lower() == "as":
            name = name.lower()
            if not _STAGE_NAME.fullmatch(name):
                raise StepError(f"{name} cannot be the name of a stage")
        case _:
            raise StepError("FROM takes one or three words")
    return From(base, name, _one(flags, "platform"))


@lru_cache(maxsize=_MANY)
def read_copy(step: Instruction) -> Copy:
    """Read COPY or ADD. A plan asks for each many times.

    Raises:
        StepError: It is not well formed, or it has a flag that is not known.
    """
    flags = _flags(step, _ADD_FLAGS if step.keyword == "ADD" else _COPY_FLAGS)
    try:
        operands = words_or_list(step.rest)
        inline = {word for word in operands if heredoc_word(word)}
    except (ListError, WordError) as bad:
        raise StepError(str(bad)) from None
    if len(operands) < _OPERANDS or operands[-1] in inline:
        raise StepError(f"{step.keyword} needs a source and a destination")
    return Copy(
        sources=tuple(word for word in operands[:-1] if word not in inline),
        documents=step.documents,
        destination=operands[-1],
        origin=_one(flags, "from") or None,
        excludes=tuple(flags.get("exclude", ())),
        parents=_one(flags, "parents") == "true",
        link=_one(flags, "link") == "true",
        checksum=_one(flags, "checksum") or None,
        chown=_one(flags, "chown") or None,
        chmod=_one(flags, "chmod") or None,
    )


def read_run(step: Instruction) -> Run:
    """Read RUN.

    Raises:
        StepError: It has a flag that is not known.
    """
    flags = _flags(step, _RUN_FLAGS)
    return Run(tuple(flags.get("mount", ())), _one(flags, "network"), _one(flags, "security"))


def read_mount(value: str, expand: Callable[[str, str], str]) -> Mount:
    """Read one ``--mount``; ``expand(option, text)`` replaces variables in a value.

    Raises:
        StepError: It is not well formed.
    """
    fields = _csv(value)
    options: list[tuple[str, str]] = []
    for key, equals, written in (field.partition("=") for field in fields):
        name = _LONG_NAMES.get(key.lower(), key.lower())
        if name == "from" and "$" in written[:-1]:
            raise StepError("a mount's from takes no variables")
        if not equals and name not in _WITHOUT_VALUE | {"rw"}:
            raise StepError(f"{key} of a mount needs a value")
        options.append((name, expand(name, written) if equals else "true"))
    found = dict(options)
    kind = found.get("type", "bind").lower()
    if kind not in _MOUNT_TYPES:
        raise StepError(f"{kind} is not a type of mount")
    return Mount(
        kind=kind,
        origin=found.get("from") or None,
        source=found.get("source", ""),
        target=found.get("target", ""),
        id=found.get("id") or None,
        options=tuple(options),
    )


def read_args(step: Instruction, escape: str) -> tuple[tuple[str, str | None], ...]:
    """Read ARG: names and defaults as written, quotes included.

    Raises:
        StepError: A name is missing.
    """
    words = quoted_words(step.rest, escape)
    found = [(word.partition("=")[0], word.partition("=")[1:]) for word in words]
    if not found or not all(name for name, _ in found):
        raise StepError("ARG needs a name")
    return tuple((name, value if equals else None) for name, (equals, value) in found)


def _csv(value: str) -> list[str]:
    if '"' not in value:
        return value.split(",")
    try:
        (fields,) = csv.reader([value], strict=True)
    except (csv.Error, ValueError) as bad:
        raise StepError(f"a mount is not well formed: {bad}") from None
    return fields


def _flags(step: Instruction, known: Mapping[str, bool]) -> dict[str, list[str]]:
    if step.refused:
        raise StepError(step.refused)
    found: dict[str, list[str]] = {}
    for flag in step.flags:
        name, equals, value = flag.removeprefix("--").partition("=")
        if name not in known:
            raise StepError(f"--{name} is not a flag of {step.keyword}")
        if name in found and not known[name]:
            raise StepError(f"--{name} is given twice")
        if name in _BOOLEANS:
            value = value.lower() if equals else "true"
            if value not in {"true", "false"}:
                raise StepError(f"--{name} is true or false")
        elif not equals:
            raise StepError(f"--{name} needs a value")
        found.setdefault(name, []).append(value)
    return found


def _one(flags: Mapping[str, list[str]], name: str) -> str | None:
    return flags[name][-1] if name in flags else None
