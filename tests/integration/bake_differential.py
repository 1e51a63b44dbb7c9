"""Runs a command line through buildx and through whalebuild, and tells what they did differently.

Each tool has a folder and repositories of its own, in one registry and on one engine.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.integration.bake_effects import Effects, effects, forget, pushed
from tests.integration.bake_rules import Rules
from tests.integration.random_bakes import IMAGE, Example
from tests.integration.sandbox import SHARED_ENGINE, Sandbox

#: The words of a command, and variables that it needs.
Tool = Callable[[Example], tuple[tuple[str, ...], Mapping[str, str]]]


def buildx(example: Example) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """``docker buildx bake``, which takes bake variables from the environment."""
    words = ("docker", "buildx", "bake", "--progress=plain", *example.flags, *example.requested)
    return words, example.variables


def whalebuild(example: Example) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """``whalebuild bake``."""
    variables = [f"--var={name}={value}" for name, value in example.variables.items()]
    return ("whalebuild", "bake", *variables, *example.flags, *example.requested), {}


@dataclass(frozen=True)
class Run:
    """A finished command and what came of it: if it has failed, only what it has pushed."""

    command: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    effects: Effects

    @property
    def ok(self) -> bool:
        """Whether it says that all is done."""
        return self.exit_code == 0


@dataclass(frozen=True)
class Verdict:
    """How the runs of buildx and of whalebuild compare.

    Attributes:
        printed: What the example asks for, as ``docker buildx bake --print`` says it.
        differences: None is as it should be.
    """

    example: Example
    oracle: Run
    ours: Run
    printed: Mapping[str, Any]
    differences: tuple[str, ...]

    @property
    def report(self) -> str:
        """All that is needed to see what is wrong."""
        parts = [f"seed {self.example.seed}: {', '.join(sorted(self.example.constructs))}"]
        parts += [f"--- {path}\n{text}" for path, text in self.example.shown.items()]
        parts.append(f"--- printed\n{json.dumps(self.printed)}")
        for run in (self.oracle, self.ours):
            parts.append(f"$ {shlex.join(run.command)}\n{run.stdout}{run.stderr}[{run.exit_code}]")
        return "\n".join([*parts, "--- different", *self.differences])


@dataclass(frozen=True)
class Bench:
    """Where examples are run.

    Attributes:
        folder: For the projects.
        registry: A registry's address; it is small, for all of it is looked through.
        base: An image for named contexts.
    """

    sandbox: Sandbox
    folder: Path
    registry: str
    base: str
    engine: str = SHARED_ENGINE

    @classmethod
    def at(cls, sandbox: Sandbox, folder: Path, registry: str) -> Bench:
        """Push the base image."""
        base = f"{registry}/base:1"
        project = folder / "base"
        project.mkdir()
        (project / "Dockerfile").write_text("FROM scratch\nCOPY base.txt /\nENV BASE=yes\n")
        (project / "base.txt").write_text("base\n")
        output = f"--output=type=image,name={base},push=true,store=false"
        words = ("docker", "buildx", "build", "--provenance=false", output, ".")
        sandbox.run(*words, cwd=project, check=True)
        return cls(sandbox, folder, registry, base)

    def judge(self, example: Example) -> Verdict:
        """Run an example with both, and compare."""
        with ThreadPoolExecutor(3) as pool:
            running = [
                pool.submit(self.run, example, buildx, "buildx"),
                pool.submit(self.run, example, whalebuild, "whalebuild"),
            ]
            printed = pool.submit(self._printed, example).result()
            oracle, ours = (run.result() for run in running)
        rules = Rules(printed, load="--load" in example.flags)
        found = tuple(self._differences(example, rules, oracle, ours))
        return Verdict(example, oracle, ours, printed, found)

    def run(self, example: Example, tool: Tool, side: str) -> Run:
        """Run an example, once more if there are changes, see what it has done, and clear away.

        Args:
            example: What is run.
            tool: With what.
            side: What tells this run from others of the same example.
        """
        folder, repository = self.folder / f"{example.seed}-{side}", f"{side}/{example.seed}"
        words, variables = tool(example)
        project = self._write(example, folder)
        done = self._do(words, project, repository, variables)
        engine = self.sandbox.env(self.engine)["DOCKER_HOST"]
        found = Effects({}, pushed(self.registry, repository), {})
        if done.returncode == 0:  # else there may be a part of anything
            found = effects(folder, self.registry, repository, engine)
        forget(engine, self.registry, repository)
        shutil.rmtree(folder)
        return Run(words, done.returncode, done.stdout, done.stderr, found)

    def _differences(self, example: Example, rules: Rules, oracle: Run, ours: Run) -> Iterator[str]:
        if rules.refused():
            if ours.ok:
                yield "different images under one tag are not refused"
            return
        if oracle.ok == ours.ok:
            yield from _of_calls(oracle, ours)
        elif oracle.ok and not self._refused_alone(example, self._all(example)):
            yield f"whalebuild fails with {ours.exit_code}"
        elif ours.ok and not rules.buildx_may_fail():
            yield f"buildx fails with {oracle.exit_code}"
        if oracle.ok and ours.ok:
            every = partial(self._all, example.with_all_targets())
            yield from rules.differences(oracle.effects, ours.effects, every)

    def _refused_alone(self, example: Example, names: Iterable[str]) -> bool:
        """Whether buildx refuses one of the targets by itself.

        Of several it asks for the entitlements of one only, which is a matter of chance
        (``EntitlementConf.Validate`` in ``bake/entitlements.go``).
        """
        alone = (replace(example, requested=(name,)) for name in names)
        return not all(self.run(each, buildx, "alone").ok for each in alone)

    def _printed(self, example: Example) -> Mapping[str, Any]:
        """The targets that are asked for: not those that they link to."""
        linked = [{"type": "cacheonly"}]
        targets = self._all(example)
        return {name: each for name, each in targets.items() if each.get("output") != linked}

    def _all(self, example: Example) -> Mapping[str, Any]:
        """What ``docker buildx bake --print`` says: targets by name; none where it refuses."""
        folder = self.folder / f"{example.seed}-print"
        words, variables = buildx(example)
        done = self._do((*words, "--print"), self._write(example, folder), "print", variables)
        shutil.rmtree(folder)
        targets: Mapping[str, Any] = json.loads(done.stdout)["target"] if done.stdout else {}
        return targets

    def _write(self, example: Example, folder: Path) -> Path:
        project = folder / "project"
        _write_files(example.files, project)
        return project

    def _do(
        self, words: Iterable[str], project: Path, repository: str, variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        image = f"{self.registry}/{repository}"
        filled = [word.replace(IMAGE, image) for word in words]
        env = {"IMAGE": image, "BASE": self.base, "TOKEN": "s3cret", **variables}
        return self.sandbox.run(*filled, cwd=project, engine=self.engine, env=env)


def _of_calls(oracle: Run, ours: Run) -> Iterator[str]:
    """What is wrong with calls, whose results are all that buildx prints on standard output."""
    if oracle.stdout.strip() not in ours.stdout + ours.stderr:
        yield "what calls print is not there"
    pairs = [tag for tag, image in ours.effects.pushed.items() if image["kind"] == "pair"]
    if oracle.stdout and pairs and not ours.ok:
        yield f"published, though a call failed: {pairs}"


def _write_files(files: Mapping[str, str], project: Path) -> None:
    for path, text in files.items():
        file = (project / path).resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
