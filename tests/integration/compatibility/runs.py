"""Gives the command of a situation to both tools, each in a project and repositories of its own."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration import published
from tests.integration.compatibility.images import (
    Tagged,
    base_layers,
    in_archive,
    in_registry,
    tar_files,
)
from tests.integration.compatibility.seen import BUNDLES, Seen, expected, plain
from tests.integration.compatibility.situation import PAIR, SAME, Situation
from tests.integration.sandbox import SHARED_ENGINE, Sandbox

_LONG = 240
_TIMEOUT = 300
_PROJECT = "project"


@dataclass(frozen=True)
class Both:
    """What both tools have made of a situation."""

    situation: Situation
    buildx: Seen
    whalebuild: Seen

    def check(self) -> None:
        """It is what the row says."""
        row, mine = self.situation, self.whalebuild
        lost = bool(row.chance and self.buildx.exit)
        if lost:
            assert row.chance in self.buildx.output
        else:
            _check(self.buildx, row.buildx, row)
        if row.whalebuild not in {SAME, PAIR}:
            _check(mine, row.whalebuild, row)
            return
        said = f"\n{mine.output[-3000:]}\n--- buildx:\n{self.buildx.output[-1500:]}"
        _check(mine, row.buildx, row)
        assert bool(mine.bundles) is (row.whalebuild == PAIR), f"bundles: {mine.bundles}{said}"
        if row.alike and not lost:
            assert mine.asked_for == self.buildx.asked_for, said
            assert mine.loaded == self.buildx.loaded, said
            assert mine.written == self.buildx.written, said


def _check(seen: Seen, clauses: str, row: Situation) -> None:
    done, words = expected(clauses)
    phrase = seen.phrase(row.shows, bundles=BUNDLES in clauses)
    assert phrase == done, f"{phrase} != {done}\n{seen.output[-4000:]}"
    for each in words:
        assert plain(each) in plain(seen.output), seen.output[-4000:]


@dataclass(frozen=True)
class Ground:
    """Where situations are tried.

    Attributes:
        root: Each situation gets a folder of its own in it.
        repositories: The repositories' common beginning.
        more: What stands for what in files and words, beside ``$REPO`` and ``$PYTHON``.
    """

    sandbox: Sandbox
    root: Path
    repositories: str
    engine: str = SHARED_ENGINE
    more: Mapping[str, str] = field(default_factory=dict)

    def both(self, situation: Situation) -> Both:
        """Buildx first: what it has built is in the engine's cache then."""
        buildx = f"docker buildx bake --progress=plain {situation.flags} {situation.bake}"
        mine = f"whalebuild bake --progress=plain {situation.own_flags} {situation.bake}"
        return Both(
            situation,
            self._run(situation, "buildx", buildx),
            self._run(situation, "whalebuild", mine),
        )

    def _run(self, situation: Situation, tool: str, command: str) -> Seen:
        repository = f"{self.repositories}/{situation.id}/{tool}"
        side = _Side(self, self.root / situation.id / tool, repository)
        side.write(situation.project())
        if situation.setup:
            side.run("sh", "-euc", side.fill(situation.setup)).check_returncode()
        words = [side.fill(word) for word in shlex.split(command)]
        env = {name: side.fill(value) for name, value in situation.env.items()}
        for files in (None, situation.then) if situation.then else (None,):
            side.write(files or {})
            before = side.snapshot()
            done = side.run(*words, cwd=situation.cwd, env=env)
        return side.seen(done, before)


@dataclass(frozen=True)
class _Side:
    """One tool's project folder and repositories."""

    ground: Ground
    folder: Path
    repository: str

    @property
    def _sandbox(self) -> Sandbox:
        return self.ground.sandbox

    def fill(self, text: str) -> str:
        repository = f"{self._sandbox.registry}/{self.repository}"
        names = {"$REPO": repository, "$PYTHON": self._sandbox.python_image, **self.ground.more}
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    def write(self, files: Mapping[str, str | bytes]) -> None:
        (self.folder / _PROJECT).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = self.folder / _PROJECT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = content if isinstance(content, bytes) else self.fill(content).encode()
            path.write_bytes(raw)

    def run(
        self, *words: str, cwd: str = ".", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        own = {"COLUMNS": "200", "WHALEBUILD_RETRY_DEADLINE": "20", **(env or {})}
        return subprocess.run(
            words,
            cwd=self.folder / _PROJECT / cwd,
            env={**self._sandbox.env(self.ground.engine), **own},
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=_TIMEOUT,
            check=False,
        )

    def snapshot(self) -> dict[str, bytes]:
        """The digests of all files beside and in the project, by path relative to the project."""
        found = {}
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder)
            if path.is_file() and not path.is_symlink() and ".git" not in name.parts:
                inside = name.parts[0] == _PROJECT
                shown = str(name.relative_to(_PROJECT)) if inside else f"../{name}"
                found[shown] = hashlib.sha256(path.read_bytes()).digest()
        return found

    def seen(self, done: subprocess.CompletedProcess[str], before: Mapping[str, bytes]) -> Seen:
        after = self.snapshot()
        changed = sorted(path for path, found in after.items() if before.get(path) != found)
        pushed = self._pushed()
        return Seen(
            done.returncode,
            done.stdout + done.stderr,
            done.stdout,
            pushed,
            self._loaded(set(pushed)),
            {path: self._comparable(path) for path in changed},
        )

    def _pushed(self) -> dict[str, Tagged]:
        registry = self._sandbox.registry
        image, _, tag = self._sandbox.python_image.partition("/")[2].rpartition(":")
        known = base_layers(registry, image, tag)
        listed = f"http://{registry}/v2/_catalog?n=100&last={self.repository}/"
        with urllib.request.urlopen(listed, timeout=60) as answer:
            repositories = json.load(answer)["repositories"] or []
        found = {}
        for repository in repositories:
            if repository.startswith(f"{self.repository}/"):
                store = in_registry(registry, repository, known)
                name = repository.removeprefix(f"{self.repository}/")
                for each in published.tags(registry, repository):
                    found[f"{name}:{each}"] = store.tagged(each)
        return found

    def _loaded(self, pushed: set[str]) -> dict[str, Tagged]:
        """What the engine has under names that are not in the registry."""
        shown = self.run("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout
        start = f"{self._sandbox.registry}/{self.repository}/"
        names = {line.removeprefix(start) for line in shown.split() if line.startswith(start)}
        return {name: self._saved(start + name) for name in sorted(names - pushed)}

    def _saved(self, image: str) -> Tagged:
        archive = self.folder / "saved.tar"
        self.run("docker", "image", "save", "--output", str(archive), image).check_returncode()
        store, (digest,) = in_archive(archive.read_bytes())
        archive.unlink()
        return store.tagged(digest)

    def _comparable(self, path: str) -> object:
        """What is in a file, without what differs in every run: dates, digests, caches."""
        content = (self.folder / _PROJECT / path).read_bytes()
        if "blobs/" in path or path.endswith(("index.json", "oci-layout")):
            return "of an OCI layout"
        if path.endswith(".tar"):
            try:
                store, digests = in_archive(content)
            except KeyError:
                return tar_files(content)
            return [store.tagged(digest) for digest in digests]
        if path.endswith(".json") or len(content) > _LONG:
            return "long, or JSON"
        return content
