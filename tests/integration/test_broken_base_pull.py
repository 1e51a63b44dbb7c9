"""A base image does not arrive as it is, which BuildKit makes more of than it should."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration.faults import Fault, Reset, WrongDigest
from tests.integration.pairs import CODE, ON_DEPS, Pair, push_base
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.sandbox import REPOSITORIES, Sandbox


def _on_a_base_behind(proxy: Proxy, pair: Pair, folder: Path) -> None:
    """Stand on a base image that the engine has not seen."""
    base = f"{REPOSITORIES}/{folder.name}-{time.time_ns()}:1"
    push_base(pair.sandbox, folder, f"{pair.sandbox.registry}/{base}", mark=base)
    pair.write(ON_DEPS + CODE, f"{proxy.address}/{base}")


@pytest.mark.extended
def test_a_cut_look_at_a_base_image_is_no_missing_image(pair: Pair, tmp_path: Path) -> None:
    """BuildKit asks for a blob of that digest next, and reports that as not found."""
    cut = Fault("HEAD", "/manifests/sha256:", Reset(), times=1)
    with faulty_registry(pair.sandbox.registry, cut) as proxy:
        _on_a_base_behind(proxy, pair, tmp_path / "base")
        done = pair.bake()
    assert cut.hits == 1
    assert "the engine did not find what the registry has" in done.stderr
    pair.check_whole()


# Whalebuild reads the manifest by its tag before, and the image's configuration.
@pytest.mark.extended
@pytest.mark.parametrize(("path", "skip"), [("/manifests/", 0), ("/blobs/", 1)])
def test_a_broken_manifest_does_not_stay_with_the_builder(
    sandbox: Sandbox, pair: Pair, fresh: str, tmp_path: Path, path: str, skip: int
) -> None:
    """BuildKit would keep it for five minutes, and ask for it no more."""
    pair.bake(engine=fresh)
    before = _cached(pair, fresh)
    broken = Fault("GET", f"{path}sha256:", WrongDigest(), skip=skip, times=1)
    with faulty_registry(sandbox.registry, broken) as proxy:
        _on_a_base_behind(proxy, pair, tmp_path / "base")
        done = pair.bake(engine=fresh)
    assert broken.hits == 1
    assert done.stderr.count("unexpected commit digest") == 2, "as it came, and as it is announced"
    assert before
    assert before <= _cached(pair, fresh), "nothing of the cache is lost for it"


def _cached(pair: Pair, engine: str) -> set[str]:
    """The records of a builder's cache."""
    shown = pair.sandbox.run("docker", "buildx", "du", cwd=pair.folder, engine=engine, check=True)
    lines = [line.split() for line in shown.stdout.splitlines()]
    return {words[0].rstrip("*") for words in lines if words and len(words[0]) > 20}
