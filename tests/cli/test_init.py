"""``whalebuild init`` from the command line to files and output."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from whalebuild.cli import init
from whalebuild.cli.app import app
from whalebuild.errors import ExitCode, UnreachableError
from whalebuild.plan.planner import Planner

FILES = [".dockerignore", "Dockerfile", "compose.yaml"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python project without a Dockerfile."""
    made = tmp_path / "shop"
    made.mkdir()
    (made / "requirements.txt").write_text("bottle==0.13.2\n")
    (made / "main.py").write_text("run(port=8000)\n")
    monkeypatch.chdir(made)
    return made


def invoke(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["init", *words], input=given, prog_name="whalebuild")


def new(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name in {*FILES, "whalebuild.toml"})


def test_yes_writes_and_says_what_the_guesses_were_made_from(folder: Path) -> None:
    done = invoke("--yes")
    assert done.exit_code == 0
    assert new(folder) == FILES
    assert "because requirements.txt is there, and no lock file" in done.stdout
    assert "a guess: a registry on this machine" in done.stdout
    assert "localhost:5000/shop" in (folder / "compose.yaml").read_text()
    assert "wrote Dockerfile, .dockerignore, compose.yaml" in done.stdout
    assert "FROM base AS dependencies" not in done.stdout, "in full only where it is asked about"


def test_again_it_keeps_what_is_there(folder: Path) -> None:
    invoke("--yes")
    (folder / "Dockerfile").unlink()
    (folder / ".dockerignore").write_text("mine\n")
    done = invoke("--yes")
    assert ".dockerignore is there, and stays as it is" in done.stdout
    assert (folder / ".dockerignore").read_text() == "mine\n"
    assert "to be added to compose.yaml by you" in done.stdout


def test_dry_run_shows_the_files_and_writes_nothing(folder: Path) -> None:
    done = invoke("--dry-run", "--image", "ghcr.io/acme/shop")
    assert done.exit_code == 0
    assert new(folder) == []
    assert "  FROM base AS dependencies\n" in done.stdout
    assert "image: ghcr.io/acme/shop" in done.stdout
    assert "nothing was written" in done.stdout


def test_without_a_terminal_it_does_not_ask(folder: Path) -> None:
    done = invoke(given="y\n")
    assert done.exit_code == ExitCode.USAGE
    assert "--yes" in done.output
    assert new(folder) == []


@pytest.mark.parametrize(
    ("answers", "written", "image"),
    [
        ("\n\n", FILES, "localhost:5000/shop"),
        ("acme/shop\ny\n", FILES, "acme/shop"),
        ("\nn\n", [], ""),
    ],
)
def test_on_a_terminal_it_asks(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answers: str, written: list[str], image: str
) -> None:
    monkeypatch.setattr(init, "_is_terminal", lambda: True)
    done = invoke(given=answers)
    assert done.exit_code == 0
    assert new(folder) == written
    assert "  FROM base AS dependencies\n" in done.stdout
    if written:
        assert image in (folder / "compose.yaml").read_text()
    else:
        assert "nothing was written" in done.stdout


def test_on_a_real_terminal(folder: Path) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keys:
        keys.write(b"\n\n")
        done = subprocess.run(
            [sys.executable, "-m", "whalebuild", "init"],
            cwd=folder,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "Write this?" in done.stderr
    assert new(folder) == FILES


@pytest.mark.parametrize("words", [(), ("--yes",), ("--dry-run",)])
def test_json(folder: Path, words: tuple[str, ...]) -> None:
    """Without --yes machines are told, and nothing is written: nobody was asked."""
    done = invoke("--format", "json", *words)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["schema"] == "whalebuild.init/1"
    assert found["written"] == (words == ("--yes",)) == bool(new(folder))
    assert sorted(file["path"] for file in found["files"]) == FILES
    assert [each["sure"] for each in found["found"]] == [True, True, True, False]


@pytest.mark.parametrize(
    ("words", "files", "said"),
    [
        (("--image", "Acme/Shop"), {}, "--image"),
        (("--image", "UP/case"), {}, "write up/case, or the registry's whole name"),
        ((), {"pyproject.toml": "project = 3"}, "project is no table"),
        ((), {"pyproject.toml": "[project]\ndependencies = 3"}, "is no list of strings"),
        ((), {"pyproject.toml": "[project]\nrequires-python = 3"}, "requires-python of [project]"),
        ((), {"pyproject.toml": "no toml"}, "pyproject.toml is not well formed"),
        ((), {"whalebuild.toml": "no toml"}, "whalebuild.toml is not well formed"),
        ((), {"pyproject.toml": f"a = {'[' * 200_000}"}, "pyproject.toml is not well formed"),
        ((), {"pyproject.toml": f"a = {'9' * 5000}"}, "pyproject.toml is not well formed"),
        ((), {"requirements.txt": "-e .\n"}, "names a folder of the project"),
    ],
)
def test_what_is_wrong_is_said(
    folder: Path, words: tuple[str, ...], files: dict[str, str], said: str
) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    done = invoke("--yes", *words)
    assert done.exit_code == ExitCode.USAGE
    assert said in done.output
    assert "Dockerfile" not in new(folder)


def test_a_folder_in_a_files_place(folder: Path) -> None:
    (folder / ".dockerignore").mkdir()
    done = invoke("--yes")
    assert done.exit_code == ExitCode.USAGE
    assert "a folder is in its place" in done.output
    assert "move the folder away" in done.output
    assert new(folder) == [".dockerignore"]


def test_a_script_that_needs_no_packages(folder: Path) -> None:
    """What the message says is done, and is enough."""
    (folder / "requirements.txt").unlink()
    done = invoke("--yes")
    assert done.exit_code == ExitCode.USAGE
    assert "an empty requirements.txt is enough" in done.output
    (folder / "requirements.txt").touch()
    assert invoke("--yes").exit_code == 0
    assert new(folder) == FILES


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    done = invoke("--yes")
    assert done.exit_code == ExitCode.USAGE
    assert "cannot write Dockerfile" in done.output
    assert "Permission denied" in done.output


@pytest.fixture
def baked(project: Path) -> Path:
    """A project whose bake file names the image."""
    (project / "docker-bake.hcl").write_text('target "app" { tags = ["acme/web:latest"] }\n')
    return project


SLOW = "FROM python:3.13-slim\nCOPY . /app/\nRUN pip install -r /app/requirements.txt\n"


def test_a_dockerfile_stays_and_its_patch_is_shown(baked: Path) -> None:
    (baked / "Dockerfile").write_text(SLOW)
    (baked / "requirements.txt").write_text("bottle==0.13.2\n")
    done = invoke("--yes")
    assert done.exit_code == 0, done.output
    assert (baked / "Dockerfile").read_text() == SLOW
    assert "+COPY requirements.txt /app/" in done.stdout
    assert "saves a download of the app base" in done.stdout
    assert "nothing needs to be written" in done.stdout
    assert "whalebuild plan --patch | patch -p1" in done.stdout
    found = json.loads(invoke("--format", "json").stdout)
    (target,) = found["targets"]
    (change,) = target["patch"]["changes"]
    assert (change["line"], change["bytes"], change["seconds"]) == (3, None, None)
    assert found["not_asked"] is None


def test_a_stage_of_dependencies_needs_no_patch(baked: Path) -> None:
    """And where nothing is to be written, nobody has to be asked."""
    done = invoke()
    assert done.exit_code == 0
    assert "app: its dependencies are stage dependencies" in done.stdout
    assert "--patch" not in done.stdout


@pytest.mark.parametrize("text", ["FORM x\n", "", "\x00\x01\x02", "RUN a\n"])
def test_a_dockerfile_that_cannot_be_built_is_refused_before_anything_is_written(
    project: Path, text: str
) -> None:
    """Where there is no bake file, the name of the image would be written."""
    (project / "docker-bake.hcl").unlink()
    (project / "Dockerfile").write_text(text)
    done = invoke("--yes", "--image", "acme/web")
    assert done.exit_code == ExitCode.USAGE, done.output
    assert "Dockerfile" in done.output
    assert not (project / "whalebuild.toml").exists()


def test_a_registry_that_cannot_be_reached_is_said(
    baked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(planner: Planner, *_: object) -> Any:
        raise UnreachableError("the registry could not be reached")

    monkeypatch.setattr(Planner, "plan", plan)
    done = invoke("--yes")
    assert done.exit_code == 0
    assert "not be reached: the Dockerfile was not looked at" in done.stdout
