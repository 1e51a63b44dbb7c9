"""Builders of the driver "remote": what buildx does with them, and whalebuild on top of it."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import published
from tests.integration.sandbox import Sandbox

NO_DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def far(sandbox: Sandbox) -> Iterator[str]:
    """A second engine, for the builder to be elsewhere than the client's own."""
    with sandbox.fresh_engine("far") as engine:
        yield engine


@pytest.fixture(scope="module")
def farther(sandbox: Sandbox) -> Iterator[str]:
    """A third one: another machine, or the builder's second node."""
    with sandbox.fresh_engine("farther") as engine:
        yield engine


def _options(image: str) -> dict[str, list[str]]:
    """Everything by digest: no tag is named anywhere."""
    options = "push-by-digest=true,name-canonical=true,push=true,store=false"
    # The pusher notices that the digest is wrong, and uses the right one and no tag.
    cache = f"ref={image}@{NO_DIGEST},mode=max,image-manifest=true,oci-mediatypes=true"
    return {
        "output": [f"type=image,name={image},{options}"],
        "cache-to": [f"type=registry,{cache}"],
    }


def _bake(
    sandbox: Sandbox, project: Path, builder: str, targets: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Bake the targets with buildx alone; the metadata of each."""
    definition = {"group": {"default": {"targets": sorted(targets)}}, "target": targets}
    (project / "bake.json").write_text(json.dumps(definition))
    words = ("--builder", builder, "--file", "bake.json", "--metadata-file", "metadata.json")
    sandbox.run("docker", "buildx", "bake", *words, cwd=project, check=True)
    metadata: dict[str, dict[str, Any]] = json.loads((project / "metadata.json").read_text())
    return metadata


def _cache(metadata: dict[str, Any]) -> str:
    """The digest of the exported cache; buildx writes this descriptor as text in JSON."""
    descriptor: dict[str, Any] = json.loads(metadata["cache.manifest"])
    return str(descriptor["digest"])


@pytest.mark.extended
def test_image_and_cache_are_pushed_by_digest_without_a_tag(
    sandbox: Sandbox, far: str, farther: str, small: Path, repository: str
) -> None:
    image = f"{sandbox.registry}/{repository}"
    with sandbox.remote_builder("by-digest", {far: ""}) as builder:
        made = _bake(sandbox, small, builder, {"app": _options(image)})["app"]
    assert published.tags(sandbox.registry, repository) == []
    index = published.manifest(sandbox.registry, repository, made["containerimage.digest"])
    assert {child["platform"]["os"] for child in index["manifests"]} == {"linux", "unknown"}
    cache = _cache(made)
    assert published.check_whole(sandbox.registry, repository, cache) > 1

    # The cache is of use to another engine: the step that took time is not run again.
    (small / "app.py").write_text("print('two')\n")
    again = ("docker", "buildx", "build", "--progress", "plain", "--output", "type=cacheonly")
    source = f"--cache-from=type=registry,ref={image}@{cache}"
    with sandbox.remote_builder("other", {farther: ""}) as builder:
        words = (*again, "--builder", builder, source, ".")
        log = sandbox.run(*words, cwd=small, check=True).stderr
    step = re.search(r"^#(\d+) \[dependencies \d/\d] RUN ", log, re.MULTILINE)
    assert step, log
    assert f"\n#{step[1]} CACHED\n" in log


@pytest.mark.extended
def test_each_platform_of_a_builder_with_two_nodes_keeps_its_digest_and_cache(
    sandbox: Sandbox, far: str, farther: str, small: Path, repository: str
) -> None:
    """One target per platform, since one target with two platforms makes buildx write :latest."""
    image = f"{sandbox.registry}/{repository}"
    # Without RUN: nothing here can run for linux/arm64.
    (small / "Dockerfile").write_text("FROM scratch\nCOPY app.py /app.py\n")
    targets = {
        architecture: {**_options(image), "platforms": [f"linux/{architecture}"]}
        for architecture in ("amd64", "arm64")
    }
    nodes = {far: "linux/amd64", farther: "linux/arm64"}
    history = ("docker", "buildx", "history", "ls", "--format", "{{.Ref}}")
    before = sandbox.run(*history, cwd=small, engine=farther, check=True).stdout.split()
    with sandbox.remote_builder("two-nodes", nodes) as builder:
        made = _bake(sandbox, small, builder, targets)
    after = sandbox.run(*history, cwd=small, engine=farther, check=True).stdout.split()
    assert len(after) == len(before) + 1, "each node builds its own platform"
    assert published.tags(sandbox.registry, repository) == []
    for architecture, target in made.items():
        index = published.manifest(sandbox.registry, repository, target["containerimage.digest"])
        platforms = [child["platform"]["architecture"] for child in index["manifests"]]
        assert platforms == [architecture, "unknown"]
        assert published.check_whole(sandbox.registry, repository, _cache(target)) > 1
    assert len({_cache(target) for target in made.values()}) == 2


@pytest.mark.extended
def test_whalebuild_publishes_both_tags_through_a_remote_builder(
    sandbox: Sandbox, far: str, small: Path, repository: str
) -> None:
    env = {"WHALEBUILD_IMAGE": f"{sandbox.registry}/{repository}"}
    with sandbox.remote_builder("publisher", {far: ""}) as builder:
        words = ("bake", "--builder", builder, "--format", "json")
        done = sandbox.whalebuild(*words, cwd=small, env=env, check=True)
    tags = [tag for target in json.loads(done.stdout)["targets"] for tag in target["tags"]]
    assert tags == [f"{env['WHALEBUILD_IMAGE']}:{tag}" for tag in ("deps", "latest")]
    for tag in ("deps", "latest"):
        assert published.check_whole(sandbox.registry, repository, tag) > 1
    # The client's own engine had no part in it: it has to download what it runs.
    shown = sandbox.run("docker", "run", "--rm", tags[1], cwd=small, check=True)
    assert shown.stdout == "one\n"
    assert "Downloaded newer image" in shown.stderr


@pytest.mark.extended
def test_up_brings_a_bridge_back_that_ended(sandbox: Sandbox, farther: str, tmp_path: Path) -> None:
    """The sandbox's own part of it; the engine's containers are none the worse."""
    run = Path(sandbox.env(farther)["WHALEBUILD_SANDBOX_BUILDKIT"].removeprefix("unix://")).parent
    engine = (run / "dockerd.started.pid").read_text()
    os.kill(int((run / "bridge.pid").read_text()), signal.SIGKILL)
    sandbox.up(farther)
    assert (run / "dockerd.started.pid").read_text() == engine
    with sandbox.remote_builder("back", {farther: ""}) as builder:
        shown = sandbox.run("docker", "buildx", "inspect", builder, cwd=tmp_path, check=True)
    assert "running" in shown.stdout
