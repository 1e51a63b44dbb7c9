"""Trouble with the export of caches: it never costs the build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.faults import Fault, Status
from tests.integration.proxy import faulty_registry
from tests.integration.published import check_whole, tags
from tests.integration.report_project import Project
from tests.integration.sandbox import Sandbox

CACHE = rb"buildkit\.cacheconfig"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """A cache folder of the test's own, where refusals are remembered."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.mark.extended
def test_a_cache_that_cannot_go_by_digest_goes_by_a_staging_tag(
    sandbox: Sandbox, small: Path, repository: str, home: dict[str, str]
) -> None:
    refused = Fault("PUT", r"/manifests/sha256:", Status(400), sends=CACHE)
    with faulty_registry(sandbox.registry, refused) as proxy:
        arguments = ("bake", "--image", f"{proxy.address}/{repository}")
        first = sandbox.whalebuild(*arguments, cwd=small, env=home, check=True)
        assert first.stderr.count("the registry took no cache by digest") == 1
        assert [status for _, path, status in proxy.seen if status == 400]
        proxy.exchanges.clear()
        (small / "requirements.txt").write_text("another\n")
        second = sandbox.whalebuild(*arguments, cwd=small, env=home, check=True)
        assert "took no cache by digest" not in second.stderr, "it is remembered"
        assert not [path for method, path, status in proxy.seen if (method, status) == ("PUT", 400)]
    # This registry deletes manifests only: the tag is moved off the cache before.
    assert tags(sandbox.registry, repository) == ["deps", "latest"]
    assert "left over" not in first.stderr + second.stderr
    check_whole(sandbox.registry, repository, "deps")
    check_whole(sandbox.registry, repository, "latest")
    plan = sandbox.whalebuild(
        "inspect", f"{sandbox.registry}/{repository}", cwd=small, check=True
    ).stdout
    assert "caches in :deps" in plan


@pytest.mark.extended
def test_an_image_is_published_without_a_cache_that_nobody_takes(
    sandbox: Sandbox, small: Path, repository: str, home: dict[str, str]
) -> None:
    refused = Fault("PUT", r"/manifests/", Status(403), sends=CACHE)
    with faulty_registry(sandbox.registry, refused) as proxy:
        done = sandbox.whalebuild(
            *("bake", "--image", f"{proxy.address}/{repository}"), cwd=small, env=home, check=True
        )
    assert "warning: the cache could not be exported" in done.stderr
    assert tags(sandbox.registry, repository) == ["deps", "latest"]
    check_whole(sandbox.registry, repository, "deps")
    check_whole(sandbox.registry, repository, "latest")


@pytest.mark.extended
def test_a_folder_that_the_bake_file_exports_a_cache_into_is_whole(reported: Project) -> None:
    """It has the cache that its index names; that one is not looked for in the registry."""
    options = "type=local,dest=cache,compression=zstd,force-compression=true"
    reported.put(
        "docker-bake.hcl",
        f'target "app" {{\n  tags = ["$REPO/app"]\n  cache-to = ["{options}"]\n}}\n'
        'group "default" {\n  targets = ["app"]\n}\n',
    )
    for text in ("one", "two"):
        reported.put("app.py", f"print('{text}')\n")
        baked = reported.bake()
        assert "retry" not in baked["stderr"]
        assert "warning" not in baked["stderr"]
        layout = reported.folder / "cache"
        named = json.loads((layout / "index.json").read_text())["manifests"]
        blobs = [layout / "blobs" / each["digest"].replace(":", "/") for each in named]
        assert blobs
        assert all(blob.exists() for blob in blobs)
    bundle = published.manifest(reported.sandbox.registry, f"{reported.repository}/app", "deps")
    roles = [c.get("annotations", {}).get("dev.whalebuild.cache") for c in bundle["manifests"]]
    assert sorted(filter(None, roles)) == ["app", "deps"]
    check_whole(reported.sandbox.registry, f"{reported.repository}/app", "deps")
