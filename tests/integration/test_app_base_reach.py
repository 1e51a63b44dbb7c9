"""What a code change costs on an empty engine, for Dockerfiles as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.appbase.cases import CASES
from tests.integration.app_base_projects import ON_BASE, SHORT, Project
from tests.integration.app_base_reach import Cost, cost_of_code
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended

KIB = 1024
# Code that is a few lines, and what is told of it.
_CODE = 8 * KIB


def _cost(sandbox: Sandbox, folder: Path, repository: str, stand_in: str, name: str) -> Cost:
    (case,) = [case for case in CASES if case.id == name]
    cost = cost_of_code(sandbox, Project(sandbox, folder, repository, stand_in, case))
    print(cost)
    return cost


@pytest.mark.parametrize(
    "name",
    [
        "pip-one-stage",
        extended("alpine-scripts"),
        extended("copy-exclude"),
        extended("django-plain"),
        extended("java-jar"),
        extended("nginx-config-only"),
        extended("node-npm-ci"),
        extended("owner-by-name"),
        extended("php-composer"),
        extended("pip-copy-from-builder"),
        extended("poetry-two-stages"),
        extended("ruby-bundler"),
        extended("setgid-folder"),
    ],
)
def test_code_alone_moves_where_nothing_runs_after_it(
    sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str, name: str
) -> None:
    cost = _cost(sandbox, tmp_path / "project", repository, stand_in, name)
    assert cost.way == SHORT
    assert cost.down <= 32 * KIB
    assert cost.up <= _CODE
    assert cost.requests <= 20
    assert cost.steps[0] == 0
    assert not cost.commands


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("django-collectstatic", ["python manage.py collectstatic --noinput"]),
        extended("uv-documented", ["uv sync --locked"]),
        extended("poetry-one-stage", ["poetry install --only-root"]),
        extended("java-jar-touch", []),
    ],
)
def test_no_step_before_the_code_runs_where_one_after_it_does(
    sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str, name: str, runs: list[str]
) -> None:
    cost = _cost(sandbox, tmp_path / "project", repository, stand_in, name)
    assert cost.way == ON_BASE
    assert cost.steps[0] == 0
    assert list(cost.commands) == runs


@pytest.mark.parametrize(
    "name", [extended("go-distroless"), extended("node-to-nginx"), extended("uv-two-stages")]
)
def test_what_is_built_beside_is_cached_up_to_the_code(
    sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str, name: str
) -> None:
    cost = _cost(sandbox, tmp_path / "project", repository, stand_in, name)
    assert cost.steps[0] == 0
    assert not [each for each in cost.commands if "install" in each or "download" in each]
