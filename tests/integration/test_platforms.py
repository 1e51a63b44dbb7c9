"""Several platforms: where they are built, that each stands for itself, and what goes wrong."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.integration.pairs import CODE, ON_DEPS, RAN, Pair, changing
from tests.integration.sandbox import SHARED_ENGINE, Sandbox, downloaded
from tests.support.marks import extended

AMD64, ARM64 = "linux/amd64", "linux/arm64"
BOTH = f"{AMD64},{ARM64}"
KIB = 1024
# The step that installs runs on the machine that builds; nothing is run for the target.
CROSS = (
    "FROM --platform=$BUILDPLATFORM {base} AS installer\n"
    "ARG TARGETARCH\n"
    "COPY requirements.txt /requirements.txt\n"
    "RUN mkdir -p /out/opt/packages && head -c 3000000 /dev/urandom > /out/opt/packages/data \\\n"
    " && echo $TARGETARCH > /out/opt/packages/architecture && echo now installing\n"
    "FROM scratch AS dependencies\n"
    "COPY --link --from=installer /out/ /\n"
    f"FROM dependencies AS final\n{CODE}"
)
# The same without chance: what it makes depends on what it is made from alone.
FIXED = CROSS.replace("head -c 3000000 /dev/urandom", "cat /requirements.txt").replace(
    " && echo now installing",
    " && echo now installing && find /out -exec touch -hcd @1 {} +",
)


@pytest.fixture
def cross(pair: Pair) -> Pair:
    pair.write(CROSS)
    return pair


@pytest.fixture
def nodes(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    """Two empty engines, one for each platform."""
    with sandbox.fresh_engine("node-amd64") as one, sandbox.fresh_engine("node-arm64") as other:
        yield {one: AMD64, other: ARM64}


# What each platform costs


def test_a_code_change_on_two_empty_nodes_moves_kilobytes(
    sandbox: Sandbox, cross: Pair, nodes: dict[str, str]
) -> None:
    with sandbox.remote_builder("first", {SHARED_ENGINE: ""}) as builder:
        cross.bake("--builder", builder, "--platform", BOTH)
    before = cross.images("deps")
    cross.change_code("two")
    with (
        sandbox.remote_builder("two-nodes", nodes) as builder,
        sandbox.requests() as requests,
    ):
        made = cross.bake("--builder", builder, "--platform", BOTH)
    print(f"downloaded: {downloaded(requests)} bytes for two platforms")
    assert RAN not in made.stderr
    assert made["deps"]["action"] == "reused"
    assert downloaded(requests) <= 2 * 32 * KIB
    assert cross.images("deps") == before
    assert cross.tags() == ["deps", "latest"]
    cross.check_whole()


@pytest.mark.soak
def test_plain_buildx_beside_it(sandbox: Sandbox, cross: Pair, nodes: dict[str, str]) -> None:
    """A cache by tag that two nodes export: the last one's is left, and it is what both find."""
    cache = f"type=registry,ref={cross.image}:cache"
    words = ("buildx", "build", "--platform", BOTH, "--progress", "plain", "--push")
    words += (f"--cache-from={cache}", f"--cache-to={cache},mode=max,image-manifest=true")
    words += ("--tag", f"{cross.image}:latest")

    def build(builder: str) -> str:
        command = ("docker", *words, "--builder", builder, ".")
        return sandbox.run(*command, cwd=cross.folder, check=True).stderr

    with sandbox.remote_builder("two-nodes", nodes) as builder:
        build(builder)
    cross.change_code("two")
    for engine in nodes:
        sandbox.down(engine)
        sandbox.up(engine)
    with (
        sandbox.remote_builder("two-nodes", nodes) as builder,
        sandbox.requests() as requests,
    ):
        said = build(builder)
    installs = len(re.findall(r"^#\d+ [\d.]+ now installing$", said, re.MULTILINE))
    print(f"plain buildx: downloaded {downloaded(requests)} bytes, {installs} installs run again")
    assert installs == 1, "the node whose cache was overwritten"


@pytest.mark.extended
@pytest.mark.parametrize("count", [1, 2])
def test_a_rebuild_on_empty_nodes_finds_every_step_in_the_cache(
    sandbox: Sandbox, cross: Pair, nodes: dict[str, str], count: int
) -> None:
    """Both platforms' builds have a step in common: found in one cache, it would hide the other."""
    first = {SHARED_ENGINE: ""}
    if count > 1:  # each of its nodes has had one platform before
        first = dict(zip([SHARED_ENGINE, *nodes], [AMD64, ARM64], strict=False))
    with sandbox.remote_builder("first", first) as builder:
        cross.bake("--builder", builder, "--platform", BOTH)
    for engine in nodes:
        sandbox.down(engine)
        sandbox.up(engine)
    before = cross.images("deps")
    # The key changes: a stage says something else, which makes the same.
    cross.write(CROSS.replace("AS dependencies\n", 'AS dependencies\nLABEL again="1"\n'))
    again = nodes if count > 1 else dict.fromkeys([*nodes][:1], "")
    with sandbox.remote_builder("again", again) as builder:
        made = cross.bake("--builder", builder, "--platform", BOTH)
    assert RAN not in made.stderr, "the step that installs is in both caches"
    after = cross.images("deps")
    assert set(before.values()).isdisjoint(after.values())
    layers = {name: _layers(cross, digest)[:1] for name, digest in after.items()}
    assert layers == {name: _layers(cross, digest)[:1] for name, digest in before.items()}


# Platforms that come and go


@pytest.mark.extended
@pytest.mark.parametrize("driver", [extended("remote"), "docker"])
def test_a_platform_is_added_and_removed_and_the_others_stay_as_they_are(
    sandbox: Sandbox, cross: Pair, driver: str
) -> None:
    nodes = {SHARED_ENGINE: ""} if driver == "remote" else {}
    with sandbox.remote_builder("adding", nodes) as builder:
        words = ("--builder", builder) if nodes else ()
        cross.bake(*words, "--platform", AMD64)
        deps, latest = cross.images("deps"), cross.images("latest")
        made = cross.bake(*words, "--platform", BOTH)
        assert made["deps"]["platforms"] == [AMD64, ARM64]
        for tag, before in (("deps", deps), ("latest", latest)):
            assert cross.images(tag).keys() == {"amd64", "arm64"}
            assert cross.images(tag)["amd64"] == before["amd64"]
        cross.check_whole()

        # What the settings say the pair is for; a flag is for one run.
        (cross.folder / "whalebuild.toml").write_text(f'platform = "{AMD64}"\n')
        said = cross.bake(*words).stderr
    assert f"; drop {ARM64}" in said
    assert RAN not in said
    assert (cross.images("deps"), cross.images("latest")) == (deps, latest)
    assert {platforms for _, _, platforms in cross.caches()} <= {AMD64, BOTH}
    assert cross.tags() == ["deps", "latest"]
    cross.check_whole()


@pytest.mark.extended
def test_both_drivers_make_the_same_image(sandbox: Sandbox, pair: Pair) -> None:
    """Layer for layer; their configurations have the time of the build."""
    pair.write(FIXED, base=sandbox.python_image)
    other = replace(pair, repository=f"{pair.repository}-remote")
    pair.bake("--platform", BOTH, "--no-cache")
    with sandbox.remote_builder("same", {SHARED_ENGINE: ""}) as builder:
        other.bake("--platform", BOTH, "--no-cache", "--builder", builder)
    for tag in ("deps", "latest"):
        mine, theirs = pair.images(tag), other.images(tag)
        assert mine.keys() == theirs.keys() == {"amd64", "arm64"}
        for name in mine:
            assert _layers(pair, mine[name]) == _layers(other, theirs[name]), tag


def _layers(pair: Pair, digest: str) -> list[str]:
    return [layer["digest"] for layer in pair.manifest(digest)["layers"]]


# What cannot be done


@pytest.mark.extended
def test_a_base_image_without_the_platform_is_no_passing_failure(pair: Pair) -> None:
    pair.write(ON_DEPS + CODE, base=pair.sandbox.python_image)
    with pair.sandbox.requests() as requests:
        done = pair.whalebuild("bake", "--platform", "linux/s390x")
    assert done.returncode == 4
    assert "is not there for this platform" in done.stderr
    assert "imagetools inspect" in done.stderr
    assert "retry" not in done.stderr
    assert not changing(requests)


@pytest.mark.extended
def test_programs_of_a_platform_that_nothing_here_runs(pair: Pair) -> None:
    """A shell for a processor that neither this machine nor any emulator of it is."""
    (pair.folder / "shell").write_bytes(_program_for_s390x())
    alien = "FROM scratch AS base\nCOPY --chmod=755 shell /bin/sh\nFROM base AS dependencies\n"
    pair.write(f"{alien}RUN echo {pair.repository}\nFROM dependencies AS final\n{CODE}")
    done = pair.whalebuild("bake", "--platform", "linux/s390x")
    assert done.returncode == 3
    assert "the builder cannot run programs of the platform that was asked for" in done.stderr
    assert "QEMU" in done.stderr
    (site,) = pair.plan("--platform", "linux/s390x")["deps"]["sites"]
    assert (site["how"], site["emulated"], site["impossible"]) == ("unable", [], [4])


@pytest.mark.extended
def test_an_image_for_production_is_not_replaced_by_one_for_the_builder(
    sandbox: Sandbox, cross: Pair
) -> None:
    cross.bake("--platform", AMD64)
    cross.change_code("two")
    before = cross.digest("latest")
    with sandbox.remote_builder("laptop", {SHARED_ENGINE: ARM64}) as builder:
        done = cross.whalebuild("bake", "--builder", builder)
        assert done.returncode == 2
        assert f"latest is for {AMD64}: it would be replaced by one for {ARM64}" in done.stderr
        assert f"--platform {AMD64}" in done.stderr
        assert cross.digest("latest") == before
        cross.bake("--builder", builder, "--platform", AMD64)
    assert cross.images("latest").keys() == {"amd64"}


def _program_for_s390x() -> bytes:
    """An ELF header and one segment: enough for the kernel to see what it is for."""
    kind = b"\x7fELF" + bytes([2, 2, 1, 0]) + bytes(8)
    header = struct.pack(">HHIQQQIHHHHHH", 2, 22, 1, 0x400000, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack(">IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 120, 120, 4096)
    return kind + header + segment + bytes(64)
