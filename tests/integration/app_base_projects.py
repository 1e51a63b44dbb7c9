"""The Dockerfiles of ``tests/appbase``, as projects that can be built here, and both ways of that.

All images that they name are the stand-in, by named contexts, which buildx and whalebuild honour
alike. A first version of the code and a second one differ in one file.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.appbase.cases import Case
from tests.appbase.cutting import FOLDER
from tests.integration.image_entries import Layers, differences, read_layers, statements
from tests.integration.published import manifest, tags
from tests.integration.sandbox import SHARED_ENGINE, Sandbox

_FROM = re.compile(r"^FROM (?:--platform=\S+ )?(\S+)(?: AS (\S+))?$", re.IGNORECASE | re.MULTILINE)
_COPIED = re.compile(r"^(?:COPY|RUN).*?(?:--from=|,from=)([^\s,]+)", re.IGNORECASE | re.MULTILINE)
_SYNTAX = re.compile(r"^#\s*syntax\s*=.*\n", re.IGNORECASE)
# The file that a change of the code changes, where it is none of the usual ones.
_CODE = {
    "add-rootfs": "rootfs.tar",
    "add-tars": "site/index.html",
    "alpine-entrypoint-only": "entrypoint.sh",
    "alpine-scripts": "scripts/backup.sh",
    "caddy-site": "public/index.html",
    "code-over-base": "conf/app.ini",
    "copy-exclude": "index.html",
    "django-assets": "site/settings.py",
    "django-collectstatic": "site/settings.py",
    "django-manage-first": "site/settings.py",
    "django-plain": "site/settings.py",
    "empty-over-full": "app/version.txt",
    "java-jar": "target/app-1.0.jar",
    "java-jar-touch": "target/app.jar",
    "many-by-pattern": "conf/6.conf",
    "monorepo": "libs/shared.py",
    "nginx-config-only": "nginx.conf",
    "node-workspaces-parents": "packages/web/src/index.js",
    "owner-by-name": "data/x.json",
    "platform-of-build": "main.py",
    "rails-generated": "config.ru",
    "requirements-folder": "manage.py",
    "rust-chef": "src/main.rs",
    "setgid-folder": "site/css/a.css",
    "shared-builder": "site/settings.py",
    "small-over-tools": "bin/job",
    "small-several": "docs/one.txt",
    "sticky-tmp": "jobs/nightly",
    "tools-only": "entrypoint.sh",
    "wheel": "wheels/app-1-py3-none-any.whl",
    "whole-stage-mounted": "web/index.js",
}
_USUAL = (
    *("app/views.py", "main.py", "app.py", "src/index.js", "server.js", "index.ts", "main.go"),
    *("src/App.java", "Program.cs", "app/__init__.py", "src/App.php", "index.php", "config.ru"),
)
#: Stages that are made from code are built beside what is put on the stub: their steps run, too.
SIDE = frozenset(
    {
        *(
            "code-before-venv",
            "django-assets",
            "dotnet",
            "go-distroless",
            "go-scratch-certificates",
        ),
        *("java-maven", "next-standalone", "node-to-nginx", "node-to-nginx-config-first"),
        *("rust-chef", "uv-two-stages"),
    }
)
#: What cannot be built here, and why.
NOT_HERE = {"node-workspaces-parents": "the frontend of this engine has no COPY --parents"}
_EXECUTABLE = re.compile(r".*\.sh|mvnw|(.*/)?bin/.*")
_THEN = 1_700_000_000
#: When this process began: what is later is the time of a build.
BEGAN = int(time.time())
SHORT, ON_BASE, ORDINARY = "on the stub", "on the app base", "ordinary"


@dataclass(frozen=True)
class Project:
    """A Dockerfile with what it needs, in a folder, and where it is published.

    Attributes:
        stand_in: The image that stands for all others.
        case: What is expected of it.
        address: Of an HTTP server with what its ADD fetches.
    """

    sandbox: Sandbox
    folder: Path
    repository: str
    stand_in: str
    case: Case
    address: str = ""

    @property
    def image(self) -> str:
        """The repository with its registry."""
        return f"{self.sandbox.registry}/{self.repository}"

    @property
    def ordinary(self) -> str:
        """The repository of the ordinary build."""
        return f"{self.repository}-ordinary"

    def write(self) -> None:
        """Write the Dockerfile, its context and a bake file."""
        shutil.copytree(FOLDER / self.case.name, self.folder, symlinks=True)
        dockerfile = self.folder / "Dockerfile"
        text = _SYNTAX.sub("", dockerfile.read_text())
        if self.address:
            digest = hashlib.sha256(fetched(self.case.name)).hexdigest()
            text = text.replace(
                "https://example.org/agent", f"http://{self.address}/{self.case.name}"
            )
            text = text.replace("1" * 64, digest)
        dockerfile.write_text(text)
        for path in self.folder.rglob("*.tar*"):
            path.write_bytes(_archive(path.suffix == ".gz"))
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_symlink():
                continue
            relative = str(path.relative_to(self.folder))
            path.chmod(0o755 if path.is_dir() or _EXECUTABLE.fullmatch(relative) else 0o644)
            # Files of one name have one time: what goes over the other may look the same.
            when = _THEN + zlib.crc32(path.name.encode()) % 1000
            os.utime(path, (when, when))
        target: dict[str, Any] = {
            "context": ".",
            "contexts": dict.fromkeys(_external(text), f"docker-image://{self.stand_in}"),
            "tags": [f"{self.image}:latest"],
        }
        if self.case.target:
            target["target"] = self.case.target
        bake = {"target": {"default": target}}
        (self.folder / "docker-bake.json").write_text(json.dumps(bake, indent=2))

    def change_code(self, version: int) -> None:
        """Write another version of the code."""
        name = self.case.name
        usual = (path for path in _USUAL if (self.folder / path).is_file())
        path = self.folder / (_CODE.get(name) or next(usual))
        if path.name.endswith(".tar"):
            path.write_bytes(_archive(compressed=False, more=f"{version}"))
        else:
            path.write_text(
                f"{(FOLDER / name / path.relative_to(self.folder)).read_text()}# {version}\n"
            )
        os.utime(path, (_THEN - version, _THEN - version))

    def bake(self, *args: str, engine: str = SHARED_ENGINE) -> dict[str, Any]:
        """Bake with whalebuild, and have it succeed; what it says, with ``stderr``."""
        words = ("bake", "--format", "json", *args)
        done = self.sandbox.whalebuild(*words, cwd=self.folder, engine=engine, check=True)
        return {**json.loads(done.stdout), "stderr": done.stderr}

    def build_ordinarily(self, engine: str = SHARED_ENGINE) -> None:
        """Bake with buildx, into a repository beside."""
        tag = f"default.tags={self.sandbox.registry}/{self.ordinary}:latest"
        words = ("docker", "buildx", "bake", "--push", "--set", tag)
        self.sandbox.run(*words, cwd=self.folder, engine=engine, check=True)

    def layers(self, tag: str = "latest", *, ordinary: bool = False) -> Layers:
        """What is behind a tag."""
        repository = self.ordinary if ordinary else self.repository
        return read_layers(self.sandbox.registry, repository, tag)

    def way(self) -> str:
        """How the published application was built, as its attestation says."""
        return way_of(self.sandbox.registry, self.repository)

    def compare(self) -> list[str]:
        """What differs between whalebuild's image and the ordinary one."""
        has_base = "deps" in tags(self.sandbox.registry, self.repository)
        base = self.layers("deps").digests if has_base else []
        mine, other = self.layers(), self.layers(ordinary=True)
        if self.way() == ON_BASE and self.case.repeated:
            mine = without_repeated(mine, other)
        found = differences(mine, other, shared=len(base), began=BEGAN)
        if mine.digests[: len(base)] != base:
            found.append("the application does not stand on its app base")
        return found


def way_of(registry: str, repository: str) -> str:
    """How a published application was built, as its attestation says."""
    said = "".join(statements(registry, repository, "latest"))
    if "dev.whalebuild.stub" in said:
        return SHORT
    if "deps" not in tags(registry, repository):
        return ORDINARY
    children = manifest(registry, repository, "deps")["manifests"]
    digests = [child["digest"].partition(":")[2] for child in children]
    return ON_BASE if any(digest in said for digest in digests) else ORDINARY


def without_repeated(mine: Layers, other: Layers) -> Layers:
    """An image that was built on its app base, without the history of what was said again there.

    BuildKit pushes it: nothing can be dropped, as it is where whalebuild pushes.
    """
    history, lines = (list(each.config["history"]) for each in (mine, other))
    count = len(history) - len(lines)
    said = [line["created_by"] for line in history]
    at = next((n for n, line in enumerate(lines) if said[n] != line["created_by"]), len(lines))
    if count > 0 and all(each.startswith(("ARG ", "CMD ")) for each in said[at : at + count]):
        del history[at : at + count]
    return replace(mine, config={**mine.config, "history": history})


def fetched(name: str) -> bytes:
    """What ADD fetches by HTTP."""
    return f"fetched for {name}\n".encode()


def _external(text: str) -> Iterator[str]:
    """Names of images in a Dockerfile, as named contexts have them."""
    stages: set[str] = set()
    values = dict(re.findall(r"^ARG (\w+)=(\S+)$", text, re.MULTILINE))
    names = []
    for name, stage in _FROM.findall(text):
        if name.lower() not in stages:
            names.append(name)
        stages.add(stage.lower())
    names += [name for name in _COPIED.findall(text) if name.lower() not in stages]
    for name in dict.fromkeys(names):
        if name != "scratch":
            yield re.sub(r"\$\{?(\w+)\}?", lambda found: values[found[1]], name)


def _archive(compressed: bool, more: str = "") -> bytes:
    """A tar with a folder, a file that can be run, and a link."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz" if compressed else "w") as tar:
        for name, kind, mode, content in (
            ("bin", tarfile.DIRTYPE, 0o750, ""),
            ("bin/tool", tarfile.REGTYPE, 0o4711, f"tool {more}"),
            ("lib", tarfile.SYMTYPE, 0o777, "bin"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime, info.uid = kind, mode, _THEN, 77
            if kind == tarfile.SYMTYPE:
                info.linkname = content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content.encode()))
    return raw.getvalue()
