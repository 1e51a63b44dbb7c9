from __future__ import annotations

import io
import itertools
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.compatibility.rows_remote import IN_GIT
from tests.integration.compatibility.runs import Ground
from tests.integration.deploys import Host, Web
from tests.integration.pairs import CODE, ON_DEPS, TINY_BASE, Pair, push_base
from tests.integration.remote_sources import git_server, http_server
from tests.integration.report_project import Project
from tests.integration.sandbox import EXAMPLE, REPOSITORIES, SHARED_ENGINE, Sandbox, command
from tests.integration.stand_ins import push_stand_in

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = f"{Path(__file__).parent.relative_to(Path(__file__).parents[2]).as_posix()}/"
    for item in items:
        if item.nodeid.startswith(here):
            item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox with one engine that tests share. CI must have it; elsewhere it is skipped."""
    words = command("up", SHARED_ENGINE)
    for last in (False, True):  # a start that took too long once is no reason to skip all tests
        up = subprocess.run(words, capture_output=True, text=True, check=False)
        if up.returncode == 0:
            break
        if last and os.environ.get("CI"):
            pytest.fail(up.stderr)
        if last:
            pytest.skip(up.stderr)
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    sandbox.clear_away()
    sandbox.publish_python_image()
    yield sandbox
    sandbox.down(SHARED_ENGINE)


@pytest.fixture(autouse=True)
def _all_is_up(request: pytest.FixtureRequest) -> None:
    """What a test has left broken is brought back before the next one, so that it fails alone."""
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox").bring_back()


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository name of the test's own."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name.lower())
    return f"{REPOSITORIES}/{next(_numbers)}-{name.strip('-')[:60].strip('-')}"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of examples/production-control, to change freely."""
    copy = tmp_path / "production-control"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def small(tmp_path: Path, sandbox: Sandbox, repository: str) -> Path:
    """A project whose stages take no time, and no bake file; the base is the sandbox's."""
    return sandbox.small_project(tmp_path / "small", unique=repository)


@pytest.fixture(scope="session")
def tiny_base(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A base image of 2 MB, so that moving it takes no time where that is not the point."""
    image = f"{sandbox.registry}/{TINY_BASE}:1"
    push_base(sandbox, tmp_path_factory.mktemp("tiny-base"), image)
    return image


@pytest.fixture(scope="session")
def stand_in(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that stands for all public ones."""
    return push_stand_in(sandbox, tmp_path_factory.mktemp("stand-in"))


@pytest.fixture
def pair(tmp_path: Path, sandbox: Sandbox, repository: str, tiny_base: str) -> Pair:
    """A small project whose dependencies weigh something, and the pair that it will publish."""
    pair = Pair(sandbox, tmp_path / "project", repository, tiny_base)
    pair.folder.mkdir()
    pair.write(ON_DEPS + CODE)
    pair.change_requirements("one")
    pair.change_code("one")
    return pair


@pytest.fixture
def fresh(sandbox: Sandbox) -> Iterator[str]:
    """An engine with an empty disk."""
    with sandbox.fresh_engine("fresh") as engine:
        yield engine


@pytest.fixture
def web(tmp_path: Path, sandbox: Sandbox, repository: str) -> Web:
    """A web service, as its team publishes it; nothing is published yet."""
    return Web.at(sandbox, tmp_path / "web", repository)


@pytest.fixture
def host(tmp_path: Path, sandbox: Sandbox, engine: str, web: Web) -> Iterator[Host]:
    """The host that runs it, on the engine that the module chooses; it runs nothing yet."""
    host = Host(sandbox, engine, tmp_path / "host", web.image)
    yield host
    host.down()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A repository and files that rows of docs/compatibility.md fetch."""
    files = tmp_path_factory.mktemp("files")
    with tarfile.open(files / "context.tar.gz", "w:gz") as archive:
        for name, text in {**IN_GIT, "app.txt": "in an archive\n"}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    (files / "docker-bake.hcl").write_text(IN_GIT["docker-bake.hcl"])
    repository = git_server(tmp_path_factory.mktemp("git"), IN_GIT)
    with repository as git, http_server(files) as http:
        yield {"$GIT": git.address, "$HTTP": http}


@pytest.fixture
def ground(sandbox: Sandbox, tmp_path: Path, served: dict[str, str]) -> Ground:
    """Where one construct is given to buildx and to whalebuild."""
    return Ground(sandbox, tmp_path, f"{REPOSITORIES}/compatibility", more=served)


@pytest.fixture
def reported(sandbox: Sandbox, tmp_path: Path, repository: str) -> Project:
    """A Dockerfile of three stages, requirements and code."""
    made = Project(sandbox, tmp_path / "project", repository)
    sandbox.small_project(made.folder, unique=repository)
    return made
