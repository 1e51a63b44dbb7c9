"""Hosts by DOCKER_HOST=ssh://... and docker contexts: commands run here, for an engine there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deploys import Host, Web
from tests.integration.pairs import KIB
from tests.integration.remotes import WAYS, Far
from tests.integration.sandbox import Sandbox, downloaded


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    """A production host's engine; tests have repositories of their own."""
    with sandbox.fresh_engine("prod") as engine:
        yield engine


@pytest.fixture
def web(sandbox: Sandbox, tmp_path: Path, repository: str) -> Web:
    return Web.at(sandbox, tmp_path / "web", repository)


@pytest.fixture
def prod(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web) -> Iterator[Host]:
    host = Host(sandbox, engine, tmp_path / "host", web.image)
    yield host
    host.down()


def diff(host: Host, *words: str) -> dict[str, Any]:
    done = host.whalebuild("diff", host.image, *words, "--format", "json", check=True)
    [image] = json.loads(done.stdout)["images"]
    found: dict[str, Any] = image
    return found


@pytest.mark.parametrize("way", WAYS)
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
        "deploy@prod.example: Permission denied (publickey).",
        "ssh: connect to host prod.example port 2222: Connection refused",
        "ssh: Could not resolve hostname prod.example: Name or service not known",
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
