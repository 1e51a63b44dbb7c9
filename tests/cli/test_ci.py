from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.engine import definition
from whalebuild.ci.pins import PINS
from whalebuild.cli.app import app

BOTH = "linux/amd64,linux/arm64"
WAYS = {
    "plain": [],
    "deploy": ["--deploy", "deploy@prod.example.com:2222"],
    "matrix": ["--matrix", "--platform", BOTH],
    "matrix-deploy": ["--matrix", "--platform", BOTH, "--deploy", "prod"],
    "image": ["--image", "registry.example.com/acme/web"],
    "all": [
        "--matrix",
        "--platform",
        BOTH,
        "--deploy",
        "a@b",
        "--metadata",
        "--source",
        "./tools/w",
    ],
    "names": ["--branch", "release/1.0#x", "--source", "whalebuild @ git+https://x.example/w@1"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, on a machine without docker."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ci(*words: str) -> Result:
    return CliRunner().invoke(app, ["ci", *words], prog_name="whalebuild")


def bake_file(folder: Path) -> None:
    text = 'target "docker-metadata-action" {}\ntarget "default" {}\n'
    (folder / "docker-bake.hcl").write_text(text)


def lint(workflow: Path) -> str:
    """What actionlint says of a workflow."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    actionlint = shutil.which("actionlint", path=path)
    if actionlint is None:
        pytest.skip("there is no actionlint; on Linux `make setup` installs it")
    words = (actionlint, "-no-color", "-shellcheck=", "-pyflakes=", str(workflow))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    assert bool(done.returncode) is bool(done.stdout)
    return done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_actionlint_finds_nothing_in_a_workflow(folder: Path, way: str) -> None:
    bake_file(folder)
    done = ci("github", *WAYS[way])
    assert done.exit_code == 0, done.stderr
    (folder / "workflow.yml").write_text(done.stdout)
    assert lint(folder / "workflow.yml") == ""


@pytest.mark.parametrize("way", WAYS)
def test_every_action_is_pinned_by_its_commit(folder: Path, way: str) -> None:
    bake_file(folder)
    used = re.findall(r"uses: (.*)", ci("github", *WAYS[way]).stdout)
    assert used
    for each in used:
        action, commit, version = re.fullmatch(r"(\S+)@([0-9a-f]{40}) # (v\d.*)", each).groups()  # type: ignore[union-attr]
        assert PINS[action] == (commit, version)


@pytest.mark.parametrize("service", ["github", "gitlab"])
@pytest.mark.parametrize("way", ["plain", "deploy", "matrix", "matrix-deploy", "image", "names"])
def test_it_is_yaml_and_nothing_of_the_template_is_left(service: str, way: str) -> None:
    yaml = pytest.importorskip("yaml", reason="`make setup` installs it")
    done = ci(service, *WAYS[way])
    assert done.exit_code == 0, done.stderr
    assert yaml.safe_load(done.stdout)
    assert "<<" not in done.stdout
    assert "#?" not in done.stdout
    assert not re.search(r"^\s*#\.$", done.stdout, re.MULTILINE)


def test_what_the_settings_say_is_not_said_again(folder: Path) -> None:
    assert "WHALEBUILD_IMAGE: ghcr.io/${{ github.repository }}" in ci("github").stdout
    settings = 'image = "ghcr.io/acme/web"\nplatform = ["linux/amd64", "linux/arm64"]\n'
    (folder / "whalebuild.toml").write_text(settings)
    text = ci("github", "--matrix").stdout
    assert "WHALEBUILD_IMAGE" not in text
    assert "WHALEBUILD_PLATFORM" not in text
    assert "{platform: linux/arm64, runner: ubuntu-24.04-arm}" in text
    assert "packages: write" in text


def test_another_registry_has_secrets_of_its_own() -> None:
    done = ci("github", "--image", "registry.example.com/acme/web")
    assert "packages: write" not in done.stdout
    assert "registry: registry.example.com\n" in done.stdout
    assert "REGISTRY_PASSWORD" in done.stdout
    assert "set the secrets REGISTRY_USERNAME and REGISTRY_PASSWORD" in done.stderr


def test_metadata_is_one_more_bake_file(folder: Path) -> None:
    refused = ci("github", "--metadata")
    assert refused.exit_code == 2
    assert "needs a bake file" in refused.stderr
    bake_file(folder)
    text = ci("github", "--metadata").stdout
    assert 'run: whalebuild bake --file docker-bake.hcl --file "$META"' in text
    assert "META: ${{ steps.meta.outputs.bake-file }}" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["github", "--matrix"], "a matrix needs the platforms to be named"),
        (["github", "--matrix", "--platform", "linux/amd64,linux/s390x"], "no runner for linux/s3"),
        (["github", "--deploy", "prod; rm -rf /"], "is not a host"),
        (["github", "--deploy", "-oProxyCommand"], "is not a host"),
        (["gitlab", "--metadata"], "is an action of GitHub's"),
        (["github", "--image", "A b"], "A b"),
    ],
)
def test_what_does_not_fit_is_refused(words: list[str], said: str) -> None:
    done = ci(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_nothing_is_overwritten(folder: Path) -> None:
    path = folder / ".github" / "workflows" / "image.yml"
    done = ci("github", "--output", str(path))
    assert (done.exit_code, done.stdout) == (0, "")
    assert path.read_text() == ci("github").stdout
    path.write_text("mine\n")
    refused = ci("github", "--output", str(path))
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr
    assert path.read_text() == "mine\n"


def test_where_it_is_installed_from_is_said_to_be_open() -> None:
    assert "instead of git+https://github.com/OWNER/whalebuild@REF" in ci("github").stderr
    assert ci("github", "--source", "./tools/w").stderr == ""


def test_the_recipe_of_the_docs_is_what_is_printed() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "ci.md").read_text()
    recipe = re.findall(r"```yaml\n(name: image\n.*?)```", docs, re.DOTALL)[0]
    printed = ci("github").stdout
    assert printed.partition("\n")[2] == recipe
    assert len(recipe.splitlines()) < 30


Docker = Callable[[str], Path]
COMPOSE = "services:\n  web:\n    build: .\n    image: {image}:latest\n"


def printing(docker: Docker, *tags: list[str]) -> Path:
    """A docker whose buildx reads the bake file so: one target for each list of tags."""
    folder = docker('echo "$@" >> asked; cat printed.json')
    printed = definition({f"app{n}": {"tags": each} for n, each in enumerate(tags)})
    (folder / "printed.json").write_text(json.dumps(printed))
    (folder / "compose.yaml").write_text(COMPOSE.format(image="acme/web"))
    return folder


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_the_image_of_the_bake_file_is_not_said_again(docker: Docker, service: str) -> None:
    printing(docker, ["registry.example.com/acme/web:latest"])
    done = ci(service, "--source", ".")
    assert done.exit_code == 0, done.stderr
    assert "WHALEBUILD_IMAGE" not in done.stdout
    assert "registry.example.com" in done.stdout
    assert "ghcr.io" not in done.stdout
    assert "REGISTRY_USERNAME and REGISTRY_PASSWORD" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_bake_file_s_image_on_ghcr_needs_no_secrets(docker: Docker) -> None:
    printing(docker, ["ghcr.io/acme/web:latest"])
    done = ci("github", "--source", ".")
    assert "WHALEBUILD_IMAGE" not in done.stdout
    assert "packages: write" in done.stdout
    assert done.stderr == ""


def test_every_registry_that_the_bake_file_pushes_to_is_said(docker: Docker) -> None:
    printing(docker, ["a.example.com/web:1", "b.example.com/web:1"], ["c.example.com/web:1"])
    done = ci("github", "--source", ".")
    assert "registry: a.example.com\n" in done.stdout
    assert "log in to b.example.com, c.example.com, too" in done.stderr


def test_a_target_without_tags_needs_the_image(docker: Docker) -> None:
    printing(docker, [])
    assert "WHALEBUILD_IMAGE: ghcr.io/${{ github.repository }}" in ci("github").stdout
    assert "WHALEBUILD_IMAGE: acme/web" in ci("github", "--image", "acme/web").stdout


def test_an_image_that_bake_would_refuse_is_refused(docker: Docker) -> None:
    printing(docker, ["acme/web:latest"])
    assert "WHALEBUILD_IMAGE" not in ci("github", "--image", "acme/web").stdout
    refused = ci("github", "--image", "ghcr.io/acme/web")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "would not be published" in refused.stderr


def test_a_compose_file_that_builds_nothing_is_no_bake_file(docker: Docker) -> None:
    folder = printing(docker)
    assert "WHALEBUILD_IMAGE" in ci("github").stdout
    (folder / "asked").unlink()
    (folder / "compose.yaml").write_text("services:\n  db:\n    image: postgres:17\n")
    assert "WHALEBUILD_IMAGE" in ci("github").stdout
    assert not (folder / "asked").exists()


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_without_docker_the_registry_is_said_to_be_a_guess(folder: Path, service: str) -> None:
    (folder / "compose.yaml").write_text(COMPOSE.format(image="acme/web"))
    done = ci(service)
    assert done.exit_code == 0, done.stderr
    assert "WHALEBUILD_IMAGE" not in done.stdout
    assert "(no docker client on PATH): it is a guess" in done.stderr


def test_a_bake_file_that_buildx_cannot_read_is_said(docker: Docker) -> None:
    folder = docker('echo "ERROR: docker-bake.hcl:1,1-2: no way" >&2; exit 1')
    bake_file(folder)
    done = ci("github")
    assert (done.exit_code, "WHALEBUILD_IMAGE" in done.stdout) == (0, False)
    assert "docker-bake.hcl:1,1-2: no way): it is a guess" in done.stderr


ACTION = """
on: [push]
jobs:
  bake:
    runs-on: ubuntu-24.04
    steps:
      - id: bake
        uses: ./
        with:
          {word}: merge
      - run: echo "$DIGEST"
        env:
          DIGEST: ${{{{ steps.bake.outputs.{output} }}}}
"""


@pytest.mark.parametrize(
    ("word", "output", "is_clean"),
    [("command", "deps-digest", True), ("comand", "digest", False), ("args", "diget", False)],
)
def test_actionlint_knows_the_action(folder: Path, word: str, output: str, is_clean: bool) -> None:
    (folder / ".git").mkdir()
    shutil.copy(Path(__file__).parents[2] / "action.yml", folder)
    path = folder / ".github" / "workflows" / "workflow.yml"
    path.parent.mkdir(parents=True)
    path.write_text(ACTION.format(word=word, output=output))
    said = lint(path)
    assert (said == "") is is_clean, said


def test_the_component_is_yaml_whose_inputs_are_declared() -> None:
    yaml = pytest.importorskip("yaml", reason="`make setup` installs it")
    text = (Path(__file__).parents[2] / "templates" / "whalebuild.yml").read_text()
    head, jobs = yaml.safe_load_all(text)
    used = set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", text))
    assert used == set(head["spec"]["inputs"])
    (job,) = jobs.values()
    assert job["script"] == ["$[[ inputs.command ]]"]
