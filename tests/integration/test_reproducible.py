"""Dependencies that are installed on the build platform: the same everywhere, right where they run.

The project's own Dockerfile each time; the example's, with its larger packages, and those of
docs/platforms.md in ``make soak``.
"""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration import cross_projects
from tests.integration.cross_projects import ON_THE_PAGE, PLATFORMS, Crossing
from tests.integration.pairs import Baked, Pair
from tests.integration.sandbox import REPOSITORIES, Sandbox
from tests.support.marks import rarely

EMULATED = re.compile(r"^#\d+ \[linux/arm64 [^\]]*\] RUN .*", re.MULTILINE)
CROSSING = re.compile(r"^#\d+ \[linux/amd64->arm64 installer [^\]]*\] RUN ", re.MULTILINE)
ANSWERS_WITHIN = 120


@dataclass(frozen=True)
class Twice:
    """A project that was baked on two empty engines, each time without a cache."""

    project: Crossing
    pairs: tuple[Pair, Pair]
    first: Baked

    def run(self, *words: str) -> str:
        """What a command prints that has the first engine, which emulates the other platform."""
        engine, folder = self.pairs[0].engine, self.project.folder
        return self.project.sandbox.run(*words, cwd=folder, engine=engine, check=True).stdout


@pytest.fixture(scope="module", params=["own", *map(rarely, ("example", "pip", "uv", "Packages"))])
def twice(
    request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Twice]:
    folder = tmp_path_factory.mktemp("twice") / request.param
    project = cross_projects.make(sandbox, request.param, folder)
    names = [f"{REPOSITORIES}/{time.time_ns()}-{request.param.lower()}" for _ in range(2)]
    with (
        sandbox.fresh_engine("one", "--with", "emulation") as one,
        sandbox.fresh_engine("two") as two,
    ):
        baked = [project.bake(e, name) for e, name in zip((one, two), names, strict=True)]
        yield Twice(project, (baked[0][0], baked[1][0]), baked[0][1])


@pytest.mark.extended
def test_two_empty_engines_build_the_same_dependencies(twice: Twice) -> None:
    images = [pair.images("deps") for pair in twice.pairs]
    assert set(images[0]) == {"amd64", "arm64"}
    for name, digest in images[0].items():
        one, other = (
            pair.manifest(each[name]) for pair, each in zip(twice.pairs, images, strict=True)
        )
        assert one["layers"] == other["layers"]
        assert one["config"] == other["config"]
        assert digest == images[1][name]
    assert images[0]["amd64"] != images[0]["arm64"]


@pytest.mark.extended
def test_only_what_has_no_wheel_is_emulated(twice: Twice) -> None:
    log = twice.first.stderr
    assert CROSSING.search(log), log
    emulated = EMULATED.findall(log)
    if twice.project.name == "Packages":
        assert all("wheels " in line for line in emulated)
        assert emulated
    else:
        assert emulated == []


@pytest.mark.extended
@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_installed_is_for_the_target(twice: Twice, platform: str) -> None:
    with cross_projects.layer(twice.pairs[0], platform) as layer:
        found = dict(cross_projects.shared_objects(layer))
        assert len(found) > 0
        assert set(found.values()) == {platform}, found
        assert len(cross_projects.interpreters(layer)) == 1
        (interpreter,) = cross_projects.interpreters(layer)
        assert re.fullmatch(r"#!/opt/venv/bin/python\S*", interpreter)
        files = set(layer.getnames())
        assert interpreter.removeprefix("#!/") in files
        assert set(cross_projects.recorded(layer)) <= files
        assert {member.mtime for member in layer} == {946684800}
        assert not [name for name in files if name.endswith(".pyc")]


@pytest.mark.extended
def test_a_console_script_runs_on_the_target(twice: Twice) -> None:
    name, *flags = twice.project.script
    words = ("docker", "run", "--rm", "--quiet", "--pull=always", "--platform=linux/arm64")
    shown = twice.run(*words, "--entrypoint", name, f"{twice.pairs[0].image}:latest", *flags)
    assert re.search(r"\d+\.\d+", shown), shown


@pytest.mark.parametrize("twice", [rarely("example")], indirect=True)
def test_the_example_answers_on_the_target(twice: Twice) -> None:
    words = ("docker", "run", "--detach", "--pull=always", "--platform=linux/arm64")
    publish = ("--publish", "127.0.0.1::8000")
    image = f"{twice.pairs[0].image}:latest"
    container = twice.run(*words, *publish, image).split()[-1]
    address = twice.run("docker", "port", container, "8000").strip()
    assert _answer(f"http://{address}/healthz") == 200
    assert twice.run("docker", "exec", container, "uname", "-m") == "aarch64\n"


def test_the_page_has_a_dockerfile_under_each_headline() -> None:
    assert set(ON_THE_PAGE) == {"pip", "uv", "Packages"}


def _answer(url: str) -> int:
    """The status with which a service that is starting answers."""
    until = time.monotonic() + ANSWERS_WITHIN
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                status: int = answer.status
                return status
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
