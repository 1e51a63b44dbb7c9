"""What a code change costs on an empty engine, for Dockerfiles as they are.

With ``WHALEBUILD_REACH=FILE`` docs/reach.md is written there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

from tests.appbase.cases import CASES, Case
from tests.integration.app_base_projects import NOT_HERE, ON_BASE, SHORT, SIDE, Project, fetched
from tests.integration.app_base_reach import Cost, cost_of_code, page
from tests.integration.remote_sources import http_server
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import extended, rarely

KIB = 1024
# What a shell, file commands and their libraries weigh.
_TOOLS = 2048 * KIB
# Code that is a few lines, and what is told of it.
_CODE = 8 * KIB
# Of a bake, and two more for each layer: where to put it, and put.
_REQUESTS = 18
_ID = attrgetter("id")
_costs: list[Cost] = []
_SHORT = [
    *("alpine-scripts", "copy-exclude", "django-plain", "java-jar", "nginx-config-only"),
    *("node-npm-ci", "owner-by-name", "php-composer", "pip-copy-from-builder", "pip-one-stage"),
    *("poetry-two-stages", "ruby-bundler", "setgid-folder", "small-chmod"),
]
_ON_BASE = {
    "django-collectstatic": ["python manage.py collectstatic --noinput"],
    "java-jar-touch": [],
    "poetry-one-stage": ["poetry install --only-root"],
    "uv-documented": ["uv sync --locked"],
}
_IN_GATE = {"pip-one-stage", "django-collectstatic"}
_OTHERS = [
    case
    for case in CASES
    if case.id not in {*_SHORT, *_ON_BASE} and case.name not in NOT_HERE and case.line
]


@pytest.fixture(scope="module", autouse=True)
def _written() -> Iterator[None]:
    yield
    path = os.environ.get("WHALEBUILD_REACH")
    if path:
        Path(path).write_text(page(_costs))


@pytest.fixture
def project(
    request: pytest.FixtureRequest,
    sandbox: Sandbox,
    tmp_path: Path,
    repository: str,
    stand_in: str,
    case: Case,
) -> Iterator[Project]:
    """The project of a case."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / case.name).write_bytes(fetched(case.name))
    with http_server(tmp_path / "served") as address:
        yield Project(sandbox, tmp_path / "project", repository, stand_in, case, address)


def _named(*names: str) -> list[object]:
    found = {case.id: case for case in CASES}
    return [pytest.param(found[n], id=n) if n in _IN_GATE else extended(found[n]) for n in names]


def _cost(project: Project) -> Cost:
    cost = cost_of_code(project)
    _costs.append(cost)
    print(cost)
    return cost


def _check_short(cost: Cost) -> None:
    tools = cost.name.startswith("small-")  # a layer of their own
    assert cost.down <= 32 * KIB + tools * _TOOLS
    assert cost.up <= _CODE
    assert cost.requests <= _REQUESTS + 2 * cost.steps[1] + tools
    assert cost.steps[0] == 0
    assert not cost.commands


@pytest.mark.parametrize("case", _named(*_SHORT), ids=_ID)
def test_code_alone_moves_where_nothing_runs_after_it(project: Project) -> None:
    cost = _cost(project)
    assert cost.way == SHORT
    _check_short(cost)


@pytest.mark.parametrize("case", _named(*_ON_BASE), ids=_ID)
def test_no_step_before_the_code_runs_where_one_after_it_does(project: Project) -> None:
    cost = _cost(project)
    assert cost.way == ON_BASE
    assert cost.steps[0] == 0
    assert list(cost.commands) == _ON_BASE[project.case.id]


@pytest.mark.parametrize("case", [rarely(case) for case in _OTHERS], ids=_ID)
def test_every_other_dockerfile(project: Project) -> None:
    cost = _cost(project)
    assert cost.steps[0] == 0
    if cost.way == SHORT and project.case.name not in SIDE:
        _check_short(cost)


@pytest.mark.extended
@pytest.mark.parametrize("case", [case for case in CASES if case.id == "pip-one-stage"], ids=_ID)
def test_a_new_destination_has_a_stub_derived_once(sandbox: Sandbox, project: Project) -> None:
    project.write()
    project.bake()
    dockerfile = project.folder / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("COPY . .", "COPY . /usr/local/bin/"))
    project.bake()
    project.change_code(1)
    with sandbox.fresh_engine("reach") as engine, sandbox.requests() as requests:
        project.bake(engine=engine)
    assert project.way() == SHORT
    assert downloaded(requests) <= 32 * KIB
