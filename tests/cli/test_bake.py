"""``whalebuild bake`` from the command line to its output; a script stands in for docker."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.conftest import Docker
from tests.support.engine import definition
from tests.support.progress import recording
from tests.support.registry import FakeRegistry
from whalebuild.cli.app import app
from whalebuild.errors import ExitCode


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="whalebuild")


def bake(*words: str) -> Result:
    return run("bake", *words)


@pytest.mark.parametrize(
    ("words", "asked"),
    [(["bake"], "True"), (["bake", "--print"], "False"), (["plan"], "True")],
    ids=["bake", "print", "plan"],
)
def test_the_engine_and_the_registry_are_asked_except_to_print(
    project: Path, words: list[str], asked: str
) -> None:
    assert run(*words).exit_code == 0
    assert (project / "asked").read_text() == asked


@pytest.mark.usefixtures("project")
def test_a_plan_is_shown_as_text_or_json_and_runs_nothing() -> None:
    text = run("plan", "--tag", "v1")
    assert text.stdout.startswith("from docker-bake.hcl\n")
    assert "acme/web:v1" in text.stdout
    made = json.loads(run("plan", "--format", "json").stdout)
    assert made["schema"] == "whalebuild.plan/1"
    assert [target["target"] for target in made["targets"]] == ["app-deps", "app"]


def test_a_plan_shows_patches_alone(project: Path) -> None:
    text = "FROM debian\nWORKDIR /srv\nCOPY . .\nRUN pip install -r requirements.txt\n"
    assert run("plan", "--patch").stdout == ""
    (project / "Dockerfile").write_text(text)
    (project / "requirements.txt").write_text("flask\n")
    patch = run("plan", "--patch").stdout
    subprocess.run(("patch", "-p1"), cwd=project, input=patch.encode(), check=True)
    assert (project / "Dockerfile").read_text() == (
        "FROM debian\nWORKDIR /srv\nCOPY requirements.txt ./\n"
        "RUN pip install -r requirements.txt\nCOPY . .\n"
    )
    assert run("plan", "--patch").stdout == ""
    assert "patch -p1" not in run("plan").stdout


@pytest.mark.usefixtures("project")
def test_print_shows_the_definition_and_runs_nothing() -> None:
    result = bake("--print", "--tag", "v1")
    assert result.exit_code == 0, result.stderr
    targets = json.loads(result.stdout)["target"]
    assert targets["app"]["tags"] == ["acme/web:latest", "acme/web:v1"]
    assert targets["app-deps"]["target"] == "dependencies"


@pytest.mark.usefixtures("project")
def test_the_result_is_on_standard_output_and_progress_on_standard_error(
    registry: FakeRegistry,
) -> None:
    result = bake()
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip().splitlines()[0].startswith("TARGET")
    assert registry.at("acme/web:latest").digest[:19] in result.stdout
    assert "[app base 2/2] RUN echo base > /b" in result.stderr


def test_json_is_one_document_and_nothing_else(project: Path, registry: FakeRegistry) -> None:
    result = bake("--format", "json", "--metadata-file", "made.json")
    made = json.loads(result.stdout)
    assert made["schema"] == "whalebuild.bake/1"
    published = [registry.at(f"acme/web:{tag}").digest for tag in ("deps", "latest")]
    assert [target["digest"] for target in made["targets"]] == published
    assert [target["action"] for target in made["targets"]] == ["built", "built"]
    metadata = json.loads((project / "made.json").read_text())
    assert [metadata[n]["containerimage.digest"] for n in ("app-deps", "app")] == published


def test_quiet_says_nothing_but_the_result(project: Path) -> None:
    (project / "whalebuild.toml").write_text('progress = "quiet"')
    assert bake().stderr == ""


@pytest.mark.usefixtures("project")
def test_load_and_read_only_exclude_each_other() -> None:
    result = bake("--load", "--read-only")
    assert result.exit_code == 2
    assert "--load and --read-only exclude each other" in result.stderr


def test_what_becomes_of_each_image_is_said_before_it_is_built(project: Path) -> None:
    said = bake().stderr
    assert said.index("app-deps: rebuild because there is no :deps yet") < said.index("[app base")
    (project / "whalebuild.toml").write_text('progress = "rawjson"')
    assert "there is no :deps yet" not in bake().stderr


@pytest.mark.usefixtures("project")
def test_a_registry_without_what_was_pushed_ends_with_7(registry: FakeRegistry) -> None:
    registry.manifests.clear()
    result = bake("--format", "json", "--retry-attempts", "2")
    assert result.exit_code == 7
    assert "the registry does not have it" in json.loads(result.stdout)["error"]["what"]
    assert registry.tags == {}


@pytest.mark.usefixtures("project")
def test_check_ends_with_10_where_dependencies_have_to_be_built() -> None:
    assert run("plan", "--check").exit_code == 10
    assert run("plan").exit_code == 0


@pytest.mark.usefixtures("project")
def test_load_says_that_it_is_for_this_machine() -> None:
    result = bake("--load")
    assert "this machine's platform only" in result.stderr
    assert "built, nothing pushed" in result.stdout


def test_a_failing_build_ends_with_4_and_the_log_of_the_step(project: Path) -> None:
    (project / "stream").write_text("".join(recording("failed", "app-deps")))
    (project / "code").write_text("1")
    result = bake("--format", "json")
    assert result.exit_code == 4
    assert "> [app-deps dependencies 2/2] RUN echo hello" in result.stderr
    assert "Dockerfile.bad:3" in result.stderr
    assert json.loads(result.stdout)["error"]["what"] == "the build failed"


@pytest.mark.usefixtures("project")
def test_an_unknown_variable_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHALEBUILD_IMGAE", "x")
    result = bake("--print")
    assert result.exit_code == 0
    assert "warning: environment variable WHALEBUILD_IMGAE is not a setting" in result.stderr


@pytest.mark.usefixtures("project")
def test_a_metadata_file_that_cannot_be_written_is_a_usage_error() -> None:
    result = bake("--metadata-file", "no/such/folder/made.json")
    assert result.exit_code == 2, repr(result.exception)
    assert "no/such/folder/made.json" in result.stderr


def test_a_metadata_file_in_whose_place_is_a_folder_is_refused_before_the_build(
    project: Path, registry: FakeRegistry
) -> None:
    (project / "made").mkdir()
    result = bake("--metadata-file", "made")
    assert result.exit_code == 2, repr(result.exception)
    assert "cannot write the metadata file made" in result.stderr
    assert "it is a folder" in result.stderr
    assert "--metadata-file" not in (project / "baked").read_text()  # docker has baked nothing
    assert registry.tags == {}


@pytest.mark.parametrize(("there", "asked"), [(True, "out/made.json"), (False, "out")])
def test_a_metadata_file_that_may_not_be_written_is_refused_before_the_build(
    project: Path,
    registry: FakeRegistry,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    asked: str,
) -> None:
    (project / "out").mkdir()
    if there:
        (project / "out" / "made.json").touch()
    allowed = os.access
    # For root everything may be written.
    monkeypatch.setattr(
        *(os, "access"),
        lambda path, mode: (str(path), mode) != (asked, os.W_OK) and allowed(path, mode),
    )
    result = bake("--metadata-file", "out/made.json")
    assert result.exit_code == 2, repr(result.exception)
    assert "this user may not write there" in result.stderr
    assert "--metadata-file" not in (project / "baked").read_text()  # docker has baked nothing
    assert registry.tags == {}


def test_the_runner_of_github_gets_its_outputs(
    project: Path, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(project / "outputs"))
    assert bake().exit_code == 0
    lines = (project / "outputs").read_text().splitlines()
    assert f"digest={registry.at('acme/web:latest').digest}" in lines
    assert f"deps-digest={registry.at('acme/web:deps').digest}" in lines


def test_quiet_prints_what_was_pushed_by_digest_and_nothing_else(
    project: Path, registry: FakeRegistry
) -> None:
    result = bake("-q")
    assert result.stderr == ""
    assert result.stdout == f"acme/web@{registry.at('acme/web:latest').digest}\n"


@pytest.mark.usefixtures("project")
def test_progress_none_prints_nothing() -> None:
    result = bake("--progress", "none")
    assert (result.exit_code, result.stderr, result.stdout) == (0, "", "")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "words",
    [
        ["--progress", "plain", "-q"],
        ["--print", "--list", "targets"],
        ["--call", "outline", "--check"],
    ],
    ids=" ".join,
)
def test_flags_that_ask_for_two_things_are_refused(words: list[str]) -> None:
    result = bake(*words)
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["--list", "targets"], "--list=targets"),
        (["--list=type=variables"], "--list=type=variables"),
        (["--list", "targets", "--format", "json"], "--list=type=targets,format=json"),
    ],
    ids=str,
)
def test_a_list_is_buildx_s_own(project: Path, words: list[str], asked: str) -> None:
    result = bake(*words)
    assert (result.exit_code, result.stdout) == (0, '[{"name": "app"}]\n')
    assert asked in (project / "listed").read_text()
    assert not (project / "asked").exists()


# As buildx 0.29.1 says it.
UNCLOSED = """docker-bake.hcl:1
--------------------
   1 | >>> target "x" {
--------------------
ERROR: docker-bake.hcl:1,12-13: Unclosed configuration block; There is no closing brace.
"""


@pytest.mark.parametrize(
    ("words", "stderr", "what", "cause"),
    [
        (["targets"], UNCLOSED, "buildx cannot read the bake file", "1,12-13: Unclosed conf"),
        (["nonsense"], 'ERROR: invalid list type "nonsense"', 'no list "nonsense"', "invalid list"),
        (["type=targets,x"], "ERROR: invalid value x", "no list", "invalid value x"),
        (["targets"], "ERROR: invalid value for outputs: a", "the bake file", "outputs: a"),
        (["type=targets,a=b"], "ERROR: unexpected key 'a' in 'a=b'", "no list", "unexpected key"),
    ],
    ids=["broken", "nonsense", "no pair", "of the file", "key"],
)
def test_a_list_that_cannot_be_is_refused_in_buildx_s_words(
    docker: Docker, words: list[str], stderr: str, what: str, cause: str
) -> None:
    folder = docker("cat said >&2; exit 1")
    (folder / "said").write_text(stderr)
    (folder / "docker-bake.hcl").write_text('target "x" {')
    result = bake("--list", *words)
    assert result.exit_code == 2, result.stderr
    assert what in result.stderr
    assert cause in result.stderr


def test_a_buildx_that_cannot_list_is_not_the_bake_file_s_fault(docker: Docker) -> None:
    folder = docker("echo 'unknown flag: --list' >&2; exit 1")
    (folder / "docker-bake.hcl").touch()
    assert bake("--list", "targets").exit_code == 3


def test_a_lone_dockerfile_is_listed_as_its_target(project: Path) -> None:
    (project / "docker-bake.hcl").unlink()
    assert bake("--list", "targets", "--image", "acme/web").exit_code == 0
    assert "--file" in (project / "listed").read_text()


def test_flags_reach_buildx_as_overrides(project: Path) -> None:
    words = ["--sbom=true", "--label", "a=b", "--secret", "id=x,env=X", "--annotation", "c=d"]
    assert bake("--print", *words).exit_code == 0
    given = (project / "printed").read_text()
    for each in (
        "--set=*.attest=type=sbom,disabled=false",
        "--set=*.labels.a=b",
        "--set=*.secrets+=id=x,env=X",
        "--set=*.annotations=c=d",
    ):
        assert each in given


@pytest.mark.parametrize("words", [["-D", "bake"], ["bake", "-D"], ["bake", "--debug"]], ids=str)
def test_debug_is_docker_s_and_our_own(
    words: list[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEBUG", "WHALEBUILD_DEBUG"):
        monkeypatch.setenv(name, "")
    assert run(*words, "--print").exit_code == 0
    assert (project / "debug").read_text() == "1\n"
    assert os.environ["WHALEBUILD_DEBUG"] == "1"


def _called(project: Path, code: str) -> None:
    printed = definition({"app": {"tags": ["acme/web:latest"], "call": "check"}})
    (project / "printed.json").write_text(json.dumps(printed))
    (project / "said").write_text('{"found": "something"}\n')
    (project / "code").write_text(code)


@pytest.mark.parametrize("words", [["--check"], ["--call", "check,format=json"]], ids=" ".join)
def test_a_call_prints_what_buildx_prints(
    project: Path, registry: FakeRegistry, words: list[str]
) -> None:
    _called(project, "0")
    result = bake(*words)
    assert (result.exit_code, result.stdout) == (0, '{"found": "something"}\n')
    assert f"--call={words[-1].removeprefix('--')}" in (project / "baked").read_text()
    assert registry.tags == {}


def test_what_a_call_finds_is_on_standard_output_where_it_fails_too(project: Path) -> None:
    _called(project, "1")
    (project / "stream").write_text("")
    result = bake("--call", "check,format=json")
    assert (result.exit_code, result.stdout) == (4, '{"found": "something"}\n')
    assert "found something wrong" in result.stderr


def test_a_bake_file_from_standard_input_is_read_once(project: Path) -> None:
    words = ["bake", "--print", "--file", "-"]
    done = CliRunner().invoke(app, words, input='target "app" {}', prog_name="whalebuild")
    assert done.exit_code == 0, done.stderr
    assert ".standard-input" in (project / "printed").read_text()


@pytest.mark.usefixtures("project")
def test_paths_of_standard_input_have_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDX_BAKE_FILE_RELATIVE_PATHS", "1")
    done = bake("--print", "--file", "-")
    assert done.exit_code == 2
    assert "standard input" in done.stderr


def test_a_bake_file_that_is_elsewhere_is_buildx_s_to_fetch(project: Path) -> None:
    words = ["https://user:secret@git.example/web.git#v1", "app"]
    done = run("plan", *words, "--builder", "far")
    assert done.exit_code == 0, done.stderr
    assert "--builder=far https://user:secret@git.example/web.git#v1 app" in (
        (project / "printed").read_text()
    )
    assert "git.example/web.git" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_a_secret_that_cannot_be_read_is_not_the_bake_file_s_fault(docker: Docker) -> None:
    folder = docker("echo 'ERROR: failed to stat /nope: stat /nope: no such file' >&2; exit 1")
    (folder / "docker-bake.hcl").touch()
    result = bake("--secret", "id=s,src=/nope")
    assert result.exit_code == 2, result.stderr
    assert "buildx cannot read a secret (--secret)" in result.stderr
    assert "failed to stat /nope" in result.stderr
    assert "cannot read the bake file" not in result.stderr
    assert "cannot read the bake file" in bake("--secret", "id=s,src=/other").stderr


@pytest.mark.parametrize("words", [["plan"], ["bake", "--print"], ["bake"]], ids=" ".join)
@pytest.mark.parametrize("text", [b"FORM x\n", b"", b"\x00\xff\xfe\n", b"RUN a\nFROM b\n"])
def test_a_dockerfile_that_cannot_be_built_is_refused(
    project: Path, words: list[str], text: bytes
) -> None:
    (project / "Dockerfile").write_bytes(text)
    done = run(*words)
    assert done.exit_code == ExitCode.USAGE
    assert "Dockerfile, line 1: " in done.stderr or "Dockerfile: it has no stage" in done.stderr
