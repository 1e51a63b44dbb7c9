"""Projects that install their dependencies on the build platform, and what they publish."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.integration import published
from tests.integration.pairs import Baked, Pair
from tests.integration.sandbox import EXAMPLE, REPOSITORIES, ROOT, Sandbox

PLATFORMS = ("linux/amd64", "linux/arm64")
PAGE = (ROOT / "docs/platforms.md").read_text()
#: The page's Dockerfiles, by the first word of their headlines.
ON_THE_PAGE = dict(
    re.findall(r"^## (?:With )?(\w+).*?```dockerfile\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
)
# Programs of packages, one of each project; they say their version.
SCRIPTS = {"own": ("pygmentize", "-V"), "example": ("uvicorn", "--version")}
_ELF = {0x3E: "linux/amd64", 0xB7: "linux/arm64"}


@dataclass(frozen=True)
class Crossing:
    """A project in a folder, with the variables of its bake file."""

    sandbox: Sandbox
    name: str
    folder: Path
    variables: dict[str, str]

    @property
    def script(self) -> tuple[str, ...]:
        """A console script among the dependencies, and a flag that it knows."""
        return SCRIPTS.get(self.name, SCRIPTS["own"])

    def bake(self, engine: str, repository: str, *args: str) -> tuple[Pair, Baked]:
        """Publish the pair for both platforms from that engine; no cache has a part in it."""
        env = {**self.variables, **self.sandbox.example_env(repository)}
        pair = Pair(self.sandbox, self.folder, repository, self.sandbox.python_image, engine=engine)
        words = ("--no-cache", "--platform", ",".join(PLATFORMS), "--progress", "plain")
        done = self.sandbox.whalebuild(
            *("bake", *words, "--format", "json", *args),
            cwd=self.folder,
            engine=engine,
            env=env,
            check=True,
        )
        targets = json.loads(done.stdout)["targets"]
        return pair, Baked(done.stderr, {target["target"]: target for target in targets})


def make(sandbox: Sandbox, name: str, folder: Path) -> Crossing:
    """Copy a project: "own" (whalebuild itself), "example", or a headline of docs/platforms.md."""
    if name == "example":
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return Crossing(sandbox, name, folder, {})
    folder.mkdir()
    if name == "own":
        shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for file in ("Dockerfile", ".dockerignore", "docker-bake.hcl", "requirements.lock"):
            shutil.copy(ROOT / file, folder)
        image = _push(sandbox, folder.with_name("client"), "docker-cli", _CLIENT, PLATFORMS)
        return Crossing(sandbox, name, folder, {"DOCKER_CLI_IMAGE": image})
    _write_from_page(sandbox, name, folder)
    return Crossing(sandbox, name, folder, {})


def layer(pair: Pair, platform: str) -> tarfile.TarFile:
    """The layer that the installed packages are in."""
    digest = pair.images("deps")[platform.partition("/")[2]]
    last = pair.manifest(digest)["layers"][-1]["digest"]
    return tarfile.open(fileobj=io.BytesIO(gzip.decompress(_blob(pair, last))))


def shared_objects(found: tarfile.TarFile) -> Iterator[tuple[str, str]]:
    """Each shared object of a layer, and the platform that it is for, as its header says."""
    for member in found.getmembers():
        if re.search(r"\.so(\.[\d.]+)?$", member.name) and member.isfile():
            head = _read(found, member.name)[:20]
            assert head.startswith(b"\x7fELF"), member.name
            yield member.name, _ELF[int.from_bytes(head[18:20], "little")]


def recorded(found: tarfile.TarFile) -> Iterator[str]:
    """The files that the installed packages say they have, as paths in the image."""
    for name in found.getnames():
        if name.endswith(".dist-info/RECORD"):
            packages = Path("/", name).parents[1]
            for line in _read(found, name).decode().splitlines():
                yield str((packages / line.split(",")[0]).resolve()).lstrip("/")


def interpreters(found: tarfile.TarFile) -> set[str]:
    """The interpreters that the console scripts name."""
    scripts = (m for m in found.getmembers() if m.name.startswith("opt/venv/bin/") and m.isfile())
    first = (_read(found, member.name).partition(b"\n")[0].decode() for member in scripts)
    return {line for line in first if line.startswith("#!")}


# Stands for the image that no registry here has.
_CLIENT = (
    "FROM scratch\n"
    "COPY Dockerfile /usr/local/bin/docker\n"
    "COPY Dockerfile /usr/local/libexec/docker/cli-plugins/docker-buildx\n"
)
# The host's CA bundle for tools that a proxy which re-signs TLS would stop; the page leaves it out.
_WITH_CA = "FROM {base}\nCOPY ca.pem /ca.pem\nENV PIP_CERT=/ca.pem SSL_CERT_FILE=/ca.pem\n"
_UV = (
    "FROM {base} AS all\n"
    "COPY ca.pem /ca.pem\n"
    "RUN PIP_CERT=/ca.pem pip install --no-cache-dir --target /all uv\n"
    "FROM scratch\n"
    "COPY --from=all /all/bin/uv /uv\n"
)


def _write_from_page(sandbox: Sandbox, name: str, folder: Path) -> None:
    """A project with one of the page's Dockerfiles, other images in the place of public ones."""
    images = {"python:3.13-slim": ("python", _WITH_CA, PLATFORMS)}
    if name == "uv":
        images["ghcr.io/astral-sh/uv:0.13"] = ("uv", _UV, PLATFORMS[:1])
    text = ON_THE_PAGE[name]
    for public, (image, dockerfile, platforms) in images.items():
        assert public in text
        ours = _push(
            sandbox, folder.with_name(f"{folder.name}-{image}"), image, dockerfile, platforms
        )
        text = text.replace(public, ours)
    (folder / "Dockerfile").write_text(text)
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^(?:pydantic-core|pygments|typing-extensions)==\S+", lock, re.MULTILINE)
    pins += re.findall(r"docopt==\S+", text)
    (folder / "requirements.txt").write_text("\n".join(pins) + "\n")
    (folder / "src").mkdir()
    (folder / "src/main.py").write_text("import pydantic_core\nprint(pydantic_core.__version__)\n")
    (folder / "docker-bake.hcl").write_text(
        'variable "IMAGE" {}\n'
        'target "default" {\n'
        '  tags = ["${IMAGE}"]\n'
        '  args = { SOURCE_DATE_EPOCH = "946684800" }\n'
        "}\n"
    )


def _push(
    sandbox: Sandbox, folder: Path, name: str, dockerfile: str, platforms: tuple[str, ...]
) -> str:
    image = f"{sandbox.registry}/{REPOSITORIES}/crossing-{name}:1"
    folder.mkdir(exist_ok=True)
    shutil.copy(sandbox.env()["WHALEBUILD_SANDBOX_CA"], folder / "ca.pem")
    (folder / "Dockerfile").write_text(dockerfile.replace("{base}", sandbox.python_image))
    output = f"--output=type=image,name={image},push=true,store=false"
    words = ("--provenance=false", "--platform", ",".join(platforms), output)
    sandbox.run("docker", "buildx", "build", *words, ".", cwd=folder, check=True)
    return image


def _blob(pair: Pair, digest: str) -> bytes:
    return published.blob(pair.registry, pair.repository, digest)


def _read(found: tarfile.TarFile, name: str) -> bytes:
    content = found.extractfile(name)
    assert content, name
    return content.read()
