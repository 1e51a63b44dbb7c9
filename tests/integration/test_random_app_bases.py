"""Random Dockerfiles and contexts: what is published is what the ordinary build of them makes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.app_base_projects import BEGAN, ON_BASE, SHORT, way_of, without_repeated
from tests.integration.image_entries import differences, read_layers
from tests.integration.random_app_bases import Example, example
from tests.integration.sandbox import Sandbox

_SEED = "WHALEBUILD_APP_BASE_SEED"
_IN_GATE, _EXTENDED, _IN_SOAK = 4, 15, 300
_AT_ONCE = 15  # projects of one bake file


@dataclass
class Batch:
    """Several examples in one bake file, and where both ways publish them.

    Attributes:
        built: Seeds of those that buildx can build.
    """

    sandbox: Sandbox
    folder: Path
    repository: str
    examples: Sequence[Example]
    built: list[int] = field(default_factory=list)

    def write(self, version: int) -> None:
        """Write all of them, and their bake file."""
        targets = {}
        for each in self.examples:
            each.write(self.folder / str(each.seed), version)
            tag = f"{self.sandbox.registry}/{self.repository}/{each.seed}:latest"
            targets[f"t{each.seed}"] = {"context": str(each.seed), "tags": [tag]}
        (self.folder / "docker-bake.json").write_text(json.dumps({"target": targets}))

    def build_ordinarily(self) -> None:
        """Build each with buildx: what cannot be built is for whalebuild to refuse as well."""
        for each in self.examples:
            tag = f"{self.sandbox.registry}/{self.repository}/ordinary/{each.seed}:latest"
            words = ("--push", "--set", f"*.tags={tag}", f"t{each.seed}")
            done = self.sandbox.run("docker", "buildx", "bake", *words, cwd=self.folder)
            if done.returncode == 0:
                self.built.append(each.seed)

    def bake(self) -> None:
        """Bake what can be built."""
        names = [f"t{seed}" for seed in self.built]
        self.sandbox.whalebuild("bake", *names, cwd=self.folder, check=True)

    def check(self) -> list[str]:
        """What differs, in words; and who fails in one of both ways alone."""
        found = []
        for each in self.examples:
            if each.seed in self.built:
                differing = self._compare(each)
            else:
                done = self.sandbox.whalebuild("bake", f"t{each.seed}", cwd=self.folder)
                differing = [] if done.returncode == 4 else [f"exit code {done.returncode}"]
            if differing:
                found.append("\n".join([f"seed {each.seed}:", each.dockerfile, *differing]))
        return found

    def ways(self) -> list[str]:
        """How each was built."""
        return [way_of(self.sandbox.registry, f"{self.repository}/{seed}") for seed in self.built]

    def _compare(self, each: Example) -> list[str]:
        registry, mine = self.sandbox.registry, f"{self.repository}/{each.seed}"
        base = read_layers(registry, mine, "deps")
        image = read_layers(registry, mine, "latest")
        other = read_layers(registry, f"{self.repository}/ordinary/{each.seed}", "latest")
        if way_of(registry, mine) == ON_BASE:
            image = without_repeated(image, other)
        return differences(image, other, shared=len(base.digests), began=BEGAN)


@pytest.mark.parametrize(
    ("count", "small"),
    [
        pytest.param(_IN_GATE, False, id="gate"),
        pytest.param(_EXTENDED, False, marks=pytest.mark.extended, id="extended"),
        pytest.param(_IN_SOAK, False, marks=pytest.mark.soak, id="soak"),
        # With small commands after the code: what these meet of the app base is for that alone.
        pytest.param(_EXTENDED, True, marks=pytest.mark.extended, id="small"),
        pytest.param(_IN_SOAK, True, marks=pytest.mark.soak, id="small-soak"),
    ],
)
def test_random_dockerfiles(
    sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str, count: int, small: bool
) -> None:
    first = int(os.environ.get(_SEED) or (1 if count < _IN_SOAK else time.time()))
    print(f"{_SEED}={first}")
    ways: list[str] = []
    for begin in range(first, first + count, _AT_ONCE):
        seeds = range(begin, min(begin + _AT_ONCE, first + count))
        batch = Batch(
            *(sandbox, tmp_path / str(begin), repository),
            [example(seed, stand_in, small=small) for seed in seeds],
        )
        batch.folder.mkdir()
        batch.write(2)
        batch.build_ordinarily()
        batch.write(1)
        batch.bake()
        batch.write(2)
        batch.bake()
        found = batch.check()
        assert not found, "\n\n".join(found)
        ways += batch.ways()
        print(f"up to seed {seeds[-1]}: {len(ways)} can be built, {ways.count(SHORT)} on a stub")
    print(f"{len(ways)} of {count} can be built, {ways.count(SHORT)} on a stub")
    assert ways.count(SHORT) > count / (8 if small else 3)
