from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from whalebuild.cli.entry import PLUGIN
from whalebuild.cli.plugin_call import WrongCallError, read_call
from whalebuild.cli.plugin_signal import stop_with_docker

ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = "#!{}\nfrom whalebuild.cli.entry import main\nmain()\n"


def test_words_after_the_name() -> None:
    assert read_call(["whale", "plan", "--check", "whale"]).words == ("plan", "--check", "whale")
    assert read_call(["whale"]).words == ()


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (["-c", "far"], {"DOCKER_CONTEXT": "far", "DOCKER_HOST": None}),
        (["-cfar"], {"DOCKER_CONTEXT": "far", "DOCKER_HOST": None}),
        (["--context=far", "-D"], {"DOCKER_CONTEXT": "far", "DOCKER_HOST": None}),
        (["--host", "ssh://far", "-l", "error"], {"DOCKER_HOST": "ssh://far"}),
        (["--config", "/etc/other"], {"DOCKER_CONFIG": "/etc/other"}),
        (["--tlsverify", "--tls=false"], {"DOCKER_TLS_VERIFY": "1"}),
        (["--context", "whale"], {"DOCKER_CONTEXT": "whale", "DOCKER_HOST": None}),
    ],
    ids=str,
)
def test_flags_of_docker_become_variables(words: list[str], variables: dict[str, str]) -> None:
    call = read_call([*words, "whale", "plan"])
    assert (call.words, call.variables) == (("plan",), variables)


def test_help_and_completion_of_docker() -> None:
    assert read_call(["help", "whale", "plan"]).words == ("plan", "--help")
    assert read_call(["__complete", "whale", "pl"]).words == ("__complete", "pl")


@pytest.mark.parametrize("words", [["--tlscert", "a", "whale"], ["plan"], [], ["-c"]], ids=str)
def test_what_cannot_be_followed_is_refused(words: list[str]) -> None:
    with pytest.raises(WrongCallError):
        read_call(words)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A console script, as pip makes it."""
    path = tmp_path / "bin" / "whalebuild"
    path.parent.mkdir()
    path.write_text(_SCRIPT.format(sys.executable))
    path.chmod(0o755)
    return path


def run(tmp_path: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DOCKER_CONFIG": str(tmp_path / "docker"), "PYTHONPATH": f"{ROOT / 'src'}"}
    return subprocess.run(words, capture_output=True, text=True, env=env, timeout=60, check=False)


def test_the_metadata_are_answered_without_the_command_line(tmp_path: Path) -> None:
    program = tmp_path / PLUGIN
    program.write_text(_SCRIPT.format(sys.executable))
    python = (sys.executable, "-X", "importtime")
    done = run(tmp_path, *python, program, "docker-cli-plugin-metadata")
    told = json.loads(done.stdout)
    assert (told["SchemaVersion"], told["Vendor"]) == ("0.1.0", "whalebuild")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "whalebuild.cli.entry" in loaded
    assert {"typer", "whalebuild.cli.app"}.isdisjoint(loaded)


def test_install_and_uninstall(tmp_path: Path, script: Path) -> None:
    link = tmp_path / "docker/cli-plugins" / PLUGIN
    for _ in range(2):  # the second time it is there already
        done = run(tmp_path, script, "plugin", "install")
        assert done.stdout == f"{link} -> {script}\nnow there is: docker whale bake\n", done.stderr
    assert link.readlink() == script
    shown = run(tmp_path, link, "whale", "--help")
    assert shown.stdout.startswith("Usage: docker whale "), shown.stderr
    wrong = run(tmp_path, link, "-D", "whale", "plan", "--nonsense")
    assert wrong.returncode == 2
    assert "docker whale plan" in wrong.stderr
    # as the plugin it links what it is linked to itself
    assert run(tmp_path, link, "whale", "plugin", "install").returncode == 0
    assert link.readlink() == script
    assert run(tmp_path, script, "plugin", "uninstall").stdout == f"removed {link}\n"
    assert not os.path.lexists(link)
    assert run(tmp_path, script, "plugin", "uninstall").stdout == "there is no such link\n"


def test_what_is_not_ours_stays(tmp_path: Path, script: Path) -> None:
    link = tmp_path / "docker/cli-plugins" / PLUGIN
    link.parent.mkdir(parents=True)
    link.write_text("somebody's\n")
    for verb in ("install", "uninstall"):
        done = run(tmp_path, script, "plugin", verb)
        assert done.returncode == 2
        assert "no link to whalebuild" in done.stderr
    assert link.read_text() == "somebody's\n"


def test_flags_that_cannot_be_followed(tmp_path: Path, script: Path) -> None:
    link = tmp_path / PLUGIN
    link.symlink_to(script)
    done = run(tmp_path, link, "--tlscert", "a", "whale", "plan")
    assert done.returncode == 2
    assert done.stderr.startswith("error: docker --tlscert whale is not supported")


_WAITS = """
import os, signal, sys, time
from whalebuild.cli.plugin_signal import stop_with_docker
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
stop_with_docker(os.environ)
print(os.environ.get("DOCKER_CLI_PLUGIN_SOCKET"), flush=True)
time.sleep(50)
"""


def test_it_stops_when_docker_closes_its_socket(tmp_path: Path) -> None:
    server = socket.create_server(str(tmp_path / "socket"), family=socket.AF_UNIX)
    env = {"PYTHONPATH": f"{ROOT / 'src'}", "DOCKER_CLI_PLUGIN_SOCKET": server.getsockname()}
    command = (sys.executable, "-c", _WAITS)
    with server, subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as plugin:
        connection, _ = server.accept()
        assert plugin.stdout
        assert plugin.stdout.readline() == "None\n"
        connection.close()
        assert plugin.wait(30) == 130


def test_a_socket_that_is_not_there_is_none() -> None:
    gone = {"DOCKER_CLI_PLUGIN_SOCKET": "@whalebuild-nobody"}
    stop_with_docker(gone)
    assert gone == {}
