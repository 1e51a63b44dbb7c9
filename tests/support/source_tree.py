"""A ``plan.ports.SourceTree``: one Dockerfile, and a context in a temporary folder."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from whalebuild.bakefile.entitlements import RealPath
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import Dockerfile, parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.inputs.values import Build, ContextFiles, StageInputs, Undetermined
from whalebuild.source.context import LocalContextFiles
from whalebuild.source.real_path import real_path


class FakeTree:
    """Names of bake files, one Dockerfile for all targets, and a context.

    ``source.context`` reads the context, from a folder that is removed with this object.
    """

    DOCKERFILE = (
        "FROM debian AS dependencies\n"
        "COPY requirements.txt .\n"
        "RUN pip install -r requirements.txt\n"
        "FROM dependencies\n"
        "COPY --link app.py .\n"
    )
    FILES = ("docker-bake.hcl",)

    def __init__(
        self,
        text: str | None = DOCKERFILE,
        files: tuple[str, ...] = FILES,
        contents: Mapping[str, str] | None = None,
    ) -> None:
        self.text = text
        self.files = files
        self.bake: str | None = ""
        self.above: str | None = None
        self.read: list[str] = []
        self.added: dict[str, Any] = {}
        self.root = Path(tempfile.mkdtemp(prefix="whalebuild-test-"))
        weakref.finalize(self, shutil.rmtree, self.root)
        self.write(**{"requirements.txt": "x==1\n", "app.py": "1\n", **(contents or {})})

    def write(self, **contents: str) -> None:
        """Write files below the context."""
        for name, content in contents.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o644)

    def bake_files(self) -> tuple[str, ...]:
        return self.files

    def bake_file_above(self) -> str | None:
        return self.above

    def bake_text(self, files: Iterable[str]) -> str | None:
        return self.bake

    def real_path(self, path: str) -> RealPath:
        return real_path(self.root, path)

    def dockerfile(self, target: Target) -> Dockerfile | None:
        self.read.append(target.name)
        if target.dockerfile_inline:
            return parse_dockerfile(target.dockerfile_inline)
        if "://" in target.context:
            return None
        if self.text is None:
            raise UsageError("cannot read the Dockerfile", cause="No such file or directory")
        return parse_dockerfile(self.text)

    def additions(self, target: Target) -> Mapping[str, Any]:
        return self.added

    def own_ignore_file(self, target: Target) -> str | None:
        return None

    def patchable(self, target: Target) -> str | None:
        return None if target.dockerfile_inline else target.dockerfile

    def context_text(self, target: Target, path: str) -> str | None:
        file = self.root / path
        return file.read_text() if file.is_file() else None

    def context_files(
        self, inputs: StageInputs, build: Build, dockerfile: str | None
    ) -> ContextFiles | Undetermined:
        return LocalContextFiles(self.root).list_files(inputs, build, dockerfile)
