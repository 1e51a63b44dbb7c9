"""Trouble with the import of a cache: it never costs the build, and often not even the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.faults import Fault, Status, Truncated, WrongDigest
from tests.integration.pairs import CODE, COPYING, RAN, Pair
from tests.integration.proxy import faulty_registry
from tests.integration.registry_content import push_blob
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended, rarely
from whalebuild.oci.manifest import INDEX_TYPE, MANIFEST_TYPE, digest_of
from whalebuild.oci.reference import Reference
from whalebuild.registry.client import RegistryClient

READ = "GET|HEAD"
# A further step, whose build needs the layers of the cached ones.
_FINAL = "FROM base AS final"
_MORE = f"RUN echo more > /opt/venv/more\n{_FINAL}"
# It takes longer than to find out that the cache's import failed, and to stop the build.
_SLOW = COPYING.replace("echo now", "sleep 3 && echo now")


@pytest.fixture(scope="module")
def emptied(sandbox: Sandbox) -> Iterator[str]:
    """An engine for all of these; each begins with an empty build cache."""
    with sandbox.fresh_engine("emptied") as engine:
        yield engine


@dataclass(frozen=True)
class Cached:
    """A published pair, and the cache that a rebuild of its dependencies imports."""

    pair: Pair
    engine: str
    digest: str
    dockerfile: str

    @property
    def manifest(self) -> dict[str, Any]:
        return self.pair.manifest(self.digest)

    @property
    def config(self) -> str:
        return str(self.manifest["config"]["digest"])

    @property
    def layer(self) -> str:
        """The layer of the step that installs."""
        return str(max(self.manifest["layers"], key=lambda layer: layer["size"])["digest"])

    def rebuild(self, *faults: Fault, attempts: int = 8) -> tuple[str, int]:
        """Rebuild on the empty engine, with a further step; what was said, and the retries."""
        self.pair.write(self.dockerfile.replace(_FINAL, _MORE))
        prune = ("docker", "buildx", "prune", "--all", "--force")
        self.pair.sandbox.run(*prune, cwd=self.pair.folder, engine=self.engine, check=True)
        with faulty_registry(self.pair.sandbox.registry, *faults) as proxy:
            image = f"{proxy.address}/{self.pair.repository}"
            words = ("--image", image, "--format", "json", "--retry-attempts", str(attempts))
            done = self.pair.whalebuild("bake", *words, engine=self.engine)
        assert done.returncode == 0, done.stderr
        self.pair.check_whole()
        assert self.pair.prints("latest", "cat", "/opt/venv/more") == "more"
        return done.stderr, len(json.loads(done.stdout)["retries"])


@pytest.fixture
def cached(pair: Pair, emptied: str) -> Cached:
    return _published(pair, emptied, COPYING + CODE)


@pytest.fixture
def slowly_cached(pair: Pair, emptied: str) -> Cached:
    return _published(pair, emptied, _SLOW + CODE)


def _published(pair: Pair, engine: str, dockerfile: str) -> Cached:
    pair.write(dockerfile)
    pair.bake()
    found = pair.manifest("deps")["manifests"]
    key = "dev.whalebuild.cache"
    (cache,) = [c["digest"] for c in found if c.get("annotations", {}).get(key) == "deps"]
    return Cached(pair, engine, cache, dockerfile)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("place", "effect"),
    [
        ("manifest", Status(503)),
        rarely("manifest", Status(429)),
        rarely("config", Status(503)),
        extended("config", Status(429)),
    ],
    ids=["manifest-503", "manifest-429", "config-503", "config-429"],
)
def test_passing_trouble_does_not_cost_the_cache(
    slowly_cached: Cached, place: str, effect: Status
) -> None:
    cached = slowly_cached
    path = f"/manifests/{cached.digest}" if place == "manifest" else f"/blobs/{cached.config}"
    said, _ = cached.rebuild(Fault(READ, path, effect, times=5))
    assert RAN not in said
    assert "cannot be used" not in said


@pytest.mark.extended
def test_a_truncated_layer_does_not_cost_the_cache(cached: Cached) -> None:
    said, _ = cached.rebuild(Fault("GET", f"/blobs/{cached.layer}", Truncated(), times=5))
    assert RAN not in said


@pytest.mark.parametrize("place", [*map(extended, ("manifest", "config", "layer"))])
def test_one_that_was_garbage_collected_is_left_out(cached: Cached, place: str) -> None:
    lost = {
        "manifest": f"/manifests/{cached.digest}",
        "config": f"/blobs/{cached.config}",
        "layer": f"/blobs/{cached.layer}",
    }
    said, retries = cached.rebuild(Fault(READ, lost[place], Status(404)))
    assert RAN in said
    assert said.count("cannot be used") == 1
    assert f"@{cached.digest} cannot be used" in said
    assert retries == 0, "what is gone does not come back"


@pytest.mark.extended
@pytest.mark.parametrize("place", [extended("manifest"), "layer"])
def test_a_damaged_one_is_left_out(cached: Cached, place: str) -> None:
    path = f"/manifests/{cached.digest}" if place == "manifest" else f"/blobs/{cached.layer}"
    said, _ = cached.rebuild(Fault("GET", path, WrongDigest()), attempts=3)
    assert RAN in said
    assert said.count("cannot be used") == 1


@pytest.mark.extended
def test_one_that_may_not_be_read_is_left_out(cached: Cached) -> None:
    said, retries = cached.rebuild(Fault(READ, f"/blobs/{cached.layer}", Status(403)))
    assert RAN in said
    assert "cannot be used (403 Forbidden)" in said
    assert retries == 0


@pytest.mark.extended
def test_one_whose_configuration_is_too_large_is_left_out(cached: Cached) -> None:
    pair = cached.pair
    config = json.dumps({"layers": [], "records": [], "pad": "x" * (1 << 20)}).encode()
    manifest = cached.manifest
    manifest["config"] |= {"digest": digest_of(config), "size": len(config)}
    large = json.dumps(manifest).encode()
    bundle = pair.manifest("deps")
    for child in bundle["manifests"]:
        if child["digest"] == cached.digest:
            child |= {"digest": digest_of(large), "size": len(large)}
    with RegistryClient(pair.sandbox.env()) as client:
        push_blob(pair.registry, pair.repository, config)
        by_digest = Reference(pair.image, digest=f"sha256:{hashlib.sha256(large).hexdigest()}")
        client.put_manifest(by_digest, large, MANIFEST_TYPE)
        client.put_manifest(Reference(pair.image, "deps"), json.dumps(bundle).encode(), INDEX_TYPE)
    said, retries = cached.rebuild()
    assert RAN in said
    assert "is too large" in said
    assert "building without it" in said
    assert retries == 0
