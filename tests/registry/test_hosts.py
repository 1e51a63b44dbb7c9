from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.registry_server import Reply, Server, document, error, serve
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.oci.manifest import digest_of
from whalebuild.oci.reference import Reference
from whalebuild.registry.client import RegistryClient
from whalebuild.registry.hosts import (
    Endpoint,
    HostSettings,
    Trust,
    builder_settings,
    endpoints,
    split_repository,
)
from whalebuild.registry.proxies import proxy_for

TOML = """
[registry."docker.io"]
  mirrors = ["mirror.test:5000", "other.test/hub"]
[registry."mirror.test:5000"]
  http = true
[registry."lan.test"]
  http = true
  insecure = true
  ca = ["/etc/buildkit/certs/lan.test/ca.pem", "/not/there.pem"]
[registry."localhost:5001"]
  http = false
"""


def bases(registry: str, settings: dict[str, HostSettings] | None = None) -> list[str]:
    return [endpoint.base for endpoint in endpoints(registry, settings or {})]


# Names


@pytest.mark.parametrize(
    ("repository", "registry", "path"),
    [
        ("python", "docker.io", "library/python"),
        ("docker.io/python", "docker.io", "library/python"),
        ("index.docker.io/acme/web", "docker.io", "acme/web"),
        ("acme/web", "docker.io", "acme/web"),
        ("ghcr.io/acme/web", "ghcr.io", "acme/web"),
        ("localhost:5000/web", "localhost:5000", "web"),
    ],
)
def test_paths(repository: str, registry: str, path: str) -> None:
    assert split_repository(Reference(repository).registry, repository) == (registry, path)


def test_hosts_and_schemes() -> None:
    assert bases("docker.io") == ["https://registry-1.docker.io/v2"]
    assert bases("ghcr.io") == ["https://ghcr.io/v2"]
    # As buildx: no attempt at https for loopback.
    assert bases("localhost:5000") == ["http://localhost:5000/v2"]
    assert bases("[::1]:5000") == ["http://[::1]:5000/v2"]


# The builder's settings


def builder(folder: Path, name: str, toml: str = TOML) -> None:
    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    files = {"buildkitd.toml": encoded(toml), "certs/lan.test/ca.pem": encoded("PEM")}
    (folder / "buildx" / "instances").mkdir(parents=True, exist_ok=True)
    (folder / "buildx" / "instances" / name).write_text(
        json.dumps({"Name": name, "Nodes": [{"Name": f"{name}0", "Files": files}]})
    )


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    builder(tmp_path, "mine")
    return {"DOCKER_CONFIG": str(tmp_path)}


def test_a_builders_settings(env: dict[str, str]) -> None:
    settings = builder_settings(env, "mine")
    assert bases("docker.io", settings) == [
        "http://mirror.test:5000/v2",
        "https://other.test/v2/hub",
        "https://registry-1.docker.io/v2",
    ]
    # buildx's order: plain http, then https with any certificate.
    assert endpoints("lan.test", settings) == (
        Endpoint("http", "lan.test"),
        Endpoint("https", "lan.test", trust=Trust(insecure=True, authorities=("PEM",))),
    )
    assert bases("localhost:5001", settings) == ["https://localhost:5001/v2"]
    assert bases("other.test", settings) == ["https://other.test/v2"]


def test_which_builder_counts(env: dict[str, str], tmp_path: Path) -> None:
    assert builder_settings(env, None) == {}
    assert builder_settings({**env, "BUILDX_BUILDER": "Mine"}, None) != {}
    current = tmp_path / "buildx" / "current"
    current.write_text('{"Key": "", "Name": "mine", "Global": true}')
    assert builder_settings(env, None) != {}
    assert builder_settings(env, "other") == {}
    current.write_text('{"Key": "unix:///x.sock", "Name": "mine", "Global": false}')
    assert builder_settings(env, None) == {}
    assert builder_settings({**env, "DOCKER_HOST": "unix:///x.sock"}, None) != {}
    current.write_text('{"Key": "remote", "Name": "mine", "Global": false}')
    assert builder_settings({**env, "DOCKER_CONTEXT": "remote"}, None) != {}
    (tmp_path / "config.json").write_text('{"currentContext": "remote"}')
    assert builder_settings(env, None) != {}


def test_a_contexts_default_builder(env: dict[str, str], tmp_path: Path) -> None:
    endpoint = hashlib.sha256(b"unix:///var/run/docker.sock").hexdigest()[:20]
    (tmp_path / "buildx" / "defaults").mkdir()
    (tmp_path / "buildx" / "defaults" / endpoint).write_text("mine")
    assert builder_settings(env, None) != {}
    assert builder_settings({"BUILDX_CONFIG": str(tmp_path / "buildx")}, None) != {}


@pytest.mark.parametrize("content", ["", "[]", '{"Nodes": []}', '{"Nodes": [{"Files": null}]}'])
def test_other_builders_have_no_settings(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "buildx" / "instances"
    folder.mkdir(parents=True)
    (folder / "plain").write_text(content)
    env = {"DOCKER_CONFIG": str(tmp_path)}
    assert builder_settings(env, "plain") == {}
    assert builder_settings(env, "../../etc/passwd") == {}
    builder(tmp_path, "broken", "[registry")
    assert builder_settings(env, "broken") == {}
    builder(tmp_path, "deep", "a = " + "[" * 10_000)
    assert builder_settings(env, "deep") == {}
    builder(tmp_path, "else", 'registry = "x"')
    assert builder_settings(env, "else") == {}


# Mirrors, and hosts with two schemes


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    with ExitStack() as stack:
        yield stack.enter_context(serve()), stack.enter_context(serve())


@pytest.mark.parametrize("trouble", [Reply(404), Reply(500), error(403, "DENIED"), None])
def test_a_mirror_that_does_not_help_is_passed_over(
    tmp_path: Path, servers: tuple[Server, Server], trouble: Reply | None
) -> None:
    mirror, own = servers
    own.answer = lambda _: document({"schemaVersion": 2})
    mirror.answer = lambda _: trouble or document({"schemaVersion": 1})
    settings = {own.address: HostSettings(mirrors=(f"{mirror.address}/cache",))}
    reference = Reference(f"{own.address}/acme/web", "deps")
    with RegistryClient({"DOCKER_CONFIG": str(tmp_path)}, settings=settings) as client:
        found = client.manifest(reference, mirrors=True)
        assert found is not None
        assert found.raw == (b'{"schemaVersion": 2}' if trouble else b'{"schemaVersion": 1}')
        assert mirror.asked[0].path == "/v2/cache/acme/web/manifests/deps"
        assert mirror.asked[0].query == {"ns": [own.address]}
        assert len(own.asked) == (1 if trouble else 0)
        # Not for what this program publishes itself.
        client.manifest(reference)
        client.put_manifest(reference, b"{}", "x/y")
        assert len(mirror.asked) == 1


def test_a_host_with_two_schemes_is_asked_by_the_one_that_works(
    tmp_path: Path, servers: tuple[Server, Server]
) -> None:
    host = servers[0].address
    refusal = Reply(400, b"Client sent an HTTP request to an HTTPS server.\n")
    servers[0].answer = lambda _: refusal
    settings = {host: HostSettings(http=True, trust=Trust(insecure=True))}
    with RegistryClient({"DOCKER_CONFIG": str(tmp_path)}, settings=settings) as client:
        # https on this port is none either: the second way's failure is what is said.
        with pytest.raises(RequestFailedError) as caught:
            client.manifest(Reference(f"{host}/acme/web", "deps"))
        assert caught.value.failure.kind is FailureKind.UNREACHABLE
        assert "HTTP response to HTTPS client" in caught.value.failure.reason
        servers[0].answer = lambda _: Reply(200, b"{}")
        digest = digest_of(b"{}")
        assert client.blob(f"{host}/acme/web", digest, 9) == b"{}"


# Proxies


@pytest.mark.parametrize(
    ("url", "env", "proxy"),
    [
        ("http registry.test", {}, None),
        ("http registry.test", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("http registry.test", {"http_proxy": "p:1"}, "http://p:1"),
        ("https registry.test", {"HTTP_PROXY": "http://p:1"}, None),
        ("https registry.test", {"HTTPS_PROXY": "http://p:1", "https_proxy": "q"}, "http://p:1"),
        ("http localhost", {"HTTP_PROXY": "http://p:1"}, None),
        ("http 127.0.0.1", {"HTTP_PROXY": "http://p:1"}, None),
        ("http ::1", {"HTTP_PROXY": "http://p:1"}, None),
    ],
)
def test_proxies(url: str, env: dict[str, str], proxy: str | None) -> None:
    scheme, host = url.split()
    assert proxy_for(scheme, host, None, env) == proxy


@pytest.mark.parametrize(
    ("entries", "host", "direct"),
    [
        ("*", "registry.test", True),
        ("registry.test", "registry.test", True),
        ("test", "registry.test", True),
        (".test", "registry.test", True),
        ("*.test", "registry.test", True),
        (".registry.test", "registry.test", False),
        ("istry.test", "registry.test", False),
        ("other.test, REGISTRY.test ", "registry.test", True),
        ("registry.test:443", "registry.test", True),
        ("registry.test:5000", "registry.test", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("2001:db8::/32", "2001:db8::1", True),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("[2001:db8::1]", "2001:db8::1", True),
        ("", "registry.test", False),
        (",,", "registry.test", False),
    ],
)
def test_no_proxy(entries: str, host: str, direct: bool) -> None:
    env = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": entries}
    assert (proxy_for("https", host, None, env) is None) is direct
