"""What is published for a Dockerfile as it is, is what the ordinary build of it makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.appbase.cases import CASES, Case
from tests.integration.app_base_projects import (
    NOT_HERE,
    ON_BASE,
    ORDINARY,
    SHORT,
    Project,
    fetched,
)
from tests.integration.remote_sources import http_server
from tests.integration.sandbox import Sandbox

# What BuildKit says while the layers of an app base are read.
_READS = "exporting to oci image format"
_IN_GATE = {"owner-by-name", "link-as-destination", "django-assets", "small-over-tools"}
# Built as buildx builds them: nothing stands before the code, or not the same would be built.
_ORDINARY = {
    *("add-rootfs", "arguments", "go-scratch", "onbuild-in-chain", "platform-of-build"),
    *("pnpm-shared-base", "shared-builder"),
}
# Something runs after the code, an archive is unpacked, or a stage stands on the app base.
_ON_BASE = {
    *("add-tars", "copy-from-chain", "django-collectstatic", "django-manage-first"),
    *("flask-all-first", "flask-source-first", "java-jar-touch", "many-by-pattern"),
    *("monorepo-web", "mount-context", "mount-folder", "php-dump-autoload", "poetry-one-stage"),
    *("rails-chown", "rails-generated", "side-stage-on-app-base", "uv-documented"),
    *("small-not-of-base", "small-over-tools", "small-own-path", "small-with-links"),
    *("wheel", "whole-stage-mounted"),
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
    # What whalebuild itself compares has to be equal, too: --verify raises no false alarm.
    done = project.bake(*(() if case.name in _IN_GATE else ("--verify",)))
    project.build_ordinarily()
    way = ORDINARY if case.id in _ORDINARY else ON_BASE if case.id in _ON_BASE else SHORT
    assert project.way() == way
    if way == SHORT and case.name not in _IN_GATE:
        assert done["targets"][-1]["verified"]
    found = project.compare()
    assert not found, "\n".join(found)


@pytest.mark.extended
@pytest.mark.parametrize("case", [c for c in CASES if c.id == "small-not-of-base"], ids=["chown"])
def test_commands_that_a_stub_is_not_for_are_tried_once(
    sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str, case: Case
) -> None:
    project = Project(sandbox, tmp_path / "project", repository, stand_in, case)
    project.write()
    first = project.bake()["stderr"]
    assert "/srv/app/requirements.txt" in first
    assert _READS in first
    project.change_code(1)
    again = project.bake()["stderr"]
    assert "/srv/app/requirements.txt" in again
    assert _READS not in again


@pytest.mark.extended
@pytest.mark.parametrize("case", [c for c in CASES if c.id == "small-chmod"], ids=["rm"])
def test_a_command_that_fails_on_a_stub_has_the_whole_app_base(
    sandbox: Sandbox, tmp_path: Path, repository: str, stand_in: str, case: Case
) -> None:
    project = Project(sandbox, tmp_path / "project", repository, stand_in, case)
    project.write()
    dockerfile = project.folder / "Dockerfile"
    dockerfile.write_text(f"{dockerfile.read_text()}RUN rm nothing\n")
    done = sandbox.whalebuild("bake", cwd=project.folder)
    assert done.returncode == 4
    assert "default failed on a stub: it is built on the whole app base" in done.stderr
    assert done.stderr.count("rm: cannot remove 'nothing'") >= 2
