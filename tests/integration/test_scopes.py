"""Scopes: a branch's own pair; and bakes that only read."""

from __future__ import annotations

import pytest

from tests.integration.pairs import CODE, ON_DEPS, RAN, Pair, changing
from tests.integration.sandbox import Sandbox

SCOPE = ("--scope", "feature/x")


@pytest.mark.extended
def test_a_scope_has_its_own_pair_and_leaves_the_default_one(sandbox: Sandbox, pair: Pair) -> None:
    pair.bake()
    default = {tag: pair.digest(tag) for tag in ("deps", "latest")}
    pair.change_code("of the branch")
    seeded = pair.bake(*SCOPE)
    assert seeded["deps"]["action"] == "reused"
    assert RAN not in seeded.stderr
    assert seeded["deps"]["tags"] == [f"{pair.image}:feature-x-deps"]
    assert seeded["app"]["tags"] == [f"{pair.image}:feature-x"]
    assert pair.digest("feature-x-deps") == default["deps"]
    assert pair.prints("feature-x") == "of the branch"

    pair.change_requirements("of the branch")
    own = pair.bake(*SCOPE)
    assert own["deps"]["action"] == "built"
    assert pair.images("feature-x-deps") != pair.images("deps")
    installed = pair.prints("feature-x", "cat", "/opt/venv/installed")
    assert installed.splitlines()[-1] == "of the branch"
    env = {"WHALEBUILD_SCOPE": "feature/x"}
    again = pair.whalebuild("bake", env=env, check=True)
    assert "whalebuild: nothing to do: " in again.stderr
    assert {tag: pair.digest(tag) for tag in ("deps", "latest")} == default
    assert pair.tags() == ["deps", "feature-x", "feature-x-deps", "latest"]
    pair.check_whole(*pair.tags())


@pytest.mark.extended
def test_read_only_uses_the_published_cache_and_publishes_nothing(
    sandbox: Sandbox, pair: Pair, fresh: str
) -> None:
    prepare = "COPY prepare.txt /\nRUN echo now preparing && cp /prepare.txt /prepared\n"
    (pair.folder / "prepare.txt").write_text(pair.repository)
    pair.write(ON_DEPS.replace("COPY req", f"{prepare}COPY req") + CODE)
    assert "| now preparing" in pair.bake().stderr
    before = {tag: pair.digest(tag) for tag in pair.tags()}

    pair.change_code("two")
    with sandbox.requests() as requests:
        done = pair.bake("--read-only", engine=fresh)
    assert not changing(requests)
    assert "now installing" not in done.stderr
    assert [t["role"] for t in done.targets.values()] == ["app"]
    assert done["app"]["steps_run"] == 1

    # With other dependencies the application's build runs their steps itself, as far as needed.
    pair.change_requirements("two")
    with sandbox.requests() as requests:
        done = pair.bake("--read-only", engine=fresh)
    assert not changing(requests)
    assert "| now preparing" not in done.stderr
    assert RAN in done.stderr
    assert done["app"]["steps_cached"] >= 2
    assert {tag: pair.digest(tag) for tag in pair.tags()} == before
