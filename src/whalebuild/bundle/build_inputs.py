"""The inputs of an application's build by name, and which of them its cache was not made with.

An application's cache has the steps of the build that exported it. It goes on serving later builds
as long as they differ in code alone: what runs anew then would run anew with any cache. An input
that a later build has otherwise makes steps run that another export would have saved, unless it is
another in every build (the commit as an argument, say): then no cache can have them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import field

from whalebuild.bundle.annotations import PREFIX
from whalebuild.bundle.lock import STAGE, Lock
from whalebuild.inputs.values import ContextFiles
from whalebuild.values import dataclass

_INPUTS, _CHANGED = f"{PREFIX}app.inputs", f"{PREFIX}app.changed"
_MISSED = f"{PREFIX}app.missed"
_SHORT = 16  # hex digits: they only show whether an input changed
_ROOM = 12_000  # characters of one annotation
_ALL = ("the Dockerfile", "other inputs", "files of the context")

Digests = Mapping[str, str]


@dataclass(frozen=True)
class BuildInputs:
    """Short digests of inputs by name, over all platforms. Empty where they cannot be told.

    Attributes:
        stages: The instructions of each stage.
        values: What is neither an instruction nor a file: arguments, base images, contexts.
        files: The files that an instruction reads from the context, by the instruction.
    """

    stages: Digests = field(default_factory=dict)
    values: Digests = field(default_factory=dict)
    files: Digests = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether they are known."""
        return bool(self.stages)

    def to_text(self) -> str:
        """One line of JSON."""
        return _json([dict(self.stages), dict(self.values), dict(self.files)])

    @classmethod
    def from_text(cls, text: str) -> BuildInputs:
        """Read ``to_text``; what cannot be read is not known."""
        try:
            stages, values, files = (_table(each) for each in json.loads(text))
        except (ValueError, TypeError, RecursionError):
            return cls()
        return cls(stages, values, files)


@dataclass(frozen=True)
class BuildRecord:
    """What an application's index records of its build for the decision about its cache.

    Attributes:
        inputs: Of this build.
        changed: Names of inputs that the build before it had otherwise.
        missed: Whether steps ran for which no input is the reason, although a cache was there.
    """

    inputs: BuildInputs = field(default_factory=BuildInputs)
    changed: frozenset[str] = frozenset()
    missed: bool = False

    def as_annotations(self) -> dict[str, str]:
        """The record as annotations of the image index."""
        found = {_MISSED: "true"} if self.missed else {}
        if self.inputs:
            found |= {_INPUTS: self.inputs.to_text(), _CHANGED: _json(sorted(self.changed))}
        return found


def read_record(annotations: Mapping[str, str]) -> BuildRecord:
    """Read a record; an index without one is of a build of which nothing is known."""
    inputs = BuildInputs.from_text(annotations.get(_INPUTS, ""))
    try:
        changed = frozenset(str(name) for name in json.loads(annotations.get(_CHANGED, "[]")))
    except (ValueError, TypeError, RecursionError):
        changed = frozenset()
    return BuildRecord(inputs, changed, annotations.get(_MISSED) == "true")


def build_inputs(lock: Lock, files: ContextFiles) -> BuildInputs:
    """The inputs of a build; in groups, where their names would take more than 12 KB.

    Args:
        lock: Of the application's stages.
        files: The files that they read.
    """
    names = dict.fromkeys(name for facts in lock.facts.values() for name in facts)
    facts = {name: _merged(table.get(name) for table in lock.facts.values()) for name in names}
    read: dict[str, list[str]] = {}
    for each, pairs in files.fingerprints:
        where = f" of context {each.context}" if each.context else ""
        name = f"{' '.join(each.instruction.split())}{where}"
        read.setdefault(name, []).extend(map(" ".join, pairs))
    found = BuildInputs(
        {name: digest for name, digest in facts.items() if name.startswith(STAGE)},
        {name: digest for name, digest in facts.items() if not name.startswith(STAGE)},
        {name: _digest(sorted(prints)) for name, prints in read.items()},
    )
    return found if len(found.to_text()) <= _ROOM else _grouped(found)


def record_of(inputs: BuildInputs, last: BuildRecord) -> BuildRecord:
    """The record of a build that follows another one."""
    now, before = _flat(inputs), _flat(last.inputs)
    changed = (name for name, digest in now.items() if before and before.get(name) != digest)
    return BuildRecord(inputs, frozenset(changed))


def not_made_with(
    exported: BuildInputs, record: BuildRecord, last: BuildRecord
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find the inputs that a cache was not made with, and that a new one would be of use for.

    An instruction always counts. Anything else does not as long as it is another in every build:
    if the last build had it otherwise than the one before, and this one has it otherwise again.

    Args:
        exported: The inputs of the build that exported the cache.
        record: Of the build that is to use it.
        last: Of the last build that was published.

    Returns:
        Instructions and values; and instructions that read other files.
    """
    varying = record.changed & last.changed
    now = record.inputs
    stages = _differing(now.stages, exported.stages)
    values = (n for n in _differing(now.values, exported.values) if n not in varying)
    files = (n for n in _differing(now.files, exported.files) if n not in varying)
    return (*stages, *values), tuple(files)


def _grouped(inputs: BuildInputs) -> BuildInputs:
    """One digest for all instructions, one for all values, and one for all files."""
    groups = (inputs.stages, inputs.values, inputs.files)
    return BuildInputs(*({_ALL[n]: _digest(sorted(groups[n].items()))} for n in range(3)))


def _differing(now: Digests, before: Digests) -> list[str]:
    return [name for name, digest in now.items() if before.get(name) != digest]


def _flat(inputs: BuildInputs) -> dict[str, str]:
    return {**inputs.stages, **inputs.values, **inputs.files}


def _merged(digests: Iterable[str | None]) -> str:
    """One digest for all platforms."""
    each = list(digests)
    return each[0] or "" if len(set(each)) == 1 else _digest(each)


def _digest(value: object) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()[:_SHORT]


def _table(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise TypeError("not a table of texts")
    return found


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
