"""What happens to a bake when the registry misbehaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.faults import Fault, Status, oci_error
from tests.integration.proxy import faulty_registry
from tests.integration.sandbox import Sandbox


@pytest.mark.soak
def test_503_on_manifests_for_a_while_is_survived(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    fault = Fault("PUT", "/manifests/", Status(503), times=30)
    with faulty_registry(sandbox.registry, fault) as proxy:
        image = f"{proxy.address}/{repository}"
        done = sandbox.whalebuild("bake", "--image", image, "--format", "json", cwd=small)
        assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["retries"], "BuildKit's own tries were not enough"
    assert "503 Service Unavailable" in result["retries"][0]["reason"]
    assert "retry 1/" in done.stderr
    assert done.stderr.count("| now installing") == 1, "a retried push does not build again"
    for tag in ("deps", "latest"):
        reference = f"{sandbox.registry}/{repository}:{tag}"
        sandbox.run("docker", "buildx", "imagetools", "inspect", reference, cwd=small, check=True)


def test_403_on_manifests_fails_at_once(sandbox: Sandbox, small: Path, repository: str) -> None:
    denied = oci_error(403, "DENIED", "requested access is denied")
    fault = Fault("PUT", "/manifests/", denied)
    with faulty_registry(sandbox.registry, fault) as proxy:
        image = f"{proxy.address}/{repository}"
        done = sandbox.whalebuild("bake", "--image", image, cwd=small)
    assert done.returncode == 5
    assert "the registry refused" in done.stderr
    assert "docker login" in done.stderr
    assert "retry" not in done.stderr
    refused = [path for method, path, status in proxy.seen if (method, status) == ("PUT", 403)]
    assert len(refused) <= 2, "each of the two targets is refused at most once"


@pytest.mark.extended
def test_reading_the_cache_survives_a_busy_registry(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    fault = Fault("HEAD|GET", "/manifests/deps", Status(503), times=3)
    with faulty_registry(sandbox.registry, fault) as proxy:
        image = f"{proxy.address}/{repository}"
        done = sandbox.whalebuild("bake", "--image", image, cwd=small)
    assert done.returncode == 0, done.stderr
    assert "503 Service Unavailable" in done.stderr
    assert "retry 1/" in done.stderr


def test_unreachable_registry_is_told_before_the_build(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    done = sandbox.whalebuild(
        *("bake", "--image", f"127.0.0.1:1/{repository}", "--retry-attempts", "2"), cwd=small
    )
    assert done.returncode == 6
    assert "the registry could not be reached" in done.stderr
    assert "connection refused" in done.stderr
    assert "retry 1/1" in done.stderr
    assert "now installing" not in done.stderr, "nothing was built in vain"
