"""What the doctor asks of registries, proxies and authorities."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path

import pytest

from tests.support.registry_server import Asked, Reply, serve
from whalebuild.doctor.facts import LoginFacts
from whalebuild.failures.failure import RequestFailedError
from whalebuild.registry.checkup import (
    RegistryCheckup,
    authorities,
    connect,
    proxies,
    proxy_of,
)

HERE, LOST, REFUSED = (f"sha256:{digit * 64}" for digit in "123")


def answer(asked: Asked) -> Reply:
    if asked.path == "/v2/":
        return Reply(401, b"{}")
    status = {HERE: 200, LOST: 404, REFUSED: 403}[asked.path.rpartition("/")[2]]
    return Reply(status)


def test_a_registry_that_answers() -> None:
    with serve(answer) as server, RegistryCheckup({}) as checkup:
        found = checkup.ping(server.address)
        assert (found.status, found.base) == (401, f"http://{server.address}/v2")
        assert found.ahead is not None
        assert abs(found.ahead) < 30


def test_a_registry_that_is_not_there() -> None:
    with RegistryCheckup({}) as checkup, pytest.raises(RequestFailedError, match="refused"):
        checkup.ping("127.0.0.1:9")


def test_only_404_says_that_a_blob_is_lost() -> None:
    with serve(answer) as server, RegistryCheckup({}) as checkup:
        repository = f"{server.address}/acme/web"
        assert checkup.lost_blobs(repository, [HERE, LOST, REFUSED]) == (LOST,)
        assert {asked.method for asked in server.asked} == {"HEAD"}


def test_where_logins_come_from(tmp_path: Path) -> None:
    env = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path), "PATH": str(tmp_path)}
    config = {"auths": {"r.test": {"auth": "YWRhOmhpZGRlbg=="}}, "credHelpers": {"h.test": "mine"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    helper = tmp_path / "docker-credential-mine"
    helper.write_text('#!/bin/sh\necho \'{"Username": "ada", "Secret": "hidden"}\'\n')
    helper.chmod(0o755)
    with RegistryCheckup(env) as checkup:
        assert checkup.login("r.test") == LoginFacts("docker's config.json")
        assert checkup.login("h.test") == LoginFacts("docker-credential-mine")
        assert checkup.login("other.test") == LoginFacts("")
    by_variable = {**env, "DOCKER_AUTH_CONFIG": json.dumps(config)}
    with RegistryCheckup(by_variable) as checkup:
        assert checkup.login("r.test") == LoginFacts("DOCKER_AUTH_CONFIG")
    helper.unlink()
    with RegistryCheckup(env) as checkup:
        assert checkup.login("h.test").problem == "docker-credential-mine is not on PATH"


def test_proxies_are_shown_without_logins(tmp_path: Path) -> None:
    config = {"proxies": {"default": {"httpProxy": "http://p.test:1", "noProxy": "x"}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    env = {"DOCKER_CONFIG": str(tmp_path), "https_proxy": "ada:hidden@q.test:2"}
    assert [(p.address, p.where) for p in proxies(env)] == [
        ("http://q.test:2", "https_proxy"),
        ("http://p.test:1", "docker's config.json, proxies.default.httpProxy"),
    ]
    assert proxy_of("ghcr.io", env) == "http://q.test:2"
    assert proxy_of("ghcr.io", {**env, "NO_PROXY": "ghcr.io"}) is None
    assert proxy_of("127.0.0.1:5000", env) is None


def test_connecting_to_a_proxy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert connect(f"http://127.0.0.1:{port}") is None
    assert connect(f"http://127.0.0.1:{port}") == "Connection refused"
    for wrong in ("http://", "socks5://host", "http://host:port"):
        assert connect(wrong) == "that is no address"


def test_files_of_authorities(tmp_path: Path) -> None:
    def problem(path: Path) -> str | None:
        (found,) = authorities({"SSL_CERT_FILE": str(path)})
        return found.problem

    assert problem(tmp_path / "no") == "there is no such file"
    (tmp_path / "empty.pem").write_text("nothing\n")
    assert problem(tmp_path / "empty.pem") == "it has no certificate that can be read"
    known = ssl.get_default_verify_paths().cafile
    if known:
        assert problem(Path(known)) is None
    assert list(authorities({})) == []
