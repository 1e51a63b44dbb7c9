"""``ADD`` of an address without a checksum: pinned as a base image is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.remote_sources import git_http_server, http_server
from tests.integration.report_project import Project
from tests.integration.sandbox import Sandbox, downloaded


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def address(served: Path) -> Iterator[str]:
    with http_server(served) as found:
        yield found


def _write(reported: Project, *before: str, after: str = "") -> None:
    lines = ("FROM $PYTHON", *before, "RUN mkdir /made", "COPY app.py /srv/app/", after)
    reported.put("Dockerfile", "\n".join((*lines, "CMD cat /srv/app/*\n")))
    reported.put("docker-bake.json", '{"target": {"default": {"tags": ["$REPO/app"]}}}')
    reported.put("app.py", "code one\n")


@pytest.mark.extended
def test_a_file_in_the_app_base(reported: Project, served: Path, address: str) -> None:
    (served / "agent").write_text("agent one\n")
    _write(reported, f"ADD http://{address}/agent /srv/app/")
    first = reported.bake()
    assert [first[each]["action"] for each in ("default-deps", "default")] == ["built", "built"]
    (served / "agent").write_text("agent two\n")
    reported.put("app.py", "code two\n")
    assert reported.bake()["default-deps"]["action"] == "reused"
    assert reported.run("$REPO/app") == "agent one\ncode two\n"
    assert reported.bake("--pull")["default-deps"]["action"] == "built"
    assert reported.run("$REPO/app") == "agent two\ncode two\n"


@pytest.mark.extended
def test_a_file_after_the_code(reported: Project, served: Path, address: str) -> None:
    (served / "agent").write_text("agent one\n")
    _write(reported, after=f"ADD http://{address}/agent /srv/app/")
    reported.bake("--verify")
    (served / "agent").write_text("agent two\n")
    assert reported.bake()["default"]["action"] == "unchanged"
    assert "address http" in reported.plan()
    reported.put("app.py", "code two\n")
    done = reported.bake("--verify")
    assert done["default"]["verified"]
    assert reported.run("$REPO/app") == "agent two\ncode two\n"
    assert reported.bake("--pull")["default"]["action"] == "unchanged"


@pytest.mark.extended
def test_a_server_that_is_gone(sandbox: Sandbox, reported: Project, served: Path) -> None:
    """What is published needs it no more."""
    (served / "agent").write_text("agent one\n")
    with http_server(served) as address:
        _write(reported, f"ADD http://{address}/agent /srv/app/")
        reported.bake()
    reported.put("app.py", "code two\n")
    with sandbox.fresh_engine("fresh") as engine, sandbox.requests() as requests:
        done = reported.bake(engine=engine)
    assert done["default-deps"]["action"] == "reused"
    assert downloaded([r for r in requests if f"/{reported.repository}/" in r.path]) < 64_000
    assert reported.run("$REPO/app") == "agent one\ncode two\n"


@pytest.mark.extended
def test_a_branch_of_a_repository(reported: Project, served: Path) -> None:
    repository = served / "x.git"
    work = served.parent / "work"

    def git(*words: str) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    def commit(text: str) -> None:
        (work / "agent").write_text(text)
        git("-C", str(work), "add", ".")
        git("-C", str(work), "commit", "--quiet", "--message=x")
        git("-C", str(work), "push", "--quiet", str(repository), "main")

    git("init", "--quiet", "--bare", "--initial-branch=main", str(repository))
    git("init", "--quiet", "--initial-branch=main", str(work))
    commit("agent one\n")
    with git_http_server(served) as git_address:
        _write(reported, f"ADD http://{git_address}/x.git#main /srv/app/")
        reported.bake()
        commit("agent two\n")
        reported.put("app.py", "code two\n")
        assert reported.bake()["default-deps"]["action"] == "reused"
        assert reported.run("$REPO/app") == "agent one\ncode two\n"
        assert reported.bake("--pull")["default-deps"]["action"] == "built"
        assert reported.run("$REPO/app") == "agent two\ncode two\n"
