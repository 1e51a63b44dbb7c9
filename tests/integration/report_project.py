"""A project of a bug report, and what whalebuild and buildx make of it, command by command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration import published
from tests.integration.sandbox import SHARED_ENGINE, Sandbox


@dataclass
class Project:
    """A project in a folder; its images are in repositories of its own, ``$REPO/app``.

    Attributes:
        env: Variables of every command.
    """

    sandbox: Sandbox
    folder: Path
    repository: str
    env: dict[str, str] = field(default_factory=dict)

    def write(self, **files: str) -> None:
        """Write files; ``__`` in a name stands for a dot."""
        for name, text in files.items():
            self.put(name.replace("__", "."), text)

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.fill(text))

    def fill(self, text: str) -> str:
        filled = text.replace("$REPO", f"{self.sandbox.registry}/{self.repository}")
        return filled.replace("$PYTHON", self.sandbox.python_image)

    def whalebuild(
        self, *words: str, engine: str = SHARED_ENGINE, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it."""
        return self.sandbox.whalebuild(
            *map(self.fill, words), cwd=self.folder, engine=engine, env={**self.env, **(env or {})}
        )

    def bake(self, *words: str, **where: Any) -> dict[str, Any]:
        """Bake, and have it succeed; the result by target, and ``stderr``."""
        done = self.whalebuild("bake", "--format", "json", *words, **where)
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        return {**{t["target"]: t for t in made["targets"]}, "all": made, "stderr": done.stderr}

    def plan(self, *words: str, **where: Any) -> str:
        """What the plan says, without the settings."""
        done = self.whalebuild("plan", *words, **where)
        assert done.returncode == 0, done.stderr
        return done.stdout.partition("\nsettings\n")[0]

    def buildx(
        self, *words: str, env: Mapping[str, str] | None = None, exits: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """``docker buildx bake --push``."""
        command = ("docker", "buildx", "bake", "--progress", "plain", *map(self.fill, words))
        done = self.sandbox.run(*command, cwd=self.folder, env={**self.env, **(env or {})})
        assert done.returncode == exits, done.stderr
        return done

    def run(self, image: str, *command: str) -> str:
        """What the published image prints."""
        words = ("docker", "run", "--rm", "--pull", "always", self.fill(image), *command)
        done = self.sandbox.run(*words, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def labels(self, image: str) -> dict[str, str]:
        """The labels of the published image."""
        self.sandbox.run("docker", "pull", "-q", self.fill(image), cwd=self.folder, check=True)
        shown = self.sandbox.run(
            *("docker", "inspect", "--format", "{{json .Config.Labels}}", self.fill(image)),
            cwd=self.folder,
            check=True,
        )
        found: dict[str, str] = json.loads(shown.stdout) or {}
        return found

    def tags(self, name: str) -> list[str]:
        return published.tags(self.sandbox.registry, f"{self.repository}/{name}")

    def digest(self, name: str, tag: str = "latest") -> str:
        return published.digest(self.sandbox.registry, f"{self.repository}/{name}", tag)

    def platforms(self, name: str, tag: str = "latest") -> list[str]:
        index = published.manifest(self.sandbox.registry, f"{self.repository}/{name}", tag)
        found = [each["platform"]["architecture"] for each in index["manifests"]]
        return sorted(each for each in found if each != "unknown")
