"""``whalebuild doctor`` from the command line, where there is next to nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from whalebuild.cli.app import app
from whalebuild.cli.output.doctor import SCHEMA

Docker = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder, and a home without logins."""
    (tmp_path / "project").mkdir()
    (tmp_path / "no-docker").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / ".docker"))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *words], prog_name="whalebuild")


def statuses(done: Result) -> dict[str, str]:
    found = json.loads(done.stdout)
    assert found["schema"] == SCHEMA
    return {check["check"]: check["status"] for check in found["checks"]}


def test_no_docker_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-docker"))
    done = invoke("--format", "json")
    assert done.exit_code == 3
    found = statuses(done)
    assert [name for name, status in found.items() if status == "failure"] == ["client"]
    assert found["disk"] in {"ok", "warning"}
    assert found["settings"] == "ok"
    assert {found[name] for name in ("buildx", "engine", "builder", "push")} == {"skipped"}


def test_settings_that_are_wrong_do_not_hide_the_rest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-docker"))
    monkeypatch.setenv("WHALEBUILD_RETRY_ATTEMPTS", "many")
    found = statuses(invoke("--format", "json"))
    assert (found["client"], found["settings"], found["project"]) == (
        "failure",
        "failure",
        "skipped",
    )


def test_variables_that_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("WHALEBUILD_BULIDER", "x")
    found = json.loads(invoke("--format", "json").stdout)
    (settings,) = (check for check in found["checks"] if check["check"] == "settings")
    assert settings["status"] == "warning"
    assert "WHALEBUILD_BULIDER is not a setting" in settings["findings"][0]["what"]


def test_an_engine_that_is_down_as_text(docker: Docker) -> None:
    docker(
        'case "$*" in\n'
        "  --version) echo 'Docker version 28.5.2, build ecc6942' ;;\n"
        "  'buildx version') echo 'github.com/docker/buildx v0.29.1 abc' ;;\n"
        "  'compose version') echo 'Docker Compose version v2.40.3' ;;\n"
        "  *) echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon"
        " running?' >&2; exit 1 ;;\n"
        "esac"
    )
    done = invoke()
    assert done.exit_code == 3
    lines = done.stdout.splitlines()
    assert any(line.split() == ["ok", "buildx", "0.29.1"] for line in lines)
    assert "failure  engine          the Docker engine is not running" in lines
    assert "                         $ unset DOCKER_HOST" in lines
    assert lines[-1].startswith("1 failure; ")


def test_words_that_are_no_words() -> None:
    assert invoke("--set", "nothing").exit_code == 2


def test_in_a_folder_of_a_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-docker"))
    (tmp_path / "project/compose.yaml").write_text("services: {}\n")
    (tmp_path / "project/src").mkdir()
    monkeypatch.chdir(tmp_path / "project/src")
    done = invoke("--format", "json")
    assert "running in .., which has compose.yaml" in done.stderr
    assert "neither" not in done.stdout
    assert Path.cwd() == tmp_path / "project/src"
