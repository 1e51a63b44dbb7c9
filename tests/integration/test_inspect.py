"""``whalebuild inspect`` of what bakes have published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sandbox import Sandbox

PLATFORM = "linux/amd64"


def inspected(sandbox: Sandbox, folder: Path, *words: str) -> dict[str, Any]:
    done = sandbox.whalebuild("inspect", *words, "--format", "json", cwd=folder, check=True)
    shown = json.loads(done.stdout)
    assert shown["schema"] == "whalebuild.inspect/1"
    [pair] = shown["pairs"]
    found: dict[str, Any] = pair
    return found


@pytest.mark.extended
def test_built_on_these_dependencies_until_they_are_baked_anew(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    image = f"{sandbox.registry}/{repository}"
    missing = sandbox.whalebuild("inspect", image, cwd=small)
    assert missing.returncode == 2
    assert f"nothing is published under {image}:deps, {image}:latest" in missing.stderr

    (small / "docker-bake.hcl").write_text(
        f'target "deps" {{\n  target = "dependencies"\n  tags = ["{image}:deps"]\n}}\n'
        f'target "app" {{\n  tags = ["{image}:latest"]\n}}\n'
        'group "default" {\n  targets = ["deps", "app"]\n}\n'
    )
    sandbox.whalebuild("bake", cwd=small, check=True)
    first = inspected(sandbox, small, image)
    assert first["built_on_dependencies"] is True
    assert first == inspected(sandbox, small), "the bake file names the same pair"
    shared = first["shared"][PLATFORM]
    layers = len(first["dependencies"]["images"][PLATFORM]["layers"])
    assert (shared["layers"], shared["new_layers"]) == (layers, 1)
    assert shared["download_bytes"] < 10_000 < shared["layers_bytes"]
    deps = first["dependencies"]
    assert "requirements.txt" in deps["lock"]["files"][PLATFORM]
    assert {cache["role"] for cache in deps["caches"]} == {"deps", "app"}
    assert all(0 < cache["config"]["bytes"] < 1 << 20 for cache in deps["caches"])

    (small / "requirements.txt").write_text(f"{repository}, and one more\n")
    sandbox.whalebuild("bake", "deps", cwd=small, check=True)
    second = inspected(sandbox, small, image)
    assert second["built_on_dependencies"] is False
    assert second["application"]["digest"] == first["application"]["digest"]
    assert second["dependencies"]["digest"] != deps["digest"]
    assert second["shared"][PLATFORM]["layers"] < layers
    text = sandbox.whalebuild("inspect", image, cwd=small, check=True).stdout
    assert ":latest was not built on this :deps" in text


@pytest.mark.extended
def test_what_other_tools_publish(sandbox: Sandbox, small: Path, repository: str) -> None:
    """An index without annotations, and an image that has no index."""
    image = f"{sandbox.registry}/{repository}"
    for tag, stage, attest in (("deps", "dependencies", "true"), ("latest", "final", "false")):
        sandbox.run(
            *("docker", "buildx", "build", "--push", f"--provenance={attest}"),
            *("--target", stage, "--tag", f"{image}:{tag}", "."),
            cwd=small,
            check=True,
        )
    pair = inspected(sandbox, small, image)
    assert pair["dependencies"]["no_lock_because"] == "it has no lock"
    assert pair["application"]["index"] is False
    assert pair["application"]["no_record_because"] == "it is no image index"
    assert pair["built_on_dependencies"] is None
    assert pair["shared"][PLATFORM]["new_layers"] == 1
