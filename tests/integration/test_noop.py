"""Nothing changed: nothing is built or pushed, unless it is asked for."""

from __future__ import annotations

import pytest

from tests.integration.pairs import Pair, changing
from tests.integration.sandbox import Sandbox


def test_a_fresh_runner_with_nothing_changed_builds_nothing(
    sandbox: Sandbox, pair: Pair, fresh: str
) -> None:
    pair.bake()
    before = pair.digest(), pair.digest("latest")
    with sandbox.requests() as requests:
        done = pair.whalebuild("bake", engine=fresh, check=True)
    print(f"{len(requests)} requests: {[f'{r.method} {r.path}' for r in requests]}")
    assert len(requests) <= 6
    assert not changing(requests)
    assert not [r for r in requests if "/blobs/" in r.path]
    history = ("docker", "buildx", "history", "ls", "--format", "{{.Ref}}")
    assert not sandbox.run(*history, cwd=pair.folder, engine=fresh, check=True).stdout
    assert done.stdout == ""
    # What is waited for is said where it takes long.
    said = [line for line in done.stderr.splitlines() if "reading the bake file" not in line]
    assert said == [
        "whalebuild: nothing to do: app-deps, app are published as they are; --force bakes anyway"
    ]
    assert (pair.digest(), pair.digest("latest")) == before


@pytest.mark.extended
def test_force_builds_anyway_and_a_tag_alone_is_only_put(sandbox: Sandbox, pair: Pair) -> None:
    pair.bake()
    deps, image = pair.digest(), pair.images("latest")
    forced = pair.bake("--force")
    assert [forced[role]["action"] for role in ("deps", "app")] == ["reused", "built"]
    assert pair.digest() == deps, "--force is about the application"
    assert pair.images("latest") == image
    with sandbox.requests() as requests:
        tagged = pair.bake("--tag", "v1")
    assert tagged["app"]["action"] == "tagged"
    assert [(r.method, r.path.rpartition("/")[2]) for r in changing(requests)] == [("PUT", "v1")]
    assert pair.digest("v1") == pair.digest("latest") == tagged["app"]["digest"]
    assert pair.tags() == ["deps", "latest", "v1"]
