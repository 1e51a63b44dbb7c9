"""A project and its published pair, for a cell of the fault table."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.integration import published
from tests.integration.faults import Fault
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.registry_content import copy_repository, small_files
from tests.integration.sandbox import REPOSITORIES, Sandbox, own_name
from tests.integration.tokens import LOGIN, docker_config

TAGS = ("deps", "latest")
#: The engine that publishes what was there before.
PREPARED = own_name("prepared")
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


@contextmanager
def scene(ground: Ground, name: str, *, by_hand: bool, unseen: bool) -> Iterator[Scene]:
    """A project with a pair that is published.

    Args:
        ground: What it stands on.
        name: Its own.
        by_hand: Whether it is plain buildx's.
        unseen: Whether the engine must have none of its steps, so that it imports the cache.
    """
    with _project(ground, name, by_hand=by_hand) as made:
        if unseen:
            _publish(made)
        else:
            made.unique = ground.pairs[by_hand]
            copy_repository(ground.open, made.unique, made.repository)
        yield made


@contextmanager
def _project(ground: Ground, name: str, *, by_hand: bool) -> Iterator[Scene]:
    unique = f"{next(_numbers)}-{name}-{'plain' if by_hand else 'whale'}"
    folder = ground.folder / unique
    folder.mkdir()
    repository = f"{REPOSITORIES}/{unique}"
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
        with _project(ground, "pair", by_hand=by_hand) as pair:
            _publish(pair)
            made[by_hand] = pair.repository
    return replace(ground, pairs=made)


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
