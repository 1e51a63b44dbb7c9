"""``init`` in small real projects: it works at once, and a code change moves the code alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.init_projects import CODE, NODE, Begun, push_node, push_python
from tests.integration.pairs import KIB, Pair
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import extended

MOST = 40 * KIB
BOTH = ("linux/amd64", "linux/arm64")


@pytest.fixture(scope="session")
def python_image(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push_python(sandbox, tmp_path_factory.mktemp("init-python"))


@pytest.fixture(scope="session")
def node_image(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> str:
    image = push_node(sandbox, tmp_path_factory.mktemp("init-node"))
    if image is None:
        pytest.skip("this machine has no node, and no image with it can be pulled")
    return image


@pytest.fixture
def begun(
    request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path, repository: str, name: str
) -> Begun:
    base = request.getfixturevalue("node_image" if name in NODE else "python_image")
    project = Begun(sandbox, name, tmp_path / name, repository, base)
    project.write()
    return project


@pytest.mark.parametrize("name", [n if n == "pip" else extended(n) for n in CODE])
def test_from_init_to_a_code_change_on_an_empty_engine(
    sandbox: Sandbox, begun: Begun, fresh: str, name: str
) -> None:
    made = begun.init("--yes")
    assert made["written"]
    assert made["targets"] == [] or name == "own"
    begun.bake()
    assert begun.answer() == "one"
    begun.change_code()
    with sandbox.requests() as requests:
        warm = begun.bake(engine=fresh)
    served = downloaded(requests)
    print(f"{name}: the registry served {served} bytes to the empty engine")
    assert warm["deps"]["action"] == "reused"
    assert served <= MOST
    assert begun.answer() == "two"


@pytest.mark.parametrize("name", [n if n == "pip" else extended(n) for n in CODE if n != "own"])
def test_buildx_finds_nothing_to_say_of_what_is_written(
    sandbox: Sandbox, begun: Begun, name: str
) -> None:
    begun.init("--yes")
    (argument,) = [word for word in begun.words if ".args." in word]
    given = ("--build-arg", argument.partition(".args.")[2])
    words = ("docker", "buildx", "build", "--check", *given, ".")
    done = sandbox.run(*words, cwd=begun.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search("no warnings found", done.stdout + done.stderr)


@pytest.mark.extended
@pytest.mark.parametrize("name", [name for name in CODE if name != "own"])
def test_the_same_lock_gives_the_same_layers(sandbox: Sandbox, begun: Begun, name: str) -> None:
    begun.init("--yes")
    begun.bake()
    before = begun.layers("deps")
    begun.bake("--no-cache")
    assert begun.layers("deps") == before


@pytest.mark.extended
@pytest.mark.parametrize("name", ["pip", "uv", "poetry"])
def test_nothing_is_run_for_the_other_platform(
    sandbox: Sandbox, begun: Begun, tmp_path: Path, name: str
) -> None:
    """This engine cannot run linux/arm64 at all."""
    begun = replace(begun, base=push_python(sandbox, tmp_path / "base", *BOTH))
    begun.init("--yes")
    begun.bake("--platform", ",".join(BOTH))
    pair = Pair(sandbox, begun.folder, begun.repository, begun.base)
    assert set(pair.images("latest")) == {"amd64", "arm64"}
