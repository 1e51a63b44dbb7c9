"""A project and the pair of tags that it publishes, for tests of what is in the registry."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.integration import published
from tests.integration.sandbox import REPOSITORIES, SHARED_ENGINE, Request, Sandbox

# What dependencies weigh: incompressible, so that a download of them shows.
DEPS_BYTES = 3_000_000
KIB = 1024
# What the console shows of the step that installs them, if it is run.
RAN = "| now installing"
_INSTALL = (
    "COPY requirements.txt /requirements.txt\n"
    f"RUN mkdir -p /opt/venv && head -c {DEPS_BYTES} /dev/urandom > /opt/venv/packages \\\n"
    " && cp /requirements.txt /opt/venv/installed && echo now installing\n"
)
# The final stage on the dependencies, and on the base with a copy of them.
_DEPS = f"FROM {{base}} AS base\nFROM base AS dependencies\n{_INSTALL}"
ON_DEPS = f"{_DEPS}FROM dependencies AS final\n"
COPYING = f"{_DEPS}FROM base AS final\nCOPY --link --from=dependencies /opt/venv /opt/venv\n"
CODE = 'COPY --link app.sh /app.sh\nCMD ["sh", "/app.sh"]\n'
# As people write it: no dependencies stage, no --link.
AS_IT_IS = f'FROM {{base}}\n{_INSTALL}COPY . /\nCMD ["sh", "/app.sh"]\n'
TINY_BASE = f"{REPOSITORIES}/tiny-base"
# A base that is quickly moved: a shell and a few commands of the sandbox's own image, 2 MB.
_TINY = (
    "FROM {base} AS all\nRUN mkdir -p /out/tmp && cp -L --parents /bin/sh /bin/cat \\\n"
    " /bin/cp /bin/sleep /bin/mkdir /bin/head \\\n"
    " $(ldd /bin/sh /bin/cp /bin/mkdir | grep -o '/[^ ]*\\.so[^ ]*') /out\n"
    "FROM scratch\nCOPY --from=all /out /\nENV PATH=/bin MARK={mark}\n"
)


@dataclass(frozen=True)
class Baked:
    """A finished bake: what it said on standard error, and each image by target and by role."""

    stderr: str
    targets: dict[str, dict[str, Any]]

    def __getitem__(self, role: str) -> dict[str, Any]:
        (found,) = [t for t in self.targets.values() if t["role"] == role]
        return found


@dataclass(frozen=True)
class Pair:
    """A project in a folder, and its repository.

    Attributes:
        base: The image of stage "base".
        words: Arguments of every command.
        host: The registry; the sandbox's unless a test has one of its own, or one in between.
    """

    sandbox: Sandbox
    folder: Path
    repository: str
    base: str
    words: tuple[str, ...] = ()
    engine: str = SHARED_ENGINE
    host: str = ""

    @property
    def registry(self) -> str:
        """Where it is published."""
        return self.host or self.sandbox.registry

    @property
    def image(self) -> str:
        """The repository with its registry."""
        return f"{self.registry}/{self.repository}"

    def write(self, dockerfile: str, base: str | None = None) -> None:
        """Write the Dockerfile; ``{base}`` stands for the base image."""
        text = dockerfile.replace("{base}", base or self.base)
        (self.folder / "Dockerfile").write_text(text)

    def change_code(self, output: str) -> None:
        """Let the application print something else."""
        (self.folder / "app.sh").write_text(f"echo {output}\n")

    def change_requirements(self, text: str) -> None:
        """Ask for other dependencies; the repository's name keeps others' caches away."""
        (self.folder / "requirements.txt").write_text(f"{self.repository}\n{text}\n")

    def whalebuild(
        self, verb: str, *args: str, engine: str | None = None, **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it."""
        env = {"WHALEBUILD_IMAGE": self.image, **kwargs.pop("env", {})}
        words = (verb, *self.words, *args)
        where = engine or self.engine
        return self.sandbox.whalebuild(*words, cwd=self.folder, env=env, engine=where, **kwargs)

    def bake(self, *args: str, engine: str | None = None) -> Baked:
        """Bake, and have it succeed."""
        done = self.whalebuild("bake", "--format", "json", *args, engine=engine, check=True)
        targets = json.loads(done.stdout)["targets"]
        return Baked(done.stderr, {target["target"]: target for target in targets})

    def plan(self, *args: str) -> dict[str, dict[str, Any]]:
        """The plan's images by role."""
        done = self.whalebuild("plan", "--format", "json", *args, check=True)
        return {target["role"]: target for target in json.loads(done.stdout)["targets"]}

    def tags(self) -> list[str]:
        """The repository's tags."""
        return published.tags(self.registry, self.repository)

    def digest(self, tag: str = "deps") -> str:
        """What a tag points at."""
        return published.digest(self.registry, self.repository, tag)

    def manifest(self, reference: str) -> dict[str, Any]:
        """The manifest or index behind a tag or digest."""
        return published.manifest(self.registry, self.repository, reference)

    def images(self, tag: str) -> dict[str, str]:
        """Digests of the runnable images behind a tag, by architecture."""
        children = self.manifest(tag)["manifests"]
        found = {child["platform"]["architecture"]: child["digest"] for child in children}
        return {name: digest for name, digest in found.items() if name != "unknown"}

    def env(self, tag: str) -> list[str]:
        """The environment that an image for linux/amd64 has."""
        config = self.manifest(self.images(tag)["amd64"])["config"]["digest"]
        found = published.blob(self.registry, self.repository, config)
        environment: list[str] = json.loads(found)["config"]["Env"]
        return environment

    def caches(self, tag: str = "deps") -> list[tuple[str, str, str]]:
        """Role, target and platforms of each cache in a bundle."""
        marks = [child.get("annotations", {}) for child in self.manifest(tag)["manifests"]]
        keys = [f"dev.whalebuild.cache{each}" for each in ("", ".target", ".platforms")]
        return [(m[keys[0]], m.get(keys[1], ""), m[keys[2]]) for m in marks if keys[0] in m]

    def check_whole(self, *tags: str) -> None:
        """Have everything behind these tags be there, with the right digests."""
        for tag in tags or ("deps", "latest"):
            assert published.check_whole(self.registry, self.repository, tag) > 1

    def prints(self, tag: str = "latest", *command: str, engine: str | None = None) -> str:
        """What an image prints that is run as it is published now."""
        words = ("docker", "run", "--rm", "--quiet", "--pull=always", f"{self.image}:{tag}")
        where = engine or self.engine
        shown = self.sandbox.run(*words, *command, cwd=self.folder, engine=where, check=True)
        return shown.stdout.strip()


def push_base(sandbox: Sandbox, folder: Path, image: str, *, mark: str = "1") -> None:
    """Push a tiny base image; another mark makes another image of it."""
    folder.mkdir(exist_ok=True)
    text = _TINY.replace("{base}", sandbox.python_image).replace("{mark}", mark)
    (folder / "Dockerfile").write_text(text)
    words = ("--provenance=false", f"--output=type=image,name={image},push=true,store=false")
    sandbox.run("docker", "buildx", "build", *words, ".", cwd=folder, check=True)


def uploaded(requests: Sequence[Request], registry: str) -> dict[str, int]:
    """Blobs that arrived in the registry, and their sizes."""
    done = [r for r in requests if r.method == "PUT" and "/blobs/uploads/" in r.path]
    sizes: dict[str, int] = {}
    for request in done:
        found = re.search(r"/v2/(.+)/blobs/uploads/.*[?&]digest=([^&]+)", request.path)
        assert found, request.path
        digest = unquote(found[2])
        sizes[digest] = published.size(registry, found[1], digest)
    return sizes


def changing(requests: Sequence[Request]) -> list[Request]:
    """Requests that change what is in the registry."""
    return [r for r in requests if r.method not in {"GET", "HEAD"}]
