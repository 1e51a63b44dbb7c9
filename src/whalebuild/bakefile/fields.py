"""Attributes of a target that have fields of their own: outputs, caches, secrets, ssh keys.

``bake --print`` has them as objects since buildx 0.20; before it, and on a command line, they are
written in one line, ``type=local,dest=out`` (``util/buildflags`` of docker/buildx).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any


def fields_of(written: object) -> Mapping[str, Any]:
    """The fields of one entry; a word without ``=`` has the value None."""
    if isinstance(written, Mapping):
        return written
    found: dict[str, Any] = {}
    try:
        words = next(csv.reader([str(written)]), [])
    except csv.Error:  # a line break, say; buildx refuses it
        return found
    for field in words:
        key, given, value = field.partition("=")
        found[key.strip().lower()] = value if given else None
    return found


def output_fields(written: object) -> Mapping[str, Any]:
    """The fields of an output: a plain word is the folder of ``type=local``."""
    found = fields_of(written)
    if len(found) == 1 and None in found.values():
        word = str(written)
        return {"type": "tar" if word == "-" else "local", "dest": word}
    return found


def ssh_fields(written: object) -> tuple[str, tuple[str, ...]]:
    """The name of an ssh agent or key, and its paths: ``default=key,other``."""
    if isinstance(written, Mapping):
        return str(written.get("id") or "default"), tuple(written.get("paths") or ())
    name, given, paths = str(written).partition("=")
    return name, tuple(paths.split(",")) if given else ()
