"""What a command has done: files on the disk, tags in a registry, images in an engine."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration import published
from tests.integration.image_content import archive, content, files_of, from_layout, text_or_hash

# A tag is asked for as a digest is.
_TOP = {"mediaType": "index"}


@dataclass(frozen=True)
class Effects:
    """Values that can be compared: those of two runs that did the same are equal.

    Attributes:
        files: What a path holds.
        pushed: Images by repository and tag.
        loaded: The same, of the engine.
    """

    files: Mapping[str, Any]
    pushed: Mapping[str, Any]
    loaded: Mapping[str, Any]


def effects(folder: Path, registry: str, repository: str, engine: str) -> Effects:
    """What is there after a command.

    Args:
        folder: Where it may have written.
        registry: The registry's address.
        repository: What the names of all its repositories begin with.
        engine: The engine's socket, ``unix://…``.
    """
    prefix = f"{registry}/{repository}"
    found = Effects(_files(folder), pushed(registry, repository), _loaded(engine, prefix))
    return Effects(**json.loads(json.dumps(vars(found)).replace(prefix, "IMAGE")))


def pushed(registry: str, repository: str) -> dict[str, Any]:
    """The images of all repositories whose names begin with that."""
    found = {}
    for name in published.repositories(registry):
        if name.startswith(f"{repository}/"):
            read = partial(published.behind, registry, name)
            for tag in published.tags(registry, name):
                at = name.removeprefix(f"{repository}/")
                found[f"{at}:{tag}"] = content(read, {**_TOP, "digest": tag})
    return found


def forget(engine: str, registry: str, repository: str) -> None:
    """Remove the images from the engine."""
    for name in _names(engine, f"{registry}/{repository}"):
        _ask(engine, "DELETE", f"/images/{urllib.parse.quote(name, safe='')}?force=1")


def _files(folder: Path) -> dict[str, Any]:
    layouts = [file.parent for file in folder.rglob("oci-layout")]
    found: dict[str, Any] = {}
    for layout in layouts:
        files = {
            str(f.relative_to(layout)): f.read_bytes() for f in layout.rglob("*") if f.is_file()
        }
        found[str(layout.relative_to(folder))] = from_layout(files)
    for path in sorted(folder.rglob("*")):
        if not any(layout in (path, *path.parents) for layout in layouts):
            found[str(path.relative_to(folder))] = _file(path)
    return found


def _file(path: Path) -> Any:
    if path.is_symlink():
        return {"link": str(path.readlink())}
    mode = oct(path.stat().st_mode & 0o7777)
    if path.is_dir():
        return {"folder": mode}
    raw = path.read_bytes()
    if path.suffix == ".tar" and raw:
        files = files_of(raw)
        return from_layout(files) if "index.json" in files else archive(raw)
    if path.name == "provenance.json":
        return {"predicate": json.loads(raw)["predicateType"]}
    return {"file": text_or_hash(raw), "mode": mode}


def _loaded(engine: str, prefix: str) -> dict[str, Any]:
    names = _names(engine, prefix)
    if not names:
        return {}
    query = urllib.parse.urlencode([("names", name) for name in names])
    images = from_layout(files_of(_ask(engine, "GET", f"/images/get?{query}")))
    return {name.removeprefix(f"{prefix}/"): image for name, image in images.items()}


def _names(engine: str, prefix: str) -> list[str]:
    images = json.loads(_ask(engine, "GET", "/images/json?all=1", attempts=5))
    names = [name for image in images for name in image["RepoTags"] or ()]
    return sorted(name for name in names if name.startswith(f"{prefix}/"))


class _Socket(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self._path)


def _ask(engine: str, method: str, path: str, attempts: int = 1) -> bytes:
    connection = _Socket(engine.removeprefix("unix://"))
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status >= 300 and attempts > 1:  # one of a list was removed while it was made
        return _ask(engine, method, path, attempts - 1)
    assert answer.status < 300, f"{method} {path}: {answer.status} {body[:300]!r}"
    return body
