"""Makes a cell of the fault table happen: once to whalebuild, once to plain buildx."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import time
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.integration import published
from tests.integration.fault_cells import NO_CACHE, STRIKES, UNUSED, Cell
from tests.integration.fault_page import OK, Side, said
from tests.integration.faults import Fault
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.registry_content import copy_repository, push_like, small_files
from tests.integration.sandbox import SHARED_ENGINE, Sandbox
from tests.integration.tokens import LOGIN, docker_config
from whalebuild.core.engine_failures import classify

TAGS = ("deps", "latest")
PREPARED = "prepared"  # the engine that publishes what was there before
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
        pairs: Repositories with a pair that most cells begin with, by whalebuild and by hand.
    """

    sandbox: Sandbox
    folder: Path
    base: str
    registry: str
    open: str
    token_faults: list[Fault] | None = None
    builder: str = ""
    pairs: Mapping[bool, str] = field(default_factory=dict)


@dataclass
class Scene:
    """One tool's project and repository, with a pair that is published."""

    ground: Ground
    proxy: Proxy
    repository: str
    folder: Path
    by_hand: bool
    unique: str

    @property
    def image(self) -> str:
        return f"{self.proxy.address}/{self.repository}"

    def write(self, base: str, text: str) -> None:
        """Write the project: all but the Dockerfile's first step depends on the text."""
        dockerfile = _DOCKERFILE.replace("{base}", base).replace("{unique}", self.unique)
        (self.folder / "Dockerfile").write_text(dockerfile)
        (self.folder / "requirements.txt").write_text(f"{self.repository} {text}\n")
        (self.folder / "app.sh").write_text(f"echo {self.repository} {text}\n")

    def keep_requirements(self) -> None:
        """Have the requirements that are published."""
        wanted = small_files(self.ground.open, self.repository, "deps")["requirements.txt"]
        (self.folder / "requirements.txt").write_text(wanted)

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

    def tags(self) -> dict[str, str]:
        """Both tags' digests."""
        return {tag: self.digest(tag) for tag in TAGS}

    def manifest(self, reference: str) -> dict[str, Any]:
        return published.manifest(self.ground.open, self.repository, reference)

    def is_published(self, base: str) -> bool:
        """Whether both tags are whole and have what was to be published."""
        for tag in TAGS:
            published.check_whole(self.ground.open, self.repository, tag)
        deps, app = (small_files(self.ground.open, self.repository, t) for t in TAGS)
        wanted = (self.folder / "requirements.txt").read_text()
        right = all(f["requirements.txt"] == wanted for f in (deps, app))
        mark = all(base in (f.get("base.txt"), "") for f in (deps, app))
        return right and mark and app["app.sh"] == (self.folder / "app.sh").read_text()

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
            source, own = "tests/tiny-base", f"{scene.repository}-base"
            names["base_layer"] = push_like(ground.open, source, own, mark)
            base = f"{scene.proxy.address}/{scene.repository}-base:1"
        scene.write(base, "two")
        if cell.place.code_alone:
            scene.keep_requirements()
        struck = _faults(cell, names, by_hand=by_hand)
        faults = scene.ground.token_faults if cell.place.tokens else scene.proxy.faults
        assert faults is not None
        # A bake of code alone keeps the caches as they are.
        old = set() if cell.place.code_alone else scene.cached()
        before = scene.tags()
        faults += struck
        words = ("--builder", ground.builder) if ground.builder else ()
        began = time.monotonic()
        done = scene.bake(SHARED_ENGINE, *words)
        seconds = round(time.monotonic() - began, 1)
        faults[:] = [fault for fault in faults if fault not in struck]
        outcome = _outcome(scene, done, old, mark)
        waits = [float(wait) for wait in _RETRY.findall(done.stderr)]
        tries = 0 if by_hand else 1 + len(waits)
        strikes = sum(fault.hits for fault in struck)
        side = Side(outcome, outcome.startswith(OK), seconds, strikes, tries, round(sum(waits), 1))
        moved = tuple(tag for tag, digest in scene.tags().items() if digest != before[tag])
        return Done(side, done.stderr, moved)


@contextmanager
def _scene(ground: Ground, cell: Cell, *, by_hand: bool) -> Iterator[Scene]:
    name = f"{next(_numbers)}-{cell.id}-{'plain' if by_hand else 'whale'}"
    with _project(ground, name, by_hand=by_hand) as scene:
        # An engine that has the first step of some other cell would not import the cache.
        if cell.place.loses == UNUSED:
            _publish(scene)
        else:
            scene.unique = ground.pairs[by_hand]
            copy_repository(ground.open, scene.unique, scene.repository)
        yield scene


@contextmanager
def _project(ground: Ground, name: str, *, by_hand: bool) -> Iterator[Scene]:
    folder = ground.folder / name
    folder.mkdir()
    repository = f"tests/{os.getpid()}-{name}"
    with faulty_registry(ground.registry) as proxy:
        yield Scene(ground, proxy, repository, folder, by_hand, unique=repository)


def _publish(scene: Scene) -> None:
    scene.write(scene.ground.base, "one")
    done = scene.bake(PREPARED)
    assert done.returncode == 0, done.stderr


def with_pairs(ground: Ground) -> Ground:
    """Publish the pairs that most cells begin with."""
    made: dict[bool, str] = {}
    for by_hand in (False, True):
        name = f"{next(_numbers)}-pair-{'plain' if by_hand else 'whale'}"
        with _project(ground, name, by_hand=by_hand) as scene:
            _publish(scene)
            made[by_hand] = scene.repository
    return replace(ground, pairs=made)


def _outcome(scene: Scene, done: subprocess.CompletedProcess[str], old: set[str], mark: str) -> str:
    """What came of it, in words."""
    if done.returncode:
        return f"exit {done.returncode}: {_reason(scene, done)}"
    try:
        right = scene.is_published(mark)
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


def _faults(cell: Cell, names: Mapping[str, str], *, by_hand: bool) -> list[Fault]:
    place, effects = cell.place, cell.trouble.effects
    times = STRIKES if cell.trouble.passes else None
    # One that strikes a few times does so at one of them.
    every = [(by_hand and place.by_hand) or place.requests, None if times else place.also]
    return [
        Fault(
            where.method,
            _filled(where.path, names),
            effects,
            sends=_filled(where.sends.decode(), names).encode(),
            skip=where.skip,
            times=times,
        )
        for where in every
        if where
    ]


def _filled(pattern: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


def _names(scene: Scene) -> dict[str, str]:
    """What stands for the words in a place's path."""
    cache = _cache(scene)
    image = next(c for c in scene.manifest("deps")["manifests"] if _runs(c))
    layers = [layer["digest"] for layer in scene.manifest(image["digest"])["layers"]]
    every = [c["digest"] for tag in TAGS for c in scene.manifest(tag)["manifests"]]
    return {
        "repository": scene.repository,
        "name": scene.folder.name,
        "base": f"{scene.repository}-base",
        "cache": cache,
        "cache_config": scene.manifest(cache)["config"]["digest"],
        # requirements.txt and packages come after what the system's packages are here.
        "cache_layer": layers[-3],
        "deps_image": image["digest"],
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
