"""The scripts in the shells themselves: what a user sees who presses the tabulator key."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.marks import extended
from whalebuild.cli.completion.verb import Shell, script

PATIENCE = 10.0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to complete in, with a whalebuild on PATH and a docker that lists two targets."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (
        ("whalebuild", f'#!/bin/sh\nexec "{sys.executable}" -m whalebuild "$@"\n'),
        ("docker", '#!/bin/sh\necho \'[{"name":"app-one"},{"name":"app-two"}]\'\n'),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    for shell in Shell:
        (tmp_path / f"script.{shell}").write_text(script(shell))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "some file.hcl").touch()
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BUILDX_CONFIG", str(tmp_path / "buildx"))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(folder)
    return folder


def need(shell: str) -> str:
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"{shell} is not installed (apt-get install {shell})")
    return found


CASES = [
    ("bake app-one ", ["app-two"]),
    ("bake --platform linux/amd64,linux/arm6", ["linux/amd64,linux/arm64"]),
    ("bake -f so", ["some file.hcl"]),
    extended("pla", ["plan"]),
    extended("builder rm --keep", ["--keep-state"]),
    extended("bake app", ["app-one", "app-two"]),
    extended("bake --format ", ["text", "json"]),
    extended("bake --format j", ["json"]),
    extended("bake --nosuch=", []),
]


def in_bash(line: str) -> list[str]:
    program = (
        'source ../script.bash; COMP_LINE="whalebuild $1"; COMP_POINT=${#COMP_LINE}; _whalebuild; '
        '((${#COMPREPLY[@]})) && printf "%s\\n" "${COMPREPLY[@]}"; true'
    )
    command = [need("bash"), "--norc", "-c", program, "bash", line]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        *CASES,
        # bash breaks words at `=`, and takes what follows it.
        extended("bake --format=j", ["json"]),
        ("bake --file=so", ["some file.hcl"]),
    ],
)
def test_bash(line: str, expected: list[str]) -> None:
    assert in_bash(line) == expected


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        *CASES,
        extended("bake --format=j", ["--format=json"]),
        ("bake --file=so", ["--file=some file.hcl"]),
    ],
)
def test_fish(line: str, expected: list[str]) -> None:
    program = f"source ../script.fish; complete -C 'whalebuild {line}'"
    command = [need("fish"), "--no-config", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = [each.split("\t")[0] for each in done.stdout.splitlines()]
    assert sorted(found) == sorted(expected)


def typed(command: list[str], setup: str, keys: str, wanted: str) -> str:
    """What a terminal shows after these keys, until it shows what is wanted."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    try:
        os.write(terminal, f"{setup}; echo rea''dy\n".encode())
        read_until(terminal, "ready\r\n")
        os.write(terminal, keys.encode())
        return read_until(terminal, wanted)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)


def read_until(terminal: int, wanted: str) -> str:
    shown, end = "", time.monotonic() + PATIENCE
    while wanted not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace").replace("\a", "")
    return shown


TYPED = [
    ("whalebuild bake ap\tt\t", "whalebuild bake app-two"),
    extended("whalebuild pla\t", "whalebuild plan"),
    extended("whalebuild bake --format=j\t", "--format=json"),
    extended("whalebuild bake --platform linux/amd64,linux/arm6\t", "linux/amd64,linux/arm64"),
    extended("whalebuild bake -f so\t", "some\\ file.hcl"),
]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("keys", "wanted"), TYPED)
def test_bash_on_a_terminal(keys: str, wanted: str) -> None:
    shown = typed([need("bash"), "--norc", "-i"], "source ../script.bash", keys, wanted)
    assert wanted in shown


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("keys", "wanted"), TYPED)
@pytest.mark.parametrize(
    "way", ["source ../script.zsh", extended("fpath=(.. $fpath); compinit -u -D")]
)
def test_zsh_on_a_terminal(keys: str, wanted: str, way: str, project: Path) -> None:
    shutil.copy(project.parent / "script.zsh", project.parent / "_whalebuild")
    setup = f"unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; {way}"
    shown = typed([need("zsh"), "-f", "-i"], setup, keys, wanted)
    assert wanted in shown
