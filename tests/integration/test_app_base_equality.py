"""What is published for a Dockerfile as it is, is what the ordinary build of it makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appbase.cases import CASES, Case
from tests.integration.app_base_projects import NOT_HERE, Project, fetched
from tests.integration.remote_sources import http_server
from tests.integration.sandbox import Sandbox

_IN_GATE = {
    *("owner-by-name", "setgid-folder", "sticky-tmp", "link-as-destination", "code-over-base"),
    *("django-plain", "arguments", "pip-from-builder"),
}
_CASES = [
    pytest.param(case, id=case.id, marks=() if case.name in _IN_GATE else pytest.mark.extended)
    for case in CASES
    if case.name not in NOT_HERE
]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that has what ADD fetches."""
    folder = tmp_path_factory.mktemp("fetched")
    (folder / "add-address").write_bytes(fetched("add-address"))
    with http_server(folder) as found:
        yield found


@pytest.mark.parametrize("case", _CASES)
def test_a_code_change_publishes_what_the_ordinary_build_makes(
    sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str, address: str, case: Case
) -> None:
    project = Project(sandbox, tmp_path / "project", repository, stand_in, case, address)
    project.write()
    project.change_code(1)
    project.bake()
    project.change_code(2)
    done = project.bake()
    project.build_ordinarily()
    print(case.id, project.way(), {t["role"]: t["action"] for t in done["targets"]})
    found = project.compare()
    assert not found, "\n".join(found)
