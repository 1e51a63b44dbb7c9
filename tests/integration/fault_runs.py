"""Makes a cell of the fault table happen: once to whalebuild, once to plain buildx."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import os
import random
import re
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration import published
from tests.integration.fault_cells import NO_CACHE, STRIKES, UNUSED, Cell
from tests.integration.fault_page import OK, Side, said
from tests.integration.faults import Fault
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.sandbox import SHARED_ENGINE, Sandbox
from tests.integration.tokens import LOGIN, docker_config
from whalebuild.core.engine_failures import classify

PREPARED = "prepared"  # the engine that publishes what was there before
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_numbers = itertools.count(1)
_DOCKERFILE = """\
FROM {base} AS base
FROM base AS dependencies
RUN mkdir -p /opt && head -c 500000 /dev/urandom > /opt/system && echo {unique} now preparing
COPY requirements.txt /requirements.txt
RUN head -c 3000000 /dev/urandom > /opt/packages && cat /requirements.txt && echo now installing
FROM dependencies AS final
COPY --link app.sh /app.sh
CMD ["sh", "/app.sh"]
"""
# What the step printed, as whalebuild and as buildx show it; its name has the words as well.
_PREPARING = re.compile(r"^#\d+ (?:\||[\d.]+) .*now preparing$", re.MULTILINE)
_RETRY = re.compile(r"retry \d+/\d+ in ([\d.]+) s: ")


@dataclass(frozen=True)
class Ground:
    """What cells stand on.

    Attributes:
        registry: Where images go: the sandbox's, or one that wants tokens.
        open: The same content, without a login.
        token_faults: Those of the proxy before the token server.
        builder: A builder that pushes by digest.
    """

    sandbox: Sandbox
    folder: Path
    base: str
    registry: str
    open: str
    token_faults: list[Fault] | None = None
    builder: str = ""


@dataclass
class Scene:
    """One tool's project and repository, with a pair that is published."""

    ground: Ground
    proxy: Proxy
    repository: str
    folder: Path
    by_hand: bool
    env: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)

    @property
    def image(self) -> str:
        return f"{self.proxy.address}/{self.repository}"

    def write(self, base: str, text: str) -> None:
        """Write the project: all but the Dockerfile's first steps depend on the text."""
        dockerfile = _DOCKERFILE.replace("{base}", base).replace("{unique}", self.repository)
        (self.folder / "Dockerfile").write_text(dockerfile)
        (self.folder / "requirements.txt").write_text(f"{self.repository} {text}\n")
        (self.folder / "app.sh").write_text(f"echo {self.repository} {text}\n")

    def bake(self, engine: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the tool on an engine."""
        command: tuple[str, ...] = ("whalebuild", "bake", "--format", "json")
        if self.by_hand:
            (self.folder / "plain.json").write_text(json.dumps(_by_hand(self.image)))
            command = ("docker", "buildx", "bake", "--file", "plain.json", "--progress", "plain")
        env = {
            "WHALEBUILD_IMAGE": self.image,
            "XDG_CACHE_HOME": str(self.folder / ".cache"),
            **self._login(engine),
        }
        run = self.ground.sandbox.run
        return run(*command, *words, cwd=self.folder, engine=engine, env=env)

    def _login(self, engine: str) -> dict[str, str]:
        if self.ground.token_faults is None:
            return {}
        env = self.ground.sandbox.env(engine)
        return docker_config(env, self.folder / f".{engine}", {self.proxy.address: LOGIN})

    def digest(self, tag: str) -> str:
        return published.digest(self.ground.open, self.repository, tag)

    def manifest(self, reference: str) -> dict[str, Any]:
        return published.manifest(self.ground.open, self.repository, reference)

    def is_published(self, text: str, base: str) -> bool:
        """Whether both tags are whole and have what was to be published."""
        for tag in ("deps", "latest"):
            published.check_whole(self.ground.open, self.repository, tag)
        deps, app = (_files(self.ground.open, self.repository, t) for t in ("deps", "latest"))
        wanted = f"{self.repository} {text}\n"
        right = all(f["requirements.txt"] == wanted for f in (deps, app))
        mark = all(base in (f.get("base.txt"), "") for f in (deps, app))
        return right and mark and app["app.sh"] == f"echo {wanted}"

    def cached(self) -> set[str]:
        """The caches that the next bake would import."""
        if self.by_hand:
            return {self.digest("cache")}
        children = self.manifest("deps")["manifests"]
        return {c["digest"] for c in children if "dev.whalebuild.cache" in c.get("annotations", {})}


@dataclass(frozen=True)
class Done:
    """A bake with a fault: what came of it, what it said, and the tags that are new."""

    side: Side
    stderr: str
    moved: tuple[str, ...]


def run(ground: Ground, cell: Cell, *, by_hand: bool) -> Done:
    """Publish a pair, change everything, and bake again with the fault."""
    with _scene(ground, cell, by_hand=by_hand) as scene:
        base, mark = scene.ground.base, ""
        if "{base" in cell.place.requests.path:
            mark = f"{scene.repository} {random.random()}"
        names = _names(scene)
        if mark:
            names |= push_base(ground.open, f"{scene.repository}-base", mark)
            base = f"{scene.proxy.address}/{scene.repository}-base:1"
        scene.write(base, "two")
        fault = _fault(cell, names, by_hand=by_hand)
        faults = scene.ground.token_faults if cell.place.tokens else scene.proxy.faults
        assert faults is not None
        old = scene.cached()
        faults.append(fault)
        words = ("--builder", ground.builder) if ground.builder else ()
        began = time.monotonic()
        done = scene.bake(SHARED_ENGINE, *words)
        seconds = time.monotonic() - began
        faults.remove(fault)
        outcome = _outcome(scene, done, old, mark)
        waits = [float(wait) for wait in _RETRY.findall(done.stderr)]
        tries = 0 if by_hand else 1 + len(waits)
        side = Side(outcome, outcome.startswith(OK), seconds, fault.hits, tries, sum(waits))
        moved = tuple(tag for tag, was in scene.before.items() if scene.digest(tag) != was)
        return Done(side, done.stderr, moved)


@contextmanager
def _scene(ground: Ground, cell: Cell, *, by_hand: bool) -> Iterator[Scene]:
    name = f"{next(_numbers)}-{cell.id}-{'plain' if by_hand else 'whale'}"
    folder = ground.folder / name
    folder.mkdir()
    with faulty_registry(ground.registry) as proxy:
        scene = Scene(ground, proxy, f"tests/{os.getpid()}-{name}", folder, by_hand)
        scene.write(ground.base, "one")
        done = scene.bake(PREPARED)
        assert done.returncode == 0, done.stderr
        scene.before = {tag: scene.digest(tag) for tag in ("deps", "latest")}
        yield scene


def _outcome(scene: Scene, done: subprocess.CompletedProcess[str], old: set[str], mark: str) -> str:
    """What came of it, in words."""
    if done.returncode:
        return f"exit {done.returncode}: {_reason(scene, done)}"
    try:
        right = scene.is_published("two", mark)
    except (AssertionError, urllib.error.HTTPError) as torn:
        return f"exit 0, and what is published is not whole: {said(str(torn))}"
    if not right:
        return "exit 0, and what is published is not what was built"
    notes = [OK]
    # With another base, nothing of the cache is of use.
    if not mark and _PREPARING.search(done.stderr):
        notes.append(UNUSED)
    if not scene.cached() - old:
        notes.append(NO_CACHE)
    return ", ".join(notes)


def _reason(scene: Scene, done: subprocess.CompletedProcess[str]) -> str:
    if scene.by_hand:
        failure = classify(done.stderr)
        return said(failure.evidence if failure.reason == "unknown failure" else failure.reason)
    return said(json.loads(done.stdout)["error"]["what"])


def _fault(cell: Cell, names: Mapping[str, str], *, by_hand: bool) -> Fault:
    where = (by_hand and cell.place.by_hand) or cell.place.requests
    path, sends = where.path, where.sends
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", value)
        sends = sends.replace(f"{{{name}}}".encode(), value.encode())
    times = STRIKES if cell.trouble.passes else None
    return Fault(where.method, path, cell.trouble.effects, sends=sends, times=times)


def _names(scene: Scene) -> dict[str, str]:
    """What stands for the words in a place's path."""
    cache = _cache(scene)
    image = next(c for c in scene.manifest("deps")["manifests"] if _runs(c))
    layers = [layer["digest"] for layer in scene.manifest(image["digest"])["layers"]]
    every = [c["digest"] for tag in scene.before for c in scene.manifest(tag)["manifests"]]
    return {
        "repository": scene.repository,
        "name": scene.folder.name,
        "base": f"{scene.repository}-base",
        "cache": cache,
        "cache_config": scene.manifest(cache)["config"]["digest"],
        # requirements.txt and packages come after what the system's packages are here.
        "cache_layer": layers[-3],
        "old": "|".join(digest.removeprefix("sha256:") for digest in every),
    }


def _cache(scene: Scene) -> str:
    """The cache that a rebuild of the dependencies imports."""
    if scene.by_hand:
        return scene.digest("cache")
    key = "dev.whalebuild.cache"
    children = scene.manifest("deps")["manifests"]
    return str(next(c for c in children if c.get("annotations", {}).get(key) == "deps")["digest"])


def _runs(child: Mapping[str, Any]) -> bool:
    return bool(child["platform"]["architecture"] != "unknown")


def _by_hand(image: str) -> dict[str, Any]:
    """The bake file of somebody who knows buildx well."""
    cache = {"type": "registry", "ref": f"{image}:cache"}
    export = {"mode": "max", "image-manifest": "true", "oci-mediatypes": "true"}
    deps = {
        "target": "dependencies",
        "tags": [f"{image}:deps"],
        "cache-from": [cache],
        "output": [{"type": "registry"}],
    }
    exports = [{**cache, **export, "ignore-error": "true"}]
    app = {**deps, "target": "final", "tags": [f"{image}:latest"], "cache-to": exports}
    return {
        "group": {"default": {"targets": ["deps", "app"]}},
        "target": {"deps": deps, "app": app},
    }


def push_base(registry: str, repository: str, mark: str) -> dict[str, str]:
    """Push the tiny base with one more layer, without an engine that would keep it."""
    base = published.manifest(registry, "tests/tiny-base", "1")
    raw = json.loads(published.blob(registry, "tests/tiny-base", base["config"]["digest"]))
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        noise = random.Random(mark).randbytes(300_000)
        for name, content in (("base.txt", mark.encode()), ("noise", noise)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    raw["rootfs"]["diff_ids"].append(_digest(layer.getvalue()))
    raw.pop("history", None)
    config = json.dumps(raw).encode()
    for each in base["layers"]:
        _push_blob(
            registry, repository, published.blob(registry, "tests/tiny-base", each["digest"])
        )
    base["config"] |= {"digest": _push_blob(registry, repository, config), "size": len(config)}
    top = _push_blob(registry, repository, packed)
    base["layers"].append({**base["layers"][0], "digest": top, "size": len(packed)})
    url = f"http://{registry}/v2/{repository}/manifests/1"
    kind = {"Content-Type": base.get("mediaType", _MANIFEST)}
    _send("PUT", url, json.dumps(base).encode(), kind)
    return {"base_layer": top}


def _push_blob(registry: str, repository: str, content: bytes) -> str:
    begun = _send("POST", f"http://{registry}/v2/{repository}/blobs/uploads/")
    digest = _digest(content)
    octets = {"Content-Type": "application/octet-stream"}
    _send("PUT", f"{begun}&digest={digest}", content, octets)
    return digest


def _send(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> str | None:
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        location: str | None = answer.headers.get("Location")
        return location


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _files(registry: str, repository: str, tag: str) -> dict[str, str]:
    """The small files at the root of an image."""
    index = published.manifest(registry, repository, tag)
    image = next(child for child in index["manifests"] if _runs(child))
    found: dict[str, str] = {}
    for layer in published.manifest(registry, repository, image["digest"])["layers"]:
        packed = published.blob(registry, repository, layer["digest"])
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if content and "/" not in member.name and member.size < 1000:
                    found[member.name] = content.read().decode()
    return found
