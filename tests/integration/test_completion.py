"""Shell completion with the real buildx and compose: what they list, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.sandbox import Sandbox

pytestmark = pytest.mark.engine

BAKE = """
group "all" { targets = ["web", "jobs"] }
target "web" { description = "the shop" }
target "jobs" {}
target "_private" {}
"""


@pytest.mark.extended
def test_targets_groups_services_and_builders_are_those_of_docker(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "other.hcl").write_text(BAKE)
    (tmp_path / "docker-compose.yml").write_text(
        "services: {front: {image: scratch}, back: {image: scratch}}\n"
    )

    def complete(*words: str) -> list[str]:
        command = [sys.executable, "-m", "whalebuild", "__complete", *words]
        done = sandbox.run(*command, cwd=tmp_path)
        assert done.stderr == ""
        return list(done.stdout.splitlines())

    assert complete("bake", "-f", "other.hcl", "") == [
        "all\tjobs, web",
        "jobs",
        "web\tthe shop",
        ":4",
    ]
    assert complete("bake", "-f", "nosuch.hcl", "") == [":4"]
    assert complete("deploy", "f") == ["front", ":4"]
    made = ["docker", "buildx", "create", "--name", "far", "--driver", "docker-container"]
    sandbox.run(*made, cwd=tmp_path, check=True)
    try:
        assert complete("builder", "rm", "f") == ["far\tdriver docker-container", ":4"]
    finally:
        sandbox.run("docker", "buildx", "rm", "far", cwd=tmp_path)
