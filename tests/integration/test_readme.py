"""Every command in the README is true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.integration.sandbox import ROOT, Sandbox
from tests.support.marks import extended

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
COMMANDS = [line[2:] for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]
OURS = [command for command in COMMANDS if command.startswith("whalebuild ")]

_STAYS = "import time\ntime.sleep(600)\n"


def about_hosts(command: str) -> bool:
    """Whether it needs a host that runs something."""
    return command.split()[1] in {"deploy", "history", "rollback"}


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox, repository: str) -> Path:
    """The README's own Dockerfile, with the sandbox's base image."""
    dockerfile = re.search(r"```dockerfile\n(.*?)```", README, re.DOTALL)
    assert dockerfile
    # Its packages come from no index: there are none.
    base = f"ARG PYTHON_IMAGE\n{dockerfile[1]}".replace("python:3.13-slim", "${PYTHON_IMAGE}")
    (tmp_path / "Dockerfile").write_text(base)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / "main.py").write_text(f"print('hello')\n{_STAYS}")
    (tmp_path / "docker-bake.hcl").write_text(
        'variable "PYTHON_IMAGE" {}\n'
        'target "default" {\n'
        f'  tags = ["{sandbox.registry}/{repository}"]\n'
        "  args = { PYTHON_IMAGE = PYTHON_IMAGE }\n"
        "}\n"
    )
    return tmp_path


# What other tests have in detail.
DETAILED = ("--set", "--load", "--scope", "--read-only", "--format", "inspect")


@pytest.mark.parametrize(
    "command",
    [
        extended(each) if any(word in each for word in DETAILED) else each
        for each in OURS
        if not about_hosts(each)
    ],
)
def test_command_works(sandbox: Sandbox, project: Path, command: str) -> None:
    env = {"PYTHON_IMAGE": sandbox.python_image, "BRANCH": "feature/x"}
    if "inspect" in command:
        sandbox.whalebuild("bake", cwd=project, env=env, check=True)
    sandbox.run("sh", "-c", command, cwd=project, env=env, check=True)


@pytest.mark.extended
def test_commands_of_a_host_work_in_their_order(
    sandbox: Sandbox, project: Path, repository: str
) -> None:
    image = f"{sandbox.registry}/{repository}"
    host = project / "host"
    host.mkdir()
    (host / "compose.yaml").write_text(f"services: {{web: {{image: {image}}}}}\n")
    env = {"PYTHON_IMAGE": sandbox.python_image, "WHALEBUILD_STATE_DIR": str(host / "state")}
    sandbox.whalebuild("bake", cwd=project, env=env, check=True)
    sandbox.whalebuild("deploy", cwd=host, env=env, check=True)
    (project / "main.py").write_text(f"print('hello again')\n{_STAYS}")
    sandbox.whalebuild("bake", cwd=project, env=env, check=True)
    commands = [each for each in OURS if about_hosts(each)]
    assert len(commands) == 4
    for command in commands:
        done = sandbox.run("sh", "-c", command, cwd=host, env=env, check=True)
    assert "back to 1" in done.stdout
    sandbox.run("docker", "compose", "down", cwd=host, check=True)


def test_other_commands_name_what_exists() -> None:
    others = [shlex.split(command) for command in COMMANDS if command not in OURS]
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for words in others:
        assert words[0] in {"make", "pipx", "uv"}
        assert words[-1] in {*targets, "."}
    assert len(OURS) >= 6


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link
