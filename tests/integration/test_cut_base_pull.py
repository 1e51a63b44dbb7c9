"""The engine's look at a base image is cut off, which BuildKit reports as "not found"."""

from __future__ import annotations

from tests.integration.faults import Fault, Reset
from tests.integration.pairs import CODE, ON_DEPS, Pair
from tests.integration.proxy import faulty_registry


def test_a_cut_look_at_a_base_image_is_no_missing_image(pair: Pair) -> None:
    cut = Fault("HEAD", "/manifests/sha256:", Reset(), times=1)
    with faulty_registry(pair.sandbox.registry, cut) as proxy:
        base = pair.base.replace(pair.sandbox.registry, proxy.address)
        pair.write(ON_DEPS + CODE, base)
        done = pair.bake()
    assert cut.hits == 1
    assert "not found, though it is there" in done.stderr
    pair.check_whole()
