"""``whalebuild diff`` says to the byte what ``docker pull`` then downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.pairs import DEPS_BYTES, KIB, Pair
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import rarely


@pytest.fixture(params=["containerd", rarely("graphdriver")])
def host(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """A production host's engine, which has nothing yet."""
    with sandbox.fresh_engine("host", "--image-store", request.param) as engine:
        yield engine


def diffed(pair: Pair, *words: str, engine: str | None = None, **kwargs: Any) -> dict[str, Any]:
    done = pair.whalebuild("diff", *words, "--format", "json", engine=engine, check=True, **kwargs)
    shown = json.loads(done.stdout)
    assert shown["schema"] == "whalebuild.diff/1"
    [image] = shown["images"]
    found: dict[str, Any] = image
    return found


def pulled(pair: Pair, host: str, tag: str = "latest") -> int:
    """Bytes that the registry serves for a pull."""
    words = ("docker", "pull", "--quiet", f"{pair.image}:{tag}")
    with pair.sandbox.requests() as requests:
        pair.sandbox.run(*words, cwd=pair.folder, engine=host, check=True)
    return downloaded([r for r in requests if r.path != "/v2/"])


def run(pair: Pair, host: str, name: str) -> None:
    words = ("docker", "run", "--detach", "--name", name, pair.image, "sleep", "600")
    pair.sandbox.run(*words, cwd=pair.folder, engine=host, check=True)


@pytest.mark.extended
def test_a_host_through_the_versions(sandbox: Sandbox, pair: Pair, host: str) -> None:
    """Nothing at all; the dependencies; one version, and the next one beside it."""
    pair.bake()
    empty = diffed(pair, engine=host)
    assert empty["from"] == {"kind": "local", "images": []}
    assert empty["download_bytes"] == empty["total_bytes"] > DEPS_BYTES
    assert empty["shared_layers"] == 0

    deps = diffed(pair, "--to", "deps", engine=host)
    assert pulled(pair, host, "deps") == deps["download_bytes"]
    on_deps = diffed(pair, engine=host)
    assert on_deps["new_layers"] == 1
    assert pulled(pair, host) == on_deps["download_bytes"] < 32 * KIB
    assert diffed(pair, engine=host)["download_bytes"] == pulled(pair, host) == 0

    run(pair, host, "first")
    first = pair.digest("latest")
    pair.change_code("two")
    baked = pair.bake()
    second = diffed(pair, engine=host)
    running = diffed(pair, pair.image, "--from", "running", engine=host)
    assert [each["from"]["images"][0]["digest"] for each in (second, running)] == [first] * 2
    assert second["new_layers"] == 1
    assert second["layers"][-1]["instruction"] == "COPY app.sh /app.sh"
    assert second["exact"]
    assert running["exact"]
    assert pulled(pair, host) == second["download_bytes"] == running["download_bytes"] < 32 * KIB

    told = {"download_bytes": second["download_bytes"], "total_bytes": second["total_bytes"]}
    assert baked["app"]["next_pull"] == {"linux/amd64": told}
    assert f"a host with the previous {pair.repository.rpartition('/')[2]}:latest" in baked.stderr

    # The container goes on running an image that has lost its name.
    again = diffed(pair, pair.image, "--from", "running", engine=host)
    assert again["from"]["images"][0]["digest"] == first
    assert again["download_bytes"] == running["download_bytes"]
    assert diffed(pair, engine=host)["download_bytes"] == 0

    # Another code above the same code: a graph driver downloads what is above again.
    containerd = sandbox.run(
        *("docker", "info", "--format", "{{.DriverStatus}}"), cwd=pair.folder, engine=host
    ).stdout.count("io.containerd")
    text = (pair.folder / "Dockerfile").read_text()
    assert "AS final\n" in text
    between = "AS final\nCOPY --link requirements.txt /between\n"
    (pair.folder / "Dockerfile").write_text(text.replace("AS final\n", between))
    pair.bake()
    third = diffed(pair, engine=host)
    assert third["new_layers"] == (1 if containerd else 2)
    assert pulled(pair, host) == third["download_bytes"]

    # Built anew from the same: the index alone is another one.
    pair.bake("--force")
    forced = diffed(pair, engine=host)
    assert forced["new_layers"] == 0
    assert forced["manifest"]["there"]
    assert pulled(pair, host) == forced["download_bytes"] == forced["index"]["bytes"]


@pytest.mark.extended
def test_two_references_need_no_engine(pair: Pair, fresh: str) -> None:
    pair.bake("--tag", "v1")
    pair.change_code("two")
    pair.bake("--tag", "v2")
    nowhere = {"DOCKER_HOST": "tcp://127.0.0.1:9"}
    words = (f"{pair.image}:v2", "--from", "v1")
    told = diffed(pair, *words, env=nowhere)
    assert told["from"]["kind"] == "registry"
    assert told["from"]["images"][0]["reference"] == f"{pair.image}:v1"
    by_digest = diffed(pair, pair.image, "--from", pair.digest("v1"), "--to", "v2", env=nowhere)
    assert by_digest["layers"] == told["layers"]
    pulled(pair, fresh, "v1")
    assert pulled(pair, fresh, "v2") == told["download_bytes"] < 32 * KIB

    lost = pair.whalebuild("diff", pair.image, env=nowhere)
    assert lost.returncode == 3
    assert "the Docker engine is not running" in lost.stderr
    arm = pair.whalebuild("diff", *words, "--platform", "linux/arm64", env=nowhere)
    assert arm.returncode == 2
    assert f"{pair.image}:v2 has no image for linux/arm64" in arm.stderr


@pytest.mark.extended
def test_layers_of_another_image(sandbox: Sandbox, pair: Pair, fresh: str) -> None:
    """Another service on the same base and dependencies; and one that was never pushed."""
    pair.bake()
    other = Pair(sandbox, pair.folder, f"{pair.repository}-other", pair.base)
    sandbox.run(
        *("docker", "buildx", "imagetools", "create", "-t", f"{other.image}:latest"),
        f"{pair.image}:latest",
        cwd=pair.folder,
        check=True,
    )
    pulled(other, fresh)
    told = diffed(pair, engine=fresh)
    assert told["from"]["images"] == []
    assert (told["new_layers"], told["exact"]) == (0, True)
    assert pulled(pair, fresh) == told["download_bytes"]

    # Not what another test has copied: BuildKit would take its layer, with its times.
    pair.change_code(pair.repository)
    pair.bake("--load", engine=fresh)
    pair.bake()
    loaded = diffed(pair, engine=fresh)
    assert not loaded["exact"], "no registry has the manifest of what was loaded"
    assert loaded["layers"][-1]["known_by"] == "diff_id"
    assert pulled(pair, fresh) == loaded["download_bytes"]
