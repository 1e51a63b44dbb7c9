"""Paths on a command line, for a command that runs in another folder than the one it is typed in.

The user means them relative to where he stands: those of flags, and those in values of ``--set``
(``AddOverrides`` in ``bake/bake.go`` of docker/buildx says which have paths).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from posixpath import isabs, join, normpath

from whalebuild.bakefile.contexts import is_remote

# Which fields of a value are paths.
_FIELDS: Mapping[str, Collection[str]] = {
    "secret": ("src", "source"),
    "secrets": ("src", "source"),
    "output": ("dest",),
    "cache-from": ("src",),
    "cache-to": ("dest",),
}
_OF_FILES = frozenset({"fs", "fs.read", "fs.write"})
_ANYWHERE = "*"


def rebased(path: str, prefix: str) -> str:
    """A path as another folder has it.

    Args:
        path: Relative to where the user stands, or absolute.
        prefix: Where he stands, relative to that folder.
    """
    return path if isabs(path) or not path else normpath(join(prefix, path))


def rebased_allow(value: str, prefix: str) -> str:
    """A value of ``--allow``."""
    key, given, path = value.partition("=")
    if key not in _OF_FILES or not given or path == _ANYWHERE:
        return value
    return f"{key}={rebased(path, prefix)}"


def rebased_override(override: str, prefix: str) -> str:
    """A value of ``--set``."""
    left, _, value = override.partition("=")
    key = next(iter(left.removesuffix("+").split(".", 2)[1:2]), "")
    if key in {"context", "contexts"}:
        value = _context(value, prefix)
    elif key == "output" and "=" not in value and value != "-":
        value = rebased(value, prefix)
    elif key in _FIELDS:
        value = _with_fields(value, _FIELDS[key], lambda path: rebased(path, prefix))
    elif key == "ssh":
        name, given, paths = value.partition("=")
        moved = ",".join(rebased(path, prefix) for path in paths.split(","))
        value = f"{name}={moved}" if given else value
    return f"{left}={value}"


def _context(value: str, prefix: str) -> str:
    layout = "oci-layout://"
    if value.startswith(layout):
        return layout + rebased(value.removeprefix(layout), prefix)
    named = "://" in value or value.startswith("target:")
    return value if named or is_remote(value) else rebased(value, prefix)


def _with_fields(value: str, paths: Collection[str], move: Callable[[str], str]) -> str:
    """A value in which fields that are paths are others."""
    import csv  # noqa: PLC0415 - few values have such fields
    import io  # noqa: PLC0415

    try:
        fields = next(csv.reader([value]), [])
    except csv.Error:  # buildx refuses it
        return value
    parts = [field.partition("=") for field in fields]
    moved = [
        f"{key}={move(path)}" if key.strip().lower() in paths and given else f"{key}{given}{path}"
        for key, given, path in parts
    ]
    if moved == fields:
        return value
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(moved)
    return written.getvalue()
