"""Small projects as people have them, for ``whalebuild init``, and images that they stand on.

Each answers ``{"version": "one"}`` at ``/``; a code change makes two of it.
"""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.integration.published import manifest
from tests.integration.registries import free_port
from tests.integration.sandbox import REPOSITORIES, SHARED_ENGINE, Sandbox

FOLDER = Path(__file__).parent / "projects" / "init"
PORT = 8000
#: The one file of each whose change is a code change.
CODE = {
    "pip": "main.py",
    "uv": "src/orders/__init__.py",
    "poetry": "stock/api.py",
    "pdm": "site1/urls.py",
    "pipenv": "app.py",
    "pyproject": "src/greeter/server.py",
    "own": "app/main.py",
    "npm": "server.js",
    "npm-scripts": "server.js",
    "pnpm": "server.js",
    "yarn": "server.js",
}
NODE = ("npm", "npm-scripts", "pnpm", "yarn")
_PYTHON_TAG = "python:3.13-slim"
# The host's CA bundle, for networks whose proxy re-signs TLS.
_CA = (
    "FROM {base}\nCOPY ca.pem /ca.pem\n"
    "ENV PIP_CERT=/ca.pem SSL_CERT_FILE=/ca.pem REQUESTS_CA_BUNDLE=/ca.pem"
    " NODE_EXTRA_CA_CERTS=/ca.pem\n"
)
# No image with Node can be pulled here: this one has the machine's own node and npm.
_WITH_NODE = _CA + (
    "COPY node /usr/local/bin/node\n"
    "COPY npm /usr/local/lib/node_modules/npm\n"
    "RUN cd /usr/local/bin && ln -s ../lib/node_modules/npm/bin/npm-cli.js npm\n"
)


@dataclass(frozen=True)
class Begun:
    """A copy of one of the projects, and where it is published.

    Attributes:
        base: The image that stands for the public one.
    """

    sandbox: Sandbox
    name: str
    folder: Path
    repository: str
    base: str

    @property
    def image(self) -> str:
        """The repository with its registry."""
        return f"{self.sandbox.registry}/{self.repository}"

    @property
    def words(self) -> tuple[str, ...]:
        """How a bake is told of the base image."""
        if self.name == "own":
            return ("--set", f"*.contexts.{_PYTHON_TAG}=docker-image://{self.base}")
        argument = "NODE_IMAGE" if self.name in NODE else "PYTHON_IMAGE"
        return ("--set", f"*.args.{argument}={self.base}")

    def write(self) -> None:
        """Copy the project, with what makes its dependencies its own."""
        shutil.copytree(FOLDER / self.name, self.folder)

    def init(self, *words: str) -> dict[str, Any]:
        """Run ``init``, and have it succeed."""
        given = ("init", "--image", self.image, "--format", "json", *words)
        done = self.sandbox.whalebuild(*given, cwd=self.folder, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def bake(self, *words: str, engine: str = SHARED_ENGINE) -> dict[str, dict[str, Any]]:
        """Bake, and have it succeed; each image by its role."""
        given = ("bake", "--format", "json", *self.words, *words)
        done = self.sandbox.whalebuild(*given, cwd=self.folder, engine=engine, check=True)
        return {target["role"]: target for target in json.loads(done.stdout)["targets"]}

    def layers(self, tag: str) -> list[str]:
        """Digests of the layers of what is published for linux/amd64."""
        images = manifest(self.sandbox.registry, self.repository, tag)["manifests"]
        (one,) = [each for each in images if each["platform"].get("architecture") == "amd64"]
        layers = manifest(self.sandbox.registry, self.repository, one["digest"])["layers"]
        return [layer["digest"] for layer in layers]

    def change_code(self) -> None:
        """Have it answer something else."""
        path = self.folder / CODE[self.name]
        text = path.read_text()
        assert '"one"' in text
        path.write_text(text.replace('"one"', '"two"'))

    def answer(self, engine: str = SHARED_ENGINE) -> str:
        """What the published image answers."""
        with self._running(engine) as port:
            for _ in range(150):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                        assert answer.status == HTTPStatus.OK
                        version: str = json.load(answer)["version"]
                        return version
                except OSError:
                    time.sleep(0.2)
        raise AssertionError(f"{self.name} does not answer")

    @contextmanager
    def _running(self, engine: str) -> Iterator[int]:
        port = free_port()
        run = ("docker", "run", "--detach", "--quiet", "--pull=always", "--init")
        words = (*run, f"--publish=127.0.0.1:{port}:{PORT}", f"{self.image}:latest")
        started = self.sandbox.run(*words, cwd=self.folder, engine=engine, check=True)
        container = started.stdout.strip()
        try:
            yield port
        except AssertionError:
            logs = self.sandbox.run("docker", "logs", container, cwd=self.folder, engine=engine)
            print(logs.stdout, logs.stderr)
            raise
        finally:
            gone = ("docker", "rm", "--force", container)
            self.sandbox.run(*gone, cwd=self.folder, engine=engine)


def push_python(sandbox: Sandbox, folder: Path, *platforms: str) -> str:
    """Push the image that stands for python:3.13-slim; its name."""
    words = ("--platform", ",".join(platforms)) if platforms else ()
    return _push(sandbox, folder, "init-python" + "-both" * bool(platforms), _CA, *words)


def push_node(sandbox: Sandbox, folder: Path) -> str | None:
    """Push the image that stands for node:22-slim; None where this machine has no node."""
    node = shutil.which("node")
    if node is None:
        return None
    folder.mkdir(exist_ok=True)
    shutil.copy(Path(node).resolve(), folder / "node")
    npm = Path(shutil.which("npm") or "").resolve().parents[1]
    shutil.copytree(npm, folder / "npm", symlinks=True)
    return _push(sandbox, folder, "init-node", _WITH_NODE)


def _push(sandbox: Sandbox, folder: Path, name: str, dockerfile: str, *more: str) -> str:
    image = f"{sandbox.registry}/{REPOSITORIES}/{name}:1"
    folder.mkdir(exist_ok=True)
    shutil.copy(sandbox.env()["WHALEBUILD_SANDBOX_CA"], folder / "ca.pem")
    (folder / "Dockerfile").write_text(dockerfile.replace("{base}", sandbox.python_image))
    output = f"--output=type=image,name={image},push=true,store=false"
    words = ("docker", "buildx", "build", "--provenance=false", *more, output, ".")
    sandbox.run(*words, cwd=folder, check=True)
    return image
