"""Both platforms from one engine without emulation, and the same image on every driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.integration.app_base_projects import BEGAN, SHORT, way_of
from tests.integration.image_entries import differences, read_layers
from tests.integration.pairs import KIB, RAN, Pair
from tests.integration.sandbox import SHARED_ENGINE, Sandbox, downloaded

AMD64, ARM64 = "linux/amd64", "linux/arm64"
BOTH = ("--platform", f"{AMD64},{ARM64}")
# Each platform has directories of its own. The programs are the same: what the machine can run is
# run there for any platform, as if it were emulated.
_BASE = (
    "FROM --platform=linux/amd64 {programs} AS programs\nFROM scratch\n"
    "COPY --from=programs / /\nARG TARGETARCH\nCOPY $TARGETARCH /\n"
    "COPY packages /usr/lib/packages\nENV ARCHITECTURE=$TARGETARCH\n"
)
# On amd64 /srv/app is a link, and on arm64 a directory of its own owner.
_DOCKERFILE = (
    "FROM {base}\nARG TARGETARCH\nLABEL of=$TARGETARCH\nWORKDIR /srv\n"
    "COPY requirements.txt packages /opt/\n"
    "RUN cp /opt/requirements.txt /opt/installed && echo now installing\n"
    "COPY --chown=app . app/\nCOPY app.sh /var/spool/\n"
    'USER app\nCMD ["sh", "/srv/app/app.sh"]\n'
)
_CODE_STEPS = 2


@pytest.fixture
def both(sandbox: Sandbox, pair: Pair) -> Pair:
    """A pair on a base that is published for both platforms."""
    folder = pair.folder.with_name("base")
    for architecture in ("amd64", "arm64"):
        (folder / architecture / "etc").mkdir(parents=True)
        user = {"amd64": 33, "arm64": 1654}[architecture]
        (folder / architecture / "etc/passwd").write_text(f"app:x:{user}:{user}::/:/bin/sh\n")
        (folder / architecture / "var/spool").mkdir(parents=True)
    (folder / "amd64/var/spool").chmod(0o1777)
    (folder / "amd64/srv").symlink_to("var")
    (folder / "arm64/srv/app").mkdir(parents=True)
    (folder / "packages").write_bytes(bytes(range(256)) * 4000)
    (folder / "Dockerfile").write_text(_BASE.replace("{programs}", pair.base))
    base = f"{sandbox.registry}/{pair.repository}-base:1"
    words = ("--push", "--provenance=false", *BOTH, "--tag", base, ".")
    sandbox.run("docker", "buildx", "build", *words, cwd=folder, check=True)
    pair.write(_DOCKERFILE, base=base)
    (pair.folder / "packages").write_bytes(bytes(range(256)) * 4000)
    return pair


@contextmanager
def _builder(sandbox: Sandbox, pair: Pair, driver: str, name: str) -> Iterator[Pair]:
    """The pair on engines with empty disks, through a driver."""
    with sandbox.fresh_engine(f"{name}-one") as one:
        if driver == "docker":
            yield replace(pair, engine=one)
        elif driver == "remote":
            with sandbox.remote_builder(name, {one: ""}) as builder:
                yield replace(pair, words=("--builder", builder))
        else:
            with (
                sandbox.fresh_engine(f"{name}-two") as two,
                sandbox.remote_builder(name, {one: AMD64, two: ARM64}) as builder,
            ):
                yield replace(pair, words=("--builder", builder))


def _emulated(pair: Pair) -> list[int]:
    """Lines of the application that would be run by an emulator, as the plan has it."""
    sites = pair.plan(*BOTH)["app"]["sites"]
    assert len(sites) == 2
    return [line for site in sites for line in (*site["emulated"], *site["impossible"])]


@pytest.mark.extended
@pytest.mark.parametrize("driver", ["docker", "remote", "two nodes"])
def test_both_platforms_without_emulation(sandbox: Sandbox, both: Pair, driver: str) -> None:
    assert RAN in both.bake(*BOTH).stderr
    deps = both.images("deps")
    both.change_code("two")
    with _builder(sandbox, both, driver, "platforms") as here:
        assert not _emulated(here)
        with sandbox.requests() as requests:
            made = here.bake(*BOTH)
    print(f"{driver}: {downloaded(requests)} bytes down, {len(requests)} requests")
    assert made["deps"]["action"] == "reused"
    assert made["deps"]["steps_run"] == 0
    assert RAN not in made.stderr
    assert "cannot run" not in made.stderr
    assert made["app"]["steps_run"] == 2 * _CODE_STEPS
    assert downloaded(requests) <= 64 * KIB, [(r.path, r.bytes) for r in requests]
    assert both.tags() == ["deps", "latest"], "and no other"
    assert both.images("deps") == deps
    both.check_whole()
    _check_equal(both)


def _check_equal(pair: Pair) -> None:
    """Have each platform's image be what the ordinary build for it alone makes."""
    assert way_of(pair.registry, pair.repository) == SHORT
    for architecture, digest in pair.images("latest").items():
        ordinary = f"{pair.repository}-{architecture}"
        words = ("--push", "--platform", f"linux/{architecture}")
        tag = ("--tag", f"{pair.registry}/{ordinary}:1", ".")
        build = ("docker", "buildx", "build", *words, *tag)
        pair.sandbox.run(*build, cwd=pair.folder, engine=SHARED_ENGINE, check=True)
        mine = read_layers(pair.registry, pair.repository, digest)
        theirs = read_layers(pair.registry, ordinary, "1")
        assert not differences(mine, theirs, shared=0, began=BEGAN)
        deps = pair.manifest(pair.images("deps")[architecture])["layers"]
        assert mine.digests[: len(deps)] == [layer["digest"] for layer in deps]
