"""The program behind ``docker buildx`` is the one that docker itself would start."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from whalebuild.docker.plugins import find_plugin

PROGRAM = Path(shutil.which("true") or "/bin/true")


def client(folder: Path) -> str:
    """A docker client that is a program, and not a script."""
    return put(folder / "bin" / "docker")


def put(path: Path, text: str | None = None) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        shutil.copy(PROGRAM.resolve(), path)
    else:
        path.write_text(text)
        path.chmod(0o755)
    return str(path)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


def found(config: Path, docker: str, name: str = "buildx") -> str | None:
    answer = find_plugin({"DOCKER_CONFIG": str(config)}, docker, name)
    if answer is None:
        return None
    assert answer[1] == {"DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND": docker}
    return answer[0]


def test_the_folder_of_the_configuration(tmp_path: Path, config: Path) -> None:
    plugin = put(config / "cli-plugins" / "docker-buildx")
    assert found(config, client(tmp_path)) == plugin
    assert found(config, client(tmp_path), "nothing") is None


def test_a_further_folder_goes_first(tmp_path: Path, config: Path) -> None:
    put(config / "cli-plugins" / "docker-buildx")
    further = put(tmp_path / "further" / "docker-buildx")
    named = {"cliPluginsExtraDirs": [str(tmp_path / "further")]}
    (config / "config.json").write_text(json.dumps(named))
    assert found(config, client(tmp_path)) == further


def test_a_client_that_is_a_script_is_asked(tmp_path: Path, config: Path) -> None:
    put(config / "cli-plugins" / "docker-buildx")
    script = put(tmp_path / "bin" / "docker", '#!/bin/sh\nexec sudo docker "$@"\n')
    assert found(config, script) is None


def test_a_client_of_another_name_is_asked(tmp_path: Path, config: Path) -> None:
    """As snap has it: ``docker`` is a link to ``snap``, which goes by the name it is called by."""
    put(config / "cli-plugins" / "docker-buildx")
    snap = Path(put(tmp_path / "bin" / "snap"))
    (snap.parent / "docker").symlink_to(snap)
    assert found(config, str(snap.parent / "docker")) is None


@pytest.mark.parametrize("mode", [0o644, 0o755], ids=["not to be started", "script"])
def test_docker_says_what_is_wrong_with_a_plugin(tmp_path: Path, config: Path, mode: int) -> None:
    plugin = Path(put(config / "cli-plugins" / "docker-buildx", "#!/bin/sh\n"))
    if mode == 0o644:
        shutil.copy(PROGRAM.resolve(), plugin)
    plugin.chmod(mode)
    assert found(config, client(tmp_path)) is None
