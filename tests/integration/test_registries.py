"""The registries of a test's own do what tests of bad registries rely on."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration.faults import Action, Fault
from tests.integration.proxy import faulty_registry
from tests.integration.registries import OwnRegistry, htpasswd, own_registry, small_disk
from tests.integration.sandbox import Sandbox
from tests.integration.tokens import LOGIN, TokenServer, docker_config, token_server
from tests.support.marks import extended

MEGA = 1 << 20
REPOSITORY = "acme/web"


def ask(
    address: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
    finally:
        connection.close()


def upload(address: str, body: bytes) -> int:
    """Begin an upload, and send this; the status."""
    status, headers = ask(address, "POST", f"/v2/{REPOSITORY}/blobs/uploads/")
    assert status == 202
    path = headers["Location"].partition(address)[2]
    assert path, "the registry names the host that it was asked as"
    return ask(address, "PATCH", path, body)[0]


@pytest.mark.extended
def test_a_registry_that_is_killed_keeps_what_it_has(sandbox: Sandbox, tmp_path: Path) -> None:
    with own_registry(sandbox.env(), tmp_path) as registry:
        address = registry.address
        assert upload(address, bytes(MEGA)) == 202
        registry.kill()
        with pytest.raises(ConnectionRefusedError):
            ask(address, "GET", "/v2/")
        registry.restart()
        assert registry.address == address
        assert list((tmp_path / "storage").rglob("_uploads"))


def test_killed_and_restarted_at_an_exact_moment(sandbox: Sandbox, tmp_path: Path) -> None:
    with own_registry(sandbox.env(), tmp_path) as registry:
        kill = Fault("PATCH", "", Action(registry.kill), times=1)
        restart = Fault("PATCH", "", Action(registry.restart), times=1)
        with faulty_registry(registry.address, kill) as proxy:
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                upload(proxy.address, bytes(MEGA))
            registry.restart()
            proxy.faults[:] = [restart]
            assert upload(proxy.address, bytes(MEGA)) == 202


@pytest.mark.extended
def test_a_disk_that_is_full(sandbox: Sandbox, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, 4 * MEGA), own_registry(sandbox.env(), tmp_path, storage=disk) as own:
        assert upload(own.address, bytes(MEGA)) == 202
        with faulty_registry(own.address) as proxy:
            assert upload(proxy.address, bytes(64 * MEGA)) == 500
    assert not list(disk.iterdir()), "it is unmounted"


@pytest.fixture(params=["auths", extended("helper")])
def helper(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "helper")


def push(
    sandbox: Sandbox, folder: Path, address: str, login: tuple[str, str], *, helper: bool
) -> subprocess.CompletedProcess[str]:
    """Have BuildKit push a small image."""
    env = docker_config(sandbox.env(), folder / "docker", {address: login}, helper=helper)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    image = f"{address}/{REPOSITORY}:one"
    command = ("docker", "buildx", "build", "--push", "--tag", image, ".")
    return sandbox.run(*command, cwd=folder, env=env)


@pytest.mark.extended
def test_docker_logs_in_with_a_password(sandbox: Sandbox, tmp_path: Path, helper: bool) -> None:
    with own_registry(sandbox.env(), tmp_path, auth=htpasswd(tmp_path)) as registry:
        done = push(sandbox, tmp_path, registry.address, LOGIN, helper=helper)
        assert done.returncode == 0, done.stderr
        done = push(sandbox, tmp_path, registry.address, ("ada", "wrong"), helper=helper)
        assert "401 Unauthorized" in done.stderr


@pytest.mark.extended
def test_docker_gets_tokens_through_a_proxy(sandbox: Sandbox, tmp_path: Path, helper: bool) -> None:
    with (
        token_server(tmp_path) as tokens,
        own_registry(sandbox.env(), tmp_path, auth=tokens.auth) as registry,
        faulty_registry(registry.address) as proxy,
    ):
        done = push(sandbox, tmp_path, proxy.address, LOGIN, helper=helper)
        assert done.returncode == 0, done.stderr
        assert tokens.fetches > 0
        tokens.users["ada"] = "another"
        assert push(sandbox, tmp_path, proxy.address, LOGIN, helper=helper).returncode
        done = push(sandbox, tmp_path, proxy.address, ("ada", "another"), helper=helper)
        assert done.returncode == 0, done.stderr


def manifest_status(registry: OwnRegistry, token: str) -> int:
    path = f"/v2/{REPOSITORY}/manifests/none"
    return ask(registry.address, "GET", path, headers={"Authorization": f"Bearer {token}"})[0]


def fetch(tokens: TokenServer) -> tuple[int, str]:
    host, _, path = tokens.realm.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        form = f"service=s&scope=repository:{REPOSITORY}:pull&username={LOGIN[0]}"
        connection.request("POST", f"/{path}", f"{form}&password={LOGIN[1]}")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()).get("access_token", "")
    finally:
        connection.close()


@pytest.mark.extended
def test_tokens_end(sandbox: Sandbox, tmp_path: Path) -> None:
    with (
        token_server(tmp_path) as tokens,
        own_registry(sandbox.env(), tmp_path, auth=tokens.auth) as registry,
    ):
        tokens.lifetime, tokens.failures = 2, [500, 429]
        assert [fetch(tokens)[0] for _ in range(2)] == [500, 429]
        status, token = fetch(tokens)
        assert (status, tokens.fetches) == (200, 3)
        assert manifest_status(registry, token) == 404
        time.sleep(2.5)
        assert manifest_status(registry, token) == 401
