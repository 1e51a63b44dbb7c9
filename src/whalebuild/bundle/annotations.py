"""A lock as annotations of an image index, ``dev.whalebuild.*``, and back.

Values are strings (https://github.com/opencontainers/image-spec/blob/main/annotations.md).
Registries limit an index to 4 MiB; a lock stays far below, since every plan downloads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from whalebuild.bundle.lock import SCHEME, ByPlatform, Lock
from whalebuild.bundle.lock_grouping import COARSEST
from whalebuild.values import dataclass

PREFIX = "dev.whalebuild."
SCHEME_KEY = f"{PREFIX}scheme"
_KEY, _KEYS = f"{PREFIX}key", f"{PREFIX}keys"
_FACTS, _FILES, _GROUPING = f"{PREFIX}facts", f"{PREFIX}files", f"{PREFIX}files-grouping"
_BASES = f"{PREFIX}bases"
_ROOM = 12_000  # characters of one annotation
_EVERYWHERE = ""  # the table of what is the same on all platforms


@dataclass(frozen=True)
class NoLock:
    """There is no lock that can be read; ``reason`` says why."""

    reason: str


def to_annotations(lock: Lock) -> dict[str, str]:
    """Write a lock; files are grouped where they would take more than 12 KB."""
    for grouping in range(lock.grouping, COARSEST + 1):
        smaller = lock.grouped(grouping)
        files = _json(_fold(smaller.files))
        if len(files) <= _ROOM:
            break
    facts = _json(_fold(lock.facts))
    return {
        SCHEME_KEY: str(lock.scheme),
        _KEY: lock.key,
        _KEYS: _json(dict(lock.keys)),
        # Without facts a plan still sees that something has changed, but not what.
        _FACTS: facts if len(facts) <= _ROOM else "{}",
        _FILES: files,
        _GROUPING: str(smaller.grouping),
        _BASES: _json(_fold(lock.bases)),
    }


def from_annotations(annotations: Mapping[str, str]) -> Lock | NoLock:
    """Read a lock; other annotations are ignored."""
    scheme = annotations.get(SCHEME_KEY)
    if scheme is None:
        return NoLock("it has no lock")
    if scheme != str(SCHEME):
        return NoLock(f"its lock is of another version of whalebuild (scheme {scheme})")
    try:
        keys = _strings(json.loads(annotations[_KEYS]))
        lock = Lock(
            keys=keys,
            facts=_unfold(annotations[_FACTS], keys),
            files=_unfold(annotations[_FILES], keys),
            bases=_unfold(annotations[_BASES], keys),
            grouping=int(annotations[_GROUPING]),
        )
    except (KeyError, ValueError, TypeError, RecursionError):
        return NoLock("its lock is damaged")
    if lock.key != annotations.get(_KEY) or lock.grouping not in range(COARSEST + 1):
        return NoLock("its lock is damaged")
    return lock


def _fold(by_platform: ByPlatform) -> dict[str, dict[str, str]]:
    """Tables by platform; entries that all platforms share are in one table of their own."""
    tables = [set(table.items()) for table in by_platform.values()]
    common = set.intersection(*tables) if tables else set()
    own = {
        platform: dict(sorted(set(table.items()) - common))
        for platform, table in by_platform.items()
    }
    folded = {_EVERYWHERE: dict(sorted(common)), **own}
    return {platform: table for platform, table in folded.items() if table}


def _unfold(text: str, platforms: Mapping[str, str]) -> dict[str, dict[str, str]]:
    folded = json.loads(text)
    if not isinstance(folded, dict):
        raise TypeError("not a table of tables")
    tables = {platform: _strings(table) for platform, table in folded.items()}
    common = tables.get(_EVERYWHERE, {})
    return {platform: {**common, **tables.get(platform, {})} for platform in platforms}


def _strings(table: Any) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(item, str) for item in table.values()):
        raise TypeError("not a table of strings")
    return table


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
