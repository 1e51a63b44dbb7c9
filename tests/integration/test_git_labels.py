"""Labels that buildx takes from git (``BUILDX_GIT_LABELS``): a new commit is a new application."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.sandbox import Sandbox

REVISION = "org.opencontainers.image.revision"
PERSON = ("-c", "user.name=n", "-c", "user.email=e@example.org")


@pytest.mark.extended
def test_the_application_has_the_labels_that_buildx_gives_it(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    def git(*words: str, folder: Path = small) -> str:
        done = sandbox.run("git", *PERSON, *words, cwd=folder, check=True)
        return done.stdout.strip()

    def labels(tag: str) -> dict[str, str]:
        where = (sandbox.registry, repository)
        first = published.manifest(*where, tag)["manifests"][0]["digest"]
        config = published.manifest(*where, first)["config"]["digest"]
        found: dict[str, str] = json.loads(published.blob(*where, config))["config"].get("Labels")
        return found or {}

    def bake(folder: Path, **env: str) -> dict[str, str]:
        done = sandbox.whalebuild("bake", "--format", "json", cwd=folder, env=env, check=True)
        return {each["role"]: each["action"] for each in json.loads(done.stdout)["targets"]}

    tags = [f"{sandbox.registry}/{repository}:latest"]
    (small / "docker-bake.json").write_text(json.dumps({"target": {"default": {"tags": tags}}}))
    git("init", "--quiet")
    git("remote", "add", "origin", "https://me:secret@example.org/a.git")
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    tree = small.parent / "tree"
    git("worktree", "add", "--quiet", str(tree))

    assert bake(tree, BUILDX_GIT_LABELS="1") == {"deps": "built", "app": "built"}
    ours = labels("latest")
    override = f"--set=default.tags={sandbox.registry}/{repository}:theirs"
    theirs = ("docker", "buildx", "bake", "--push", override)
    sandbox.run(*theirs, cwd=tree, env={"BUILDX_GIT_LABELS": "1"}, check=True)
    assert ours == labels("theirs")
    assert ours[REVISION] == git("rev-parse", "HEAD", folder=tree)
    assert labels("deps") == {}, "it is the same at the next commit"

    assert bake(tree, BUILDX_GIT_LABELS="1") == {"deps": "reused", "app": "unchanged"}
    git("commit", "--quiet", "--allow-empty", "--message", "two", folder=tree)
    assert bake(tree, BUILDX_GIT_LABELS="1") == {"deps": "reused", "app": "built"}
    assert labels("latest")[REVISION] == git("rev-parse", "HEAD", folder=tree) != ours[REVISION]

    assert bake(tree) == {"deps": "reused", "app": "built"}
    assert labels("latest") == {}
