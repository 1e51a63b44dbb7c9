"""Reads the settings file: ``whalebuild.toml`` or ``[tool.whalebuild]`` of pyproject.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from whalebuild.bakefile.rebased import rebased, rebased_allow
from whalebuild.errors import UsageError
from whalebuild.settings import Layer, layer_from_table
from whalebuild.source.plain_file import read_plain, read_plain_text

OWN_FILE = "whalebuild.toml"
PYPROJECT = "pyproject.toml"


def has_settings(folder: Path) -> bool:
    """Whether a folder has settings.

    Raises:
        UsageError: A file that may have them cannot be read.
    """
    if (folder / OWN_FILE).exists():
        return True
    try:
        named = b"whalebuild" in read_plain(folder / PYPROJECT)
    except OSError:
        return False
    tool = (_table(folder / PYPROJECT) or {}).get("tool") if named else None
    return isinstance(tool, Mapping) and "whalebuild" in tool


def read_settings_layer(root: Path, above: str = "") -> Layer:
    """Read the settings of a project folder; an empty layer where it has none.

    Args:
        root: The folder.
        above: What stands before the file's name in messages, such as ``../``.

    Raises:
        UsageError: A file cannot be read or is not TOML, a key or value is wrong, or both files
            have settings.
    """
    own = _table(root / OWN_FILE)
    pyproject = _table(root / PYPROJECT) or {}
    tool = pyproject.get("tool", {})
    shared = tool.get("whalebuild") if isinstance(tool, Mapping) else tool
    if own is not None and shared is not None:
        raise UsageError(
            f"settings in two files: {OWN_FILE} and [tool.whalebuild] of {PYPROJECT}",
            next_step="keep one of them",
        )
    if own is not None:
        return _from_here(layer_from_table(own, f"{above}{OWN_FILE}"), above)
    if shared is None:
        return Layer({})
    where = f"{above}{PYPROJECT} [tool.whalebuild]"
    if not isinstance(shared, Mapping):
        raise UsageError(f"{where}: expected a table, found {shared!r}")
    return _from_here(layer_from_table(shared, where), above)


def _from_here(layer: Layer, above: str) -> Layer:
    """The settings of a folder above; their paths start there."""
    if not above:
        return layer
    moving: Mapping[str, Callable[[str, str], str]] = {
        "file": rebased,
        "state-dir": rebased,
        "allow": rebased_allow,
    }
    values = dict(layer.values)
    for key in moving.keys() & values.keys():
        value, origin = values[key]
        each = value if isinstance(value, tuple) else (str(value),)
        moved = tuple(moving[key](path, above) for path in each)
        values[key] = (moved if isinstance(value, tuple) else moved[0], origin)
    return replace(layer, values=values)


def _table(path: Path) -> dict[str, Any] | None:
    try:
        text = read_plain_text(path)
        import tomllib  # noqa: PLC0415 - where there is such a file

        return tomllib.loads(text)
    except FileNotFoundError:
        return None
    except OSError as failed:
        cause = failed.strerror
    except UnicodeDecodeError:
        cause = "it is not UTF-8 text"
    except ValueError as failed:  # also for numbers longer than Python reads
        cause = f"it is not valid TOML: {failed}"
    except RecursionError:
        cause = "it is nested too deeply"
    raise UsageError(f"cannot read {path.name}", cause=cause, next_step="correct the file")
