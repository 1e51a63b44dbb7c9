"""What a case needs on the machine: its folder, its docker, and a registry that answers."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.cli.fuzzing.answers import SCRIPT
from tests.cli.fuzzing.cases import Case
from tests.support.published_pair import REPOSITORY, PublishedPair
from tests.support.registry_server import Asked, Reply, error, serve
from whalebuild.oci.manifest import digest_of

_FOUND = shutil.which("docker")
#: Docker's own client, if there is one.
REAL = Path(_FOUND) if _FOUND else None
_ODD = {"garbage": b"\xff{", "null": b"null", "list": b"[[]]", "odd": b'{"manifests": {"a": 5}}'}


class World:
    """A folder for one case at a time.

    Args:
        folder: An empty one.
        registry: ``host:port`` of what :func:`start_registry` has started.
    """

    def __init__(self, folder: Path, registry: str) -> None:
        self.folder = folder
        self.project = folder / "project"
        self._registry = registry
        pair = PublishedPair()
        self._web = digest_of(pair.registry.held[f"{REPOSITORY}:latest"])

    def text(self, text: str) -> str:
        """A text of a case with the names of this world."""
        text = text.replace("FOLDER", str(self.project)).replace("REG", self._registry)
        return text.replace("HOME", str(self.folder / "home"))

    def env(self, case: Case) -> dict[bytes, bytes]:
        """The variables of a case; docker is on ``PATH`` unless the case has one of its own."""
        own = REAL.parent if REAL and case.real else self.folder / "bin"
        env = {"PATH": f"{own}:/usr/bin:/bin" if case.docker is not None else "/usr/bin:/bin"}
        env |= {name: self.text(value) for name, value in case.env.items() if "\0" not in value}
        return {_bytes(name): _bytes(value) for name, value in env.items() if name}

    def make(self, case: Case) -> None:
        """Write the files of a case."""
        (self.folder / "home").mkdir()
        self.project.mkdir()
        for name, content in case.files.items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(_bytes(self.text(content)))
        if REAL:
            plugins = REAL.parents[1] / "libexec/docker/cli-plugins"
            (self.project / "client/cli-plugins").symlink_to(plugins)
        for name in ("bin", "answers"):
            (self.folder / name).mkdir()
        (self.folder / "bin/docker").write_text(SCRIPT)
        (self.folder / "bin/docker").chmod(0o755)
        for name, answer in (case.docker or {}).items():
            place = self.folder / "answers" / name
            out = self.text(answer.out).replace('"WEB"', json.dumps(self._web))
            place.with_suffix(".out").write_bytes(_bytes(out))
            place.with_suffix(".err").write_bytes(_bytes(self.text(answer.err)))
            place.with_suffix(".code").write_text(str(answer.code))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def start_registry() -> tuple[str, int]:
    """Start a registry in a process of its own; its address, and the process to end.

    ``web`` has a pair. The first part of other names says what it answers: ``denied``, ``broken``
    (500), ``garbage`` and others nonsense; elsewhere it has nothing, and takes whatever is sent.
    """
    ready, tell = os.pipe()
    process = os.fork()
    if process == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it tells of each client that goes away
        held = PublishedPair().registry.held
        manifests = {name.removeprefix("registry.test/"): raw for name, raw in held.items()}
        with serve(lambda asked: _answer(asked, manifests)) as server:
            os.write(tell, server.address.encode())
            threading.Event().wait()
    address = os.read(ready, 100).decode()
    os.close(ready)
    os.close(tell)
    return address, process


def _answer(asked: Asked, manifests: Mapping[str, bytes]) -> Reply:
    repository, _, reference = asked.path.removeprefix("/v2/").partition("/manifests/")
    kind = repository.partition("/")[0]
    refusals = {"denied": error(403, "DENIED"), "broken": error(500, "UNKNOWN")}
    if kind in refusals:
        return refusals[kind]
    if asked.method in {"PUT", "POST"}:
        return Reply(201 if asked.method == "PUT" else 202, headers={"Location": f"{asked.path}1"})
    if kind in _ODD:
        return Reply(200, _ODD[kind], {"Content-Type": "application/json"})
    name = f"{repository}@{reference}" if ":" in reference else f"{repository}:{reference}"
    found = manifests.get(name)
    if found is None:
        return error(404, "MANIFEST_UNKNOWN")
    return Reply(200, found, {"Content-Type": json.loads(found)["mediaType"]})
