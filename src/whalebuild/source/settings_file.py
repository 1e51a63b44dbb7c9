"""Reads the settings file: ``whalebuild.toml`` or ``[tool.whalebuild]`` of pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whalebuild.errors import UsageError
from whalebuild.settings import Layer, layer_from_table

OWN_FILE = "whalebuild.toml"
PYPROJECT = "pyproject.toml"


def read_settings_layer(root: Path) -> Layer:
    """Read the settings of a project folder; an empty layer where it has none.

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
        return layer_from_table(own, OWN_FILE)
    if shared is None:
        return Layer({})
    where = f"{PYPROJECT} [tool.whalebuild]"
    if not isinstance(shared, Mapping):
        raise UsageError(f"{where}: expected a table, found {shared!r}")
    return layer_from_table(shared, where)


def _table(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except FileNotFoundError:
        return None
    except OSError as failed:
        cause = failed.strerror
    except UnicodeDecodeError:
        cause = "it is not UTF-8 text"
    except ValueError as failed:  # also for numbers longer than Python reads
        cause = f"it is not valid TOML: {failed}"
    raise UsageError(f"cannot read {path.name}", cause=cause, next_step="correct the file")
