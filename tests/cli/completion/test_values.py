"""Values from docker, whose client is a script here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from whalebuild.cli.app import app
from whalebuild.cli.completion.verb import answer_lines

TARGETS = [{"name": "app", "description": "the service"}, {"name": "default", "group": True}]


def lines(*words: str) -> list[str]:
    return answer_lines(typer.main.get_command(app), words)  # type: ignore[arg-type]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the client; it writes what it was asked beside itself."""
    client = tmp_path / "docker"
    client.write_text('#!/bin/sh\necho "$@" >>"$0.asked"\necho noise >&2\ncat "$0.answer"\n')
    client.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_targets_and_groups_are_those_of_the_files_that_are_named(docker: Path) -> None:
    (docker / "docker.answer").write_text(json.dumps(TARGETS))
    assert lines("bake", "-f", "x.hcl", "") == ["app\tthe service", "default", ":4"]
    asked = (docker / "docker.asked").read_text()
    assert asked == "buildx bake --file x.hcl --list type=targets,format=json\n"


def test_without_one_the_files_are_those_of_the_settings(docker: Path) -> None:
    (docker / "docker.answer").write_text(json.dumps(TARGETS))
    (docker / "whalebuild.toml").write_text('file = ["other.hcl"]\n')
    assert lines("plan", "a") == ["app\tthe service", ":4"]
    assert "--file other.hcl" in (docker / "docker.asked").read_text()


def test_in_a_folder_of_a_project_they_are_the_project_s(
    docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (docker / "docker.answer").write_text(json.dumps(TARGETS))
    (docker / "docker").write_text('#!/bin/sh\npwd -P >"$0.where"\ncat "$0.answer"\n')
    (docker / ".git").mkdir()
    (docker / "compose.yaml").touch()
    (docker / "src").mkdir()
    monkeypatch.chdir(docker / "src")
    assert lines("bake", "a") == ["app\tthe service", ":4"]
    assert Path((docker / "docker.where").read_text().strip()) == docker.resolve()


@pytest.mark.parametrize("answer", ["", "not json", "{}", '[{"nome": 1}]', "null", "[1]"])
def test_what_is_no_list_is_no_candidate(docker: Path, answer: str) -> None:
    (docker / "docker.answer").write_text(answer)
    assert lines("bake", "") == [":4"]


def test_services_are_those_of_the_compose_project(docker: Path) -> None:
    (docker / "docker.answer").write_text("web\nworker\n")
    assert lines("deploy", "-f", "c.yml", "wo") == ["worker", ":4"]
    assert (docker / "docker.asked").read_text() == "compose --file c.yml config --services\n"


def test_builders_and_platforms_are_those_that_buildx_has_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path))
    (tmp_path / "instances").mkdir()
    node = {"Name": "far0", "Platforms": [{"os": "linux", "architecture": "mips64le"}]}
    stored = {"Name": "far", "Driver": "remote", "Nodes": [node]}
    (tmp_path / "instances/far").write_text(json.dumps(stored))
    assert lines("bake", "--builder", "") == [
        "far\tdriver remote",
        "default\tthe engine's own",
        "auto\tthe one that fits best",
        ":4",
    ]
    assert lines("builder", "rm", "")[:2] == ["far\tdriver remote", "default\tthe engine's own"]
    assert "auto" not in "".join(lines("builder", "inspect", ""))
    assert lines("bake", "--platform", "linux/m") == ["linux/mips64le", ":4"]


def test_docker_is_answered_as_it_asks_its_plugins() -> None:
    program = "import sys; from whalebuild.cli.entry import main; sys.argv = sys.argv[1:]; main()"
    words = ["/plugins/docker-whale", "__complete", "whale", "builder", "r"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=True
    )
    about = "Remove a builder, its daemons and their caches"
    assert done.stdout.startswith(f"rm\t{about}")
    assert done.stdout.endswith("\n:4\n")


def test_without_docker_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lines("bake", "") == [":4"]
    assert lines("deploy", "") == [":4"]
    assert capfd.readouterr() == ("", "")


def test_whatever_goes_wrong_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("whalebuild.cli.completion.answer.answer", fail)
    assert lines("bake", "") == [":4"]
