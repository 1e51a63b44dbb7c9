"""Groups of a lock's files, for locks with too many files for an annotation.

Each grouping is made from the finer one before it, so that two locks can always be compared at the
coarser of their groupings. Manifests and lock files of dependencies keep their names as long as
possible, because a plan names them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from whalebuild.dockerfile.dependencies import is_manifest

# Files by top folder; all code as one; everything as one.
BY_FOLDER, CODE, ALL = 1, 2, 3
COARSEST = ALL
_CODE_NAME = "code"
_ALL_NAME = "files"


def group_name(name: str, grouping: int) -> str:
    """The name of a file, or of its group, at a grouping."""
    context, colon, path = name.rpartition(": ") if name.startswith("context ") else ("", "", name)
    if grouping >= ALL:
        return _ALL_NAME
    if grouping == 0 or is_manifest(path) or name in {_CODE_NAME, _ALL_NAME}:
        return name
    if grouping == CODE:
        return _CODE_NAME
    folder, slash, _ = path.partition("/")
    return f"{context}{colon}{folder}/" if slash else f"{context}{colon}files at the top"


def group_files(files: Mapping[str, str], grouping: int) -> dict[str, str]:
    """Group files (digests by name) step by step up to ``grouping``."""
    result = dict(files)
    for step in range(1, grouping + 1):
        result = _group(result, lambda name, step=step: group_name(name, step))  # type: ignore[misc]
    return result


def _group(files: Mapping[str, str], group: Callable[[str], str]) -> dict[str, str]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, digest in sorted(files.items()):
        groups.setdefault(group(name), []).append((name, digest))
    return {
        name: members[0][1] if [m for m, _ in members] == [name] else _digest(members)
        for name, members in groups.items()
    }


def _digest(members: list[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps(members).encode()).hexdigest()[:16]
