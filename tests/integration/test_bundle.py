"""What ``:deps`` is: image, caches and lock in one tag; and which tags there are."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.integration.pairs import CODE, ON_DEPS, Pair, changing
from tests.integration.sandbox import Sandbox

WITHOUT_RUN = (
    "FROM scratch AS dependencies\nCOPY requirements.txt /requirements.txt\n"
    "FROM dependencies\nCOPY --link app.sh /app.sh\n"
)
LOCK = {"scheme", "key", "keys", "facts", "files", "files-grouping", "bases"}


@pytest.fixture
def builder(sandbox: Sandbox, fresh: str) -> Iterator[str]:
    """A builder that pushes by digest."""
    with sandbox.remote_builder("bundler", {fresh: ""}) as name:
        yield name


def check_bundle(pair: Pair, *, attested: bool = True) -> None:
    """Have ``:deps`` have the shape of a bundle, and be whole."""
    index = pair.manifest("deps")
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert set(index["annotations"]) >= {f"dev.whalebuild.{name}" for name in LOCK}
    images = [c for c in index["manifests"] if c["platform"]["os"] == "linux"]
    others = [c for c in index["manifests"] if c not in images]
    unknown = {"os": "unknown", "architecture": "unknown"}
    assert all(child["platform"] == unknown for child in others)
    kind = "vnd.docker.reference."
    attested_digests = [
        c["annotations"][f"{kind}digest"]
        for c in others
        if c["annotations"].get(f"{kind}type") == "attestation-manifest"
    ]
    if attested:
        assert sorted(attested_digests) == sorted(c["digest"] for c in images)
    caches = [c for c in others if "dev.whalebuild.cache" in c["annotations"]]
    assert len(caches) + len(attested_digests) == len(others), "no child without a meaning"
    for child in caches:
        config = pair.manifest(child["digest"])["config"]
        assert config["mediaType"] == "application/vnd.buildkit.cacheconfig.v0"
    pair.check_whole()


@pytest.mark.extended
def test_the_shape_of_a_bundle_and_the_tags_after_many_bakes(pair: Pair) -> None:
    pair.bake()
    check_bundle(pair)
    assert pair.caches() == [("app", "app", "linux/amd64"), ("deps", "", "linux/amd64")]
    record = pair.manifest("latest")["annotations"]
    assert "dev.whalebuild.app.key" in record
    assert pair.images("deps")["amd64"] in record["dev.whalebuild.app.deps"]

    pair.change_code("two")
    pair.bake()
    pair.change_requirements("two")
    pair.bake()
    pair.bake("--force")
    pair.bake("--no-cache")
    pair.write(ON_DEPS + CODE + "RUN false\n")
    assert pair.whalebuild("bake").returncode == 4
    assert pair.tags() == ["deps", "latest"]
    check_bundle(pair)
    assert pair.caches() == [("app", "app", "linux/amd64"), ("deps", "", "linux/amd64")]


@pytest.mark.extended
def test_a_platform_is_added_through_a_remote_builder(
    sandbox: Sandbox, pair: Pair, builder: str
) -> None:
    """Nothing runs for linux/arm64 here, so the steps only copy."""
    pair.write(WITHOUT_RUN)
    words = ("--builder", builder, "--platform")
    pair.bake(*words, "linux/amd64")
    deps, latest = pair.images("deps"), pair.images("latest")
    check_bundle(pair)

    both = "linux/amd64,linux/arm64"
    planned = pair.plan(*words, both)["deps"]
    assert (planned["action"], planned["reasons"]) == (
        "rebuild",
        ["platform linux/arm64 is missing"],
    )
    made = pair.bake(*words, both)
    assert made["deps"]["platforms"] == ["linux/amd64", "linux/arm64"]
    assert pair.images("deps").keys() == pair.images("latest").keys() == {"amd64", "arm64"}
    assert pair.images("deps")["amd64"] == deps["amd64"]
    assert pair.images("latest")["amd64"] == latest["amd64"]
    assert pair.caches() == [
        ("app", "app", "linux/amd64,linux/arm64"),
        ("deps", "", "linux/amd64"),
        ("deps", "", "linux/arm64"),
    ]
    check_bundle(pair)
    assert pair.plan(*words, both)["app"]["action"] == "nothing"

    # One platform alone is not asked for the other: it stays in :deps.
    pair.change_code("two")
    assert pair.bake(*words, "linux/amd64")["deps"]["action"] == "reused"
    assert pair.images("deps").keys() == {"amd64", "arm64"}
    assert pair.tags() == ["deps", "latest"]


@pytest.mark.extended
def test_a_second_repository_gets_image_and_lock_and_no_caches(
    sandbox: Sandbox, pair: Pair, builder: str
) -> None:
    images = (pair.image, f"{pair.image}-mirror")
    stages = {"deps": ("dependencies", "deps"), "app": ("final", "latest")}
    targets = {
        name: {"target": stage, "tags": [f"{image}:{tag}" for image in images]}
        for name, (stage, tag) in stages.items()
    }
    definition = {"group": {"default": {"targets": list(targets)}}, "target": targets}
    (pair.folder / "docker-bake.json").write_text(json.dumps(definition))
    mirror = Pair(sandbox, pair.folder, f"{pair.repository}-mirror", pair.base)
    pair.bake("--builder", builder)
    assert len(pair.caches()) == 2
    assert mirror.caches() == []
    for tag in ("deps", "latest"):
        assert mirror.images(tag) == pair.images(tag)
    key = "dev.whalebuild.key"
    locks = [each.manifest("deps")["annotations"][key] for each in (pair, mirror)]
    assert locks[0] == locks[1]
    with sandbox.requests() as requests:
        pair.bake("--builder", builder)
    assert not changing(requests)
    for each in (pair, mirror):
        each.check_whole()
        assert each.tags() == ["deps", "latest"]
