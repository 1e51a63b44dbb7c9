"""``docker whale``, by the real docker client."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.integration.sandbox import ROOT, Sandbox


def test_docker_knows_it(sandbox: Sandbox, small: Path, repository: str, tmp_path: Path) -> None:
    script = tmp_path / "whalebuild"
    script.write_text(
        f"#!{sys.executable}\nfrom whalebuild.cli.entry import main\nmain()\n", encoding="utf-8"
    )
    script.chmod(0o755)
    env = {"PYTHONPATH": str(ROOT / "src"), "WHALEBUILD_IMAGE": f"{sandbox.registry}/{repository}"}

    def run(*words: str | Path, exits: int = 0, env: Mapping[str, str] = env) -> str:
        done = sandbox.run(*words, cwd=small, env=env)
        assert done.returncode == exits, done.stderr
        return done.stdout if exits == 0 else done.stderr

    run(script, "plugin", "install")
    try:
        (listed,) = (line for line in run("docker", "help").splitlines() if "whale*" in line)
        assert listed.split()[1:] == ["Publish", "dependencies", "and", "code", "as", "two", "tags"]
        for words in (["whale", "--help"], ["help", "whale"], ["whale"]):
            assert "Usage: docker whale " in run("docker", *words, exits=2 * (words == ["whale"]))
        assert "Usage: docker whale plan " in run("docker", "help", "whale", "plan")
        plan = run("docker", "whale", "plan")
        assert "rebuild because there is no :deps yet" in plan
        assert "docker whale plan --help" in run("docker", "whale", "plan", "--typo", exits=2)
        # docker's own flags: the plan asks the engine that they name
        host = sandbox.env()["DOCKER_HOST"]
        elsewhere = {**env, "DOCKER_HOST": "unix:///nowhere.sock"}
        run("docker", "--host", host, "whale", "plan", env=elsewhere)
        assert "nowhere" in run(
            "docker", "--host", "unix:///nowhere.sock", "whale", "plan", exits=3
        )
        assert "plan\t" in run("docker", "__complete", "whale", "pl")
    finally:
        run(script, "plugin", "uninstall")
    assert "whale*" not in run("docker", "help")
