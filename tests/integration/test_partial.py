"""One machine a platform: ``bake --partial`` on each, and ``merge`` of what they have built."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.pairs import Pair, changing
from tests.integration.sandbox import SHARED_ENGINE, Sandbox
from tests.support.marks import rarely

BOTH = ("linux/amd64", "linux/arm64")
# Nothing runs, so that a machine can build the other's platform for comparison.
DOCKERFILE = (
    "FROM {base} AS dependencies\n"
    "COPY --link requirements.txt /requirements.txt\n"
    "FROM dependencies AS final\n"
    'COPY --link app.sh /app.sh\nCMD ["sh", "/app.sh"]\n'
)
# The time of a build is in its configuration.
REPRODUCIBLE = ("--set", "*.args.SOURCE_DATE_EPOCH=0")


@pytest.fixture
def two(pair: Pair) -> Pair:
    """A project for two platforms."""
    pair.write(DOCKERFILE, base=pair.sandbox.python_image)
    (pair.folder / "whalebuild.toml").write_text(f"platform = {json.dumps(BOTH)}\n")
    return pair


@contextmanager
def machines(sandbox: Sandbox, driver: str) -> Iterator[dict[str, tuple[str, tuple[str, ...]]]]:
    """A fresh engine for each platform: the client's engine, and words that choose a builder."""
    with ExitStack() as stack:
        found = {}
        for platform in BOTH:
            name = f"only-{platform.rpartition('/')[2]}"
            engine = stack.enter_context(sandbox.fresh_engine(name))
            words: tuple[str, ...] = ()
            if driver == "remote":
                builder = sandbox.remote_builder(f"on-{name}", {engine: platform})
                words = ("--builder", stack.enter_context(builder))
                engine = SHARED_ENGINE
            found[platform] = (engine, words)
        yield found


def bake_part(pair: Pair, platform: str, *args: str, engine: str | None = None) -> Path:
    """Bake one platform; the file that this leaves."""
    words = ("--partial", "--platform", platform, *REPRODUCIBLE, *args)
    pair.whalebuild("bake", *words, engine=engine, check=True)
    return pair.folder / f"whalebuild-part-{platform.replace('/', '-')}.json"


def merge(pair: Pair, *files: Path) -> subprocess.CompletedProcess[str]:
    """Merge from another folder: neither the source nor its settings are needed."""
    elsewhere = pair.folder.parent / "merging"
    elsewhere.mkdir(exist_ok=True)
    # What is gone is looked for as often as is asked for: it may be new to the registry.
    words = ("merge", "--format", "json", "--retry-attempts", "2", *map(str, files))
    return pair.sandbox.whalebuild(*words, cwd=elsewhere, env={"DOCKER_HOST": "unix:///nowhere"})


def published(pair: Pair, tag: str) -> tuple[dict[str, str], dict[str, str], list[object]]:
    """What two bakes of one source have in common: images, annotations, and which caches.

    Attestations carry times, and so do caches.
    """
    index = pair.manifest(tag)
    order = [
        (child["platform"], child.get("annotations", {}).get("vnd.docker.reference.type"))
        for child in index["manifests"]
    ]
    return pair.images(tag), index["annotations"], [*order, *pair.caches(tag)]


@pytest.mark.parametrize("driver", ["remote", rarely("docker")])
def test_two_parts_and_a_merge_are_what_one_bake_is(
    sandbox: Sandbox, two: Pair, driver: str
) -> None:
    with machines(sandbox, driver) as found:
        files = []
        for platform, (engine, words) in found.items():
            files.append(bake_part(two, platform, *words, engine=engine))
        staging = [tag for tag in two.tags() if tag.startswith("whalebuild-staging-")]
        assert two.tags() == staging
        assert bool(staging) is (driver == "docker")
        done = merge(two, *files)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["schema"] == "whalebuild.bake/1"
    assert two.tags() == ["deps", "latest"]
    two.check_whole()

    alone = replace(two, repository=f"{two.repository}-alone")
    with sandbox.fresh_engine("after-merge") as engine:
        with sandbox.requests() as requests:
            again = two.whalebuild("bake", *REPRODUCIBLE, engine=engine, check=True)
        assert "nothing to do" in again.stderr
        assert changing(requests) == []
        # On a node for each platform: parts have a cache each, and so do nodes.
        with (
            sandbox.fresh_engine("after-too") as other,
            sandbox.remote_builder("one", {engine: BOTH[0], other: BOTH[1]}) as builder,
        ):
            alone.bake(*REPRODUCIBLE, "--builder", builder)
    for tag in ("deps", "latest"):
        assert published(two, tag) == published(alone, tag)
        assert set(two.images(tag)) == {"amd64", "arm64"}
    assert {role for role, _, _ in two.caches()} == {"deps", "app"}
    assert two.prints() == "one"


@pytest.mark.soak
def test_after_a_code_change_parts_reuse_and_the_merge_leaves_the_dependencies(two: Pair) -> None:
    two.bake(*REPRODUCIBLE)
    before = two.digest("deps")
    two.change_code("two")
    files = [bake_part(two, platform) for platform in BOTH]
    for file in files:
        deps, app = json.loads(file.read_text())["images"]
        assert (deps["action"], deps["pushed"], len(app["pushed"])) == ("reuse", [], 1)
    done = merge(two, *files)
    assert done.returncode == 0, done.stderr
    assert (two.digest("deps"), two.tags()) == (before, ["deps", "latest"])
    assert two.prints() == "two"
    # Nothing to do is a part, too.
    with two.sandbox.requests() as requests:
        files = [bake_part(two, platform) for platform in BOTH]
        assert merge(two, *files).returncode == 0
    assert changing(requests) == []


@pytest.mark.extended
def test_parts_that_do_not_fit_are_refused_and_nothing_is_published(two: Pair) -> None:
    amd64, arm64 = (bake_part(two, platform) for platform in BOTH)
    before = two.tags()

    def refused(code: int, *files: Path) -> str:
        done = merge(two, *files)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert json.loads(done.stdout)["error"]["exit_code"] == code
        assert two.tags() == before
        return done.stderr

    assert "the part for linux/arm64 is missing" in refused(7, amd64)
    assert f"{amd64} and {amd64} are both for linux/amd64" in refused(2, amd64, arm64, amd64)
    assert "No such file" in refused(2, amd64, two.folder / "no.json")
    assert "is not a part of a bake" in refused(2, amd64, two.folder / "app.sh")
    newer = two.folder / "newer.json"
    newer.write_text(arm64.read_text().replace("whalebuild.part/1", "whalebuild.part/2"))
    assert "another version of whalebuild" in refused(2, amd64, newer)

    # Another commit on one of the machines, and what a failed bake leaves.
    kept = two.folder.parent / "kept.json"
    arm64.rename(kept)
    two.change_requirements("two")
    bake_part(two, BOTH[1])
    before = two.tags()
    said = refused(7, amd64, arm64)
    assert 'made "app-deps" from different inputs: requirements.txt changed' in said
    two.write("FROM {base} AS dependencies\nCOPY nothing /\nFROM dependencies\n")
    words = ("--partial", "--platform", BOTH[1])
    assert two.whalebuild("bake", *words).returncode != 0
    assert not arm64.exists()

    # What the registry has lost meanwhile.
    digest = json.loads(kept.read_text())["images"][1]["pushed"][0]["digest"]
    url = f"http://{two.registry}/v2/{two.repository}/manifests/{digest}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=60).close()
    # Its tag went with it.
    before = two.tags()
    done = merge(two, amd64, kept)
    assert done.returncode == 7, done.stderr
    assert f"{kept}: " in done.stderr
    assert digest in done.stderr
    assert two.tags() == before


@pytest.mark.extended
def test_what_the_whole_is_has_to_be_known(two: Pair) -> None:
    (two.folder / "whalebuild.toml").unlink()
    done = two.whalebuild("bake", "--partial", "--platform", BOTH[1])
    assert done.returncode == 2
    assert 'platform = ["linux/amd64", "linux/arm64"] in whalebuild.toml' in done.stderr
    done = two.whalebuild(
        *("bake", "--partial", "--platform", "linux/s390x"),
        env={"WHALEBUILD_PLATFORM": ",".join(BOTH)},
    )
    assert done.returncode == 2
    assert "linux/s390x is not among the platforms of this bake" in done.stderr


@pytest.mark.extended
@pytest.mark.parametrize("driver", ["docker", rarely("remote")])
def test_a_bake_that_fails_for_one_platform_says_for_which(
    sandbox: Sandbox, two: Pair, driver: str
) -> None:
    arch = "COPY --link only-${TARGETARCH} /only\n"
    two.write(f"FROM {{base}} AS dependencies\nARG TARGETARCH\n{arch}FROM dependencies\n")
    (two.folder / "only-amd64").touch()
    with ExitStack() as stack:
        words: tuple[str, ...] = ()
        if driver == "remote":
            builder = sandbox.remote_builder("names-it", {SHARED_ENGINE: ""})
            words = ("--builder", stack.enter_context(builder))
        done = two.whalebuild("bake", *words)
    print(done.stderr)
    assert done.returncode == 4
    assert two.tags() == []
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "linux/arm64" in line
    assert "linux/amd64" not in line
