"""What is in the files that a compose project gives to its services: digests, and texts of configs.

Docker mounts them, or copies what they have in them when it makes a container; compose compares
neither with what they were before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from whalebuild.compose.configuration import RESOURCES, Contents
from whalebuild.compose.model import Model

# What is larger is data rather than configuration.
_MOST_BYTES = 1 << 20
_VARIABLE = re.compile(r"^([^\s=]+)=", re.MULTILINE)


def read_contents(model: Model, folder: Path, environment: Mapping[str, str]) -> Contents:
    """Read the files of a project's configs and secrets, and those of its own that it mounts.

    Args:
        model: The project.
        folder: Its folder: mounted files elsewhere are the machine's (``/etc/localtime``).
        environment: The variables that compose has, for configs and secrets that are made of them.
    """
    digests, texts = {}, {}
    filed = {f"config {k}" for k, v in _table(model.raw.get("configs")).items() if v.get("file")}
    for what, content in _contents(model, folder, environment):
        digests[what] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if what in filed:
            with suppress(UnicodeDecodeError):
                texts[what] = content.decode()
    return Contents(digests, texts)


def uses_variables(model: Model) -> bool:
    """Whether a config or a secret is made of a variable."""
    found = [each for key in ("configs", "secrets") for each in _table(model.raw.get(key)).values()]
    return any(_table(each).get("environment") for each in found)


def read_variables(text: str) -> dict[str, str]:
    """Read ``docker compose config --environment``: ``NAME=VALUE``, and lines that go on."""
    starts = list(_VARIABLE.finditer(text))
    ends = [*(each.start() for each in starts), len(text)][1:]
    return {s[1]: text[s.end() : end].rstrip("\n") for s, end in zip(starts, ends, strict=False)}


def _contents(
    model: Model, folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[str, bytes]]:
    for key in ("configs", "secrets"):
        for name, given in _table(model.raw.get(key)).items():
            variable, file = (_table(given).get(k) for k in ("environment", "file"))
            content = _read(Path(file)) if file else environment.get(str(variable), "").encode()
            if content is not None and (file or variable in environment):
                yield f"{RESOURCES[key]} {name}", content
    for file in sorted(set(_mounted(model))):
        if file.is_relative_to(folder) and (content := _read(file)) is not None:
            yield f"file {file}", content


def _mounted(model: Model) -> Iterator[Path]:
    """Files of the host that services read, and do not write."""
    for raw in _table(model.raw.get("services")).values():
        for mount in _table(raw).get("volumes") or ():
            if _table(mount).get("type") == "bind" and _table(mount).get("read_only"):
                yield Path(str(mount.get("source")))


def _read(file: Path) -> bytes | None:
    """What is in a file; None if it is none that can be read, or larger than a configuration."""
    with suppress(OSError):
        if file.is_file() and file.stat().st_size <= _MOST_BYTES:
            return file.read_bytes()
    return None


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
