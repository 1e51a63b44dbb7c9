from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.support.marks import extended
from whalebuild import __version__
from whalebuild.cli.app import app


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="whalebuild")


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["bake", "--help"]], ids=" ".join)
def test_help_and_version_do_not_load_what_they_do_not_need(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "whalebuild", *words],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert ("whalebuild.cli.app" in loaded) == (words != ["--help"])
    assert {"python_on_whales", "pydantic", "rich", "tenacity"}.isdisjoint(loaded)
    assert done.stdout.startswith("whalebuild 0." if words == ["--version"] else "Usage: ")


def test_a_deploy_does_not_load_what_bakes_need() -> None:
    """Of its second and a half where there is nothing to do, imports are a large part."""
    modules = ("cli.app", "cli.deploy_session", "docker.compose", "docker.host", "registry.client")
    program = (
        f"import importlib, sys\nfor name in {modules}:\n"
        "    importlib.import_module(f'whalebuild.{name}')\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert "whalebuild.deployplan.planner" in loaded
    bakes = {"whalebuild.bake.result", "whalebuild.bakefile.images", "whalebuild.docker.buildx"}
    assert {"python_on_whales", "pydantic", "rich", *bakes}.isdisjoint(loaded)


def test_threads_that_nobody_waits_for_do_not_outlive_the_interpreter() -> None:
    program = (
        "import atexit, sys, threading, time\n"
        "import whalebuild.cli.app as cli\n"
        "from whalebuild.cli.run import main\n"
        "def app(**_):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "    print('said')\n"
        "    sys.exit(3)\n"
        "cli.app = app\n"
        "atexit.register(print, 'finalised')\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (3, "said\n")


def test_the_version_is_the_packages() -> None:
    assert invoke("--version").stdout == f"whalebuild {__version__}\n"


def test_every_option_of_bake_is_explained() -> None:
    text = invoke("bake", "--help").stdout
    for option in ("--file", "--set", "--platform", "--load", "--print", "--retry-attempts"):
        assert option in text


@pytest.mark.parametrize(
    "words",
    [
        ["nosuch"],
        ["bake", "--nosuch"],
        ["bake", "--retry-attempts", "many"],
        ["bake", "--retry-attempts", "0"],
        ["bake", "--format", "xml"],
        ["bake", "--progress", "fancy"],
        ["bake", "--set", "x"],
        ["bake", "--image", "Bad Name"],
        ["bake", "--platform", "linux/amd46"],
        ["plan", "app", "https://github.com/a/b.git"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_ends_with_2_and_a_message(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "rror" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("whalebuild.toml", "platform = 5", "whalebuild.toml: platform: expected a list of texts"),
        ("whalebuild.toml", "plattform = 5", 'unknown setting "plattform"'),
        (
            "pyproject.toml",
            "[tool.whalebuild]\nretry-attempts = 'x'",
            "pyproject.toml [tool.whalebuild]: retry-attempts: expected a whole number",
        ),
        ("whalebuild.toml", "platform =", "cannot read whalebuild.toml"),
    ],
    ids=["ill-typed", "unknown", "pyproject", "no TOML"],
)
@pytest.mark.parametrize("verb", ["bake", "plan"])
def test_a_wrong_settings_file_ends_with_2_and_names_file_and_key(
    verb: str,
    name: str,
    text: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    result = invoke(verb)
    assert result.exit_code == 2
    assert said in result.stderr


def test_json_output_has_errors_on_standard_output_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHALEBUILD_RETRY_ATTEMPTS", "x")
    result = invoke("plan", "--format", "json")
    assert json.loads(result.stdout)["error"]["exit_code"] == result.exit_code == 2
    assert "environment variable WHALEBUILD_RETRY_ATTEMPTS" in result.stderr


def test_a_machine_without_docker_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docker-bake.hcl").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = invoke("bake", "--print")
    assert result.exit_code == 3
    assert "no docker client on PATH" in result.stderr


def whalebuild(*words: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "whalebuild", *words]
    return subprocess.run(command, capture_output=True, check=False, timeout=60, **options)


@pytest.mark.parametrize(
    "words",
    [
        ["bake", "--nope", "--format", "json"],
        ["merge", "--format=json"],
        ["--nope", "--format=json"],
        ["nope", "--format", "json"],
        extended(["bake", "--nope", "--format=json"]),
        extended(["merge", "--format", "json"]),
        extended(["--nope", "--format", "json"]),
        extended(["nope", "--format=json"]),
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_read_is_json_too(words: list[str]) -> None:
    done = whalebuild(*words)
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert (error["exit_code"], bool(error["what"])) == (2, True)
    assert b"Usage: whalebuild" in done.stderr


@pytest.mark.parametrize("verb", ["bake", "plan", "deploy", "inspect"])
def test_a_working_folder_that_is_gone_is_said(verb: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$0" && exec "$@"'
    command = ["sh", "-c", script, str(gone), sys.executable, "-m", "whalebuild", verb]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the working folder cannot be used")


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    command = [sys.executable, "-m", "whalebuild", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (130, b"")


def test_words_that_are_no_text_are_no_traceback(tmp_path: Path) -> None:
    done = whalebuild("plan", "--file", b"no\xff.hcl", b"\xfe", cwd=tmp_path)
    assert done.returncode in {2, 3}
    assert b"Traceback" not in done.stderr


def test_a_temporary_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "docker-bake.hcl").touch()
    nowhere = {**os.environ, "TMPDIR": str(tmp_path / "no")}
    script = "import tempfile; tempfile.tempdir = '/proc/nope'; import runpy; runpy.run_module"
    run = f"{script}('whalebuild', run_name='__main__')"
    command = [sys.executable, "-c", run, "plan"]
    done = subprocess.run(
        command, cwd=tmp_path, env=nowhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "error: No such file or directory: /proc/nope" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_the_number_of_a_closed_stream_is_given_to_no_file(tmp_path: Path, closed: str) -> None:
    """Else the first file that is opened gets what is printed."""
    program = (
        "import whalebuild.cli.app as cli\n"
        "from whalebuild.cli.run import main\n"
        "def app(**_):\n"
        "    print('said')\n"
        "    with open('file', 'w') as file: file.write(str(file.fileno()))\n"
        "cli.app = app\n"
        "main()\n"
    )
    command = ["sh", "-c", f'"$0" -c "$1" {closed}; echo $? >code', sys.executable, program]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "code").read_text() == "0\n"
    assert int((tmp_path / "file").read_text()) > 2


@pytest.mark.parametrize("words", ["--help", "plan --nosuch --format json", "plan --format json"])
def test_a_disk_that_is_full_is_said(words: str, tmp_path: Path) -> None:
    script = f'"$0" -m whalebuild {words} >/dev/full; echo $? >code'
    command = ["sh", "-c", script, sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (tmp_path / "code").read_text() == "3\n"
    assert "error: cannot write: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["plan --nosuch", "plan"])
def test_machines_are_told_where_nobody_reads_the_words(words: str, tmp_path: Path) -> None:
    script = f'"$0" -m whalebuild {words} --format json 2>/dev/full; echo $? >code'
    command = ["sh", "-c", script, sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["error"]["exit_code"] == 2
    assert (tmp_path / "code").read_text() == "2\n"
