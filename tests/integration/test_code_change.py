"""A fresh runner that has only a code change to publish moves kilobytes, not dependencies."""

from __future__ import annotations

import pytest

from tests.integration.pairs import CODE, COPYING, DEPS_BYTES, KIB, ON_DEPS, RAN, Pair, uploaded
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import extended

SHAPES = {"final-from-deps": ON_DEPS, "final-copies": COPYING}


@pytest.mark.parametrize(
    ("shape", "driver"),
    [
        extended("final-from-deps", "docker"),
        ("final-copies", "remote"),
        extended("final-from-deps", "remote"),
        extended("final-copies", "docker"),
    ],
)
def test_a_fresh_runner_moves_the_code_only(
    sandbox: Sandbox, pair: Pair, fresh: str, shape: str, driver: str
) -> None:
    pair.write(SHAPES[shape] + CODE)
    cold = pair.bake()
    assert RAN in cold.stderr
    deps, image = pair.digest(), pair.digest("latest")
    pair.change_code("two")
    nodes = {fresh: ""} if driver == "remote" else {}
    with sandbox.remote_builder("fresh-far", nodes) as builder, sandbox.requests() as requests:
        warm = pair.bake("--builder", builder) if nodes else pair.bake(engine=fresh)
    assert warm["deps"]["action"] == "reused"
    assert (warm["deps"]["steps_run"], warm["app"]["steps_run"]) == (0, 1)
    assert RAN not in warm.stderr
    assert pair.digest() == deps, ":deps did not move"
    assert pair.digest("latest") != image
    moved = uploaded(requests, sandbox.registry)
    print(f"down {downloaded(requests)}, up {sum(moved.values())} in {len(moved)} blobs")
    assert downloaded(requests) <= 32 * KIB < DEPS_BYTES
    # The code's layer, the image's configuration, the attestation and its configuration.
    assert len(moved) <= 4
    assert sum(moved.values()) <= 32 * KIB
    assert pair.tags() == ["deps", "latest"]
    pair.check_whole()
    assert pair.prints() == "two"
