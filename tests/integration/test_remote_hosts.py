"""Hosts by DOCKER_HOST=ssh://... and docker contexts: commands run here, for an engine there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deploys import Host, Web
from tests.integration.pairs import KIB
from tests.integration.remotes import WAYS, Far
from tests.integration.sandbox import Sandbox, downloaded
from tests.integration.web_app import REASONS
from tests.support.marks import extended, rarely


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    """A production host's engine; tests have repositories of their own."""
    with sandbox.fresh_engine("prod") as engine:
        yield engine


@pytest.fixture
def prod(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web) -> Iterator[Host]:
    host = Host(sandbox, engine, tmp_path / "host", web.image)
    yield host
    host.down()


def diff(host: Host, *words: str) -> dict[str, Any]:
    [image] = host.result("diff", host.image, *words)["images"]
    found: dict[str, Any] = image
    return found


@pytest.mark.extended
@pytest.mark.parametrize("way", [WAYS[0], *map(rarely, WAYS[1:])])
def test_a_host_from_afar(sandbox: Sandbox, tmp_path: Path, web: Web, prod: Host, way: str) -> None:
    far = Far(prod, tmp_path / "far", way)
    first = web.publish("1")
    far.host.compose("pull", "--quiet")
    far.host.compose("up", "--detach", "--wait")
    # It runs there, and not on the engine of whoever said so.
    assert prod.digests() == [first] == far.host.digests()
    here = Host(sandbox, far.host.engine, prod.folder, web.image, prod.port)
    assert here.tag() is None

    second = web.publish("2")
    for origin in ("local", "running"):
        told = diff(far.host, "--from", origin)
        assert [each["digest"] for each in told["from"]["images"]] == [first]
        assert told == diff(prod, "--from", origin)
    with sandbox.requests() as requests:
        far.host.compose("pull", "--quiet")
    assert downloaded(requests) == told["download_bytes"] < 32 * KIB
    far.host.compose("up", "--detach", "--wait")
    assert prod.digests() == [second]
    assert bool(far.calls) is (way != "context of a socket")


@pytest.mark.parametrize(
    "why",
    [
        extended("deploy@prod.example: Permission denied (publickey)."),
        extended("ssh: connect to host prod.example port 2222: Connection refused"),
        extended("ssh: Could not resolve hostname prod.example: Name or service not known"),
    ],
)
def test_ssh_does_not_get_there(tmp_path: Path, web: Web, prod: Host, why: str) -> None:
    web.publish("1")
    far = Far(prod, tmp_path / "far", "host")
    far.refuse(why)
    done = far.host.whalebuild("diff", web.image)
    assert done.returncode == 3, done.stderr
    assert "error: the Docker engine on prod.example cannot be reached over ssh" in done.stderr
    assert f"  cause: {why}" in done.stderr
    assert "`ssh -l deploy -p 2222 prod.example docker version`" in done.stderr


@pytest.mark.extended
@pytest.mark.parametrize("way", [WAYS[0], *map(rarely, WAYS[1:])])
def test_a_deployment_from_afar(
    sandbox: Sandbox, tmp_path: Path, web: Web, prod: Host, way: str
) -> None:
    host = Far(prod, tmp_path / "far", way).host
    first = web.publish("1")
    assert host.result("deploy")["done"] == "deployed"
    assert prod.digests() == [first]
    second = web.publish("2")
    # The client reads what there is, in both cases; the host downloads what it lacks.
    with sandbox.requests() as read:
        told = host.result("deploy", "--dry-run")["download_bytes"]
    with sandbox.requests() as moved:
        done = host.result("deploy")
    here = f"/v2/{web.pair.repository}/"
    mine = [downloaded([r for r in each if r.path.startswith(here)]) for each in (read, moved)]
    assert mine[1] - mine[0] == done["download_bytes"] == told < 32 * KIB
    assert prod.digests() == [second]
    web.publish_broken("3", how="unhealthy")
    failed = host.whalebuild("deploy")
    assert (failed.returncode, prod.digests()) == (8, [second]), failed.stderr
    assert REASONS["unhealthy"] in failed.stderr
    assert host.result("rollback")["done"] == "rolled back"
    assert prod.digests() == [first]
    # The record is the engine's, whichever way led there.
    for seen in (host, prod):
        outcomes = [each["outcome"] for each in seen.result("history")["deployments"]]
        assert outcomes.count("done") == 3
        assert len(outcomes) == 4
