"""The docker client's configuration: its folder, and the current context."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def config_folder(env: Mapping[str, str]) -> Path:
    """Where the docker client keeps its configuration."""
    named = env.get("DOCKER_CONFIG")
    return Path(named) if named else Path(env.get("HOME") or Path.home()) / ".docker"


def context_name(env: Mapping[str, str]) -> str:
    """The docker context's name, which is also its own builder's."""
    if env.get("DOCKER_HOST"):
        return "default"
    named = env.get("DOCKER_CONTEXT") or _current_context(env)
    return named or "default"


def _current_context(env: Mapping[str, str]) -> str | None:
    named = read_json(config_folder(env) / "config.json").get("currentContext")
    return named if isinstance(named, str) else None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
