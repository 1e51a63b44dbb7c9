"""What others do with the two tags: docker, compose and skopeo take them as any image.

Twice: as baked, and with BuildKit's cache among the children of ``:deps``, as in a bundle.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration import published
from tests.integration.sandbox import REPOSITORIES, SHARED_ENGINE, Sandbox
from tests.support.marks import extended
from whalebuild.bakefile.images import Role
from whalebuild.bundle.index import Cache, write_bundle
from whalebuild.oci.manifest import INDEX_TYPE, parse_index
from whalebuild.oci.reference import Reference
from whalebuild.registry.client import RegistryClient

TAGS = ("deps", "latest")
PLATFORM = "linux/amd64"


@dataclass(frozen=True)
class Image:
    """Two published tags of a repository."""

    registry: str
    repository: str
    folder: Path

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}"


@pytest.fixture(scope="module")
def host(sandbox: Sandbox) -> Iterator[str]:
    """A production host: an engine that built nothing. Its commands find skopeo."""
    with sandbox.fresh_engine("host", "--with", "skopeo") as name:
        yield name


@pytest.fixture(scope="module")
def baked(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = sandbox.small_project(
        tmp_path_factory.mktemp("clients") / "small", unique=str(uuid4())
    )
    image = Image(sandbox.registry, f"{REPOSITORIES}/clients-{uuid4()}", folder)
    env = {"WHALEBUILD_IMAGE": str(image)}
    sandbox.whalebuild("bake", "--platform", PLATFORM, cwd=folder, env=env, check=True)
    return image


@pytest.fixture(scope="module", params=["as-baked", extended("with-caches")])
def image(sandbox: Sandbox, baked: Image, request: pytest.FixtureRequest) -> Image:
    if request.param == "with-caches":
        add_cache(sandbox, baked)
    return baked


def add_cache(sandbox: Sandbox, image: Image) -> None:
    """Publish ``:deps`` anew, with a cache of it as a child."""
    cache = f"ref={image}@sha256:{'0' * 64},mode=max,image-manifest=true,oci-mediatypes=true"
    words = (
        "--target=dependencies",
        "--metadata-file=made.json",
        f"--cache-to=type=registry,{cache}",
    )
    sandbox.run("docker", "buildx", "build", *words, ".", cwd=image.folder, check=True)
    made = json.loads(json.loads((image.folder / "made.json").read_text())["cache.manifest"])
    reference = Reference(str(image), "deps")
    with RegistryClient(sandbox.env(SHARED_ENGINE)) as registry:
        manifest = registry.manifest(reference)
        index = manifest and parse_index(manifest.raw)
        assert index
        child = Cache(Role.DEPS, (PLATFORM,), made["digest"], made["size"])
        raw = write_bundle(index.images, index.attestations, [child], index.annotations)
        registry.put_manifest(reference, raw, INDEX_TYPE)


@pytest.mark.extended
def test_docker_pulls_and_runs_both(sandbox: Sandbox, image: Image, host: str) -> None:
    commands = {"deps": ("cat", "/installed"), "latest": ()}
    output = {"deps": (image.folder / "requirements.txt").read_text(), "latest": "one\n"}
    for tag in TAGS:
        name = f"{image}:{tag}"
        sandbox.run("docker", "pull", name, cwd=image.folder, engine=host, check=True)
        words = ("docker", "run", "--rm", "--pull=never", name, *commands[tag])
        shown = sandbox.run(*words, cwd=image.folder, engine=host, check=True)
        assert shown.stdout == output[tag]


@pytest.mark.extended
def test_compose_pulls_and_runs_latest(sandbox: Sandbox, image: Image, host: str) -> None:
    service = {"image": f"{image}:latest", "network_mode": "none"}
    file = image.folder / "compose.json"
    file.write_text(json.dumps({"name": "clients", "services": {"app": service}}))
    compose = ("docker", "compose", "--file", file)
    sandbox.run(*compose, "pull", cwd=image.folder, engine=host, check=True)
    words = ("run", "--rm", "--pull=never", "app")
    shown = sandbox.run(*compose, *words, cwd=image.folder, engine=host, check=True)
    assert shown.stdout == "one\n"


@pytest.mark.extended
@pytest.mark.parametrize("tag", TAGS)
def test_skopeo_inspects(sandbox: Sandbox, image: Image, host: str, tag: str) -> None:
    words = ("skopeo", "inspect", "--tls-verify=false", f"docker://{image}:{tag}")
    shown = json.loads(sandbox.run(*words, cwd=image.folder, engine=host, check=True).stdout)
    assert shown["Digest"] == published.digest(image.registry, image.repository, tag)
    assert (shown["Os"], shown["Architecture"]) == ("linux", "amd64")
    assert set(TAGS) <= set(shown["RepoTags"])


@pytest.mark.extended
@pytest.mark.parametrize("tag", ["deps", extended("latest")])
def test_skopeo_copies_everything(sandbox: Sandbox, image: Image, host: str, tag: str) -> None:
    copy = f"{image.repository}-copy"
    sandbox.run(
        *("skopeo", "--insecure-policy", "copy", "--all", "--quiet"),
        *("--src-tls-verify=false", "--dest-tls-verify=false"),
        f"docker://{image}:{tag}",
        f"docker://{image.registry}/{copy}:{tag}",
        cwd=image.folder,
        engine=host,
        check=True,
    )
    digests = {published.digest(image.registry, name, tag) for name in (image.repository, copy)}
    assert len(digests) == 1
    blobs = published.check_whole(image.registry, copy, tag)
    assert blobs == published.check_whole(image.registry, image.repository, tag)
