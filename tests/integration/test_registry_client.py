"""The registry client on real registries: open, with htpasswd, and with signed tokens."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.adapters.registry_server import Asked, Reply, basic, document, serve
from tests.integration.sandbox import Sandbox
from whalebuild.adapters.registry import RegistryClient
from whalebuild.core.failures import Kind, RequestFailedError
from whalebuild.core.manifests import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    Descriptor,
    digest_of,
    parse_index,
    write_index,
)
from whalebuild.core.references import Reference

PASSWORD = "correct-horse-battery"
# Its bcrypt, as `htpasswd -nbB -C 4 ada …` prints it.
HASH = "$2b$04$MF26NGXJ1Tk9azL4DRhM4OHp7pNoR7WpgfU1sn.UNoYw44mGTw7rq"
KIND = "dev.whalebuild.kind"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[RegistryClient]:
    with RegistryClient(sandbox.env()) as client:
        yield client


def push_image(client: RegistryClient, repository: str) -> Descriptor:
    """An image without layers, by digest: what a bake leaves."""
    config = client.put_blob(repository, b'{"architecture":"amd64","os":"linux"}')
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config,
            "size": 37,
        },
        "layers": [],
    }
    raw = json.dumps(manifest, indent=3).encode()
    digest = client.put_manifest(Reference(repository, digest=digest_of(raw)), raw, MANIFEST_TYPE)
    return Descriptor(digest, len(raw), platform="linux/amd64")


def push_bundle(client: RegistryClient, repository: str, *tags: str) -> bytes:
    image = push_image(client, repository)
    cache = Descriptor(image.digest, image.size, annotations={KIND: "cache"})
    raw = write_index([image, cache], {"dev.whalebuild.lock": '{"a": "ü"}'})
    for tag in tags:
        assert client.put_manifest(Reference(repository, tag), raw, INDEX_TYPE) == digest_of(raw)
    return raw


# The sandbox's registry


def test_a_bundle_comes_back_as_it_went(
    sandbox: Sandbox, client: RegistryClient, repository: str
) -> None:
    name = f"{sandbox.registry}/{repository}"
    reference = Reference(name, "deps")
    assert client.manifest(reference) is None
    assert client.tags(name) == []
    raw = push_bundle(client, name, "deps", "latest")

    found = client.manifest(reference)
    assert found is not None
    assert (found.raw, found.media_type, found.digest) == (raw, INDEX_TYPE, digest_of(raw))
    index = parse_index(found.raw)
    assert index is not None
    assert index.manifests[1].annotations == {KIND: "cache"}
    assert client.head(reference) == found.descriptor
    by_digest = client.manifest(Reference(name, digest=found.digest))
    assert by_digest == found
    assert client.head(Reference(name, "other")) is None
    assert sorted(client.tags(name)) == ["deps", "latest"]


def test_blobs(sandbox: Sandbox, client: RegistryClient, repository: str) -> None:
    name = f"{sandbox.registry}/{repository}"
    raw = b'{"layers":[]}'
    assert not client.blob_exists(name, digest_of(raw))
    assert client.put_blob(name, raw) == digest_of(raw)
    assert client.put_blob(name, raw) == digest_of(raw)
    assert client.blob_exists(name, digest_of(raw))
    assert client.blob(name, digest_of(raw), 1024) == raw
    with pytest.raises(RequestFailedError, match="larger than expected"):
        client.blob(name, digest_of(raw), 5)
    with pytest.raises(RequestFailedError) as caught:
        client.blob(name, digest_of(b"none"), 1024)
    assert caught.value.failure.kind is Kind.MISSING


def test_a_manifest_costs_one_request(
    sandbox: Sandbox, client: RegistryClient, repository: str
) -> None:
    name = f"{sandbox.registry}/{repository}"
    push_bundle(client, name, "deps")
    with sandbox.requests() as requests, RegistryClient(sandbox.env()) as fresh:
        assert fresh.manifest(Reference(name, "deps"))
    mine = [request for request in requests if repository in request.path]
    assert [(r.method, r.path) for r in mine] == [("GET", f"/v2/{repository}/manifests/deps")]


def test_docker_agrees(
    sandbox: Sandbox, client: RegistryClient, repository: str, tmp_path: Path
) -> None:
    name = f"{sandbox.registry}/{repository}"
    raw = push_bundle(client, name, "deps")
    shown = sandbox.run(
        "docker", "buildx", "imagetools", "inspect", "--raw", f"{name}:deps",
        cwd=tmp_path, check=True,
    )  # fmt: skip
    assert shown.stdout.encode() == raw


def test_an_index_whose_child_is_missing(
    sandbox: Sandbox, client: RegistryClient, repository: str
) -> None:
    missing = Descriptor(digest_of(b"nothing"), 7, platform="linux/amd64")
    with pytest.raises(RequestFailedError) as caught:
        client.put_manifest(
            Reference(f"{sandbox.registry}/{repository}", "deps"),
            write_index([missing], {}),
            INDEX_TYPE,
        )
    assert caught.value.failure.kind is Kind.TRANSIENT
    assert "blob unknown" in caught.value.failure.reason


def test_no_json_is_refused(sandbox: Sandbox, client: RegistryClient, repository: str) -> None:
    with pytest.raises(RequestFailedError) as caught:
        client.put_manifest(
            Reference(f"{sandbox.registry}/{repository}", "deps"), b"no json", INDEX_TYPE
        )
    assert caught.value.failure.kind is Kind.REFUSED
    assert "manifest_invalid" in caught.value.failure.reason


def test_deleting(sandbox: Sandbox, client: RegistryClient, repository: str) -> None:
    name = f"{sandbox.registry}/{repository}"
    raw = push_bundle(client, name, "staging")
    assert client.delete_manifest(Reference(name, digest=digest_of(raw)))
    assert client.manifest(Reference(name, "staging")) is None
    assert not client.delete_manifest(Reference(name, digest=digest_of(raw)))


# Registries that want a login


@contextmanager
def registry(sandbox: Sandbox, folder: Path, auth: Mapping[str, object]) -> Iterator[str]:
    """A registry of the sandbox's make, on a loopback port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": address},
        "auth": auth,
    }
    (folder / "config.yml").write_text(json.dumps(config))
    program = shutil.which("docker-registry", path=sandbox.env()["PATH"])
    assert program
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [program, "serve", folder / "config.yml"], stdout=log, stderr=log, env=sandbox.env()
        ) as process,
    ):
        try:
            until(lambda: answers(address))
            yield address
        finally:
            process.terminate()


def answers(address: str) -> bool:
    host, _, port = address.partition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False


def until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    pytest.fail("the registry did not come up")


@contextmanager
def logged_in(folder: Path, address: str, password: str) -> Iterator[RegistryClient]:
    """A client whose login is with a helper, as on a developer's machine."""
    helper = folder / "docker-credential-test"
    login = json.dumps({"Username": "ada", "Secret": password})
    helper.write_text(f"#!/bin/sh\n[ $(cat) = {address} ] && echo '{login}'\n")
    helper.chmod(0o755)
    (folder / "config.json").write_text('{"credsStore": "test"}')
    env = {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}
    with RegistryClient(env) as client:
        yield client


def test_htpasswd(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(f"ada:{HASH}\n")
    auth = {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}
    with registry(sandbox, tmp_path, auth) as address:
        name = f"{address}/acme/web"
        with logged_in(tmp_path, address, PASSWORD) as client:
            raw = push_bundle(client, name, "deps")
            found = client.manifest(Reference(name, "deps"))
            assert found is not None
            assert found.raw == raw
        with logged_in(tmp_path, address, "wrong-password") as client:
            for call in (client.manifest, client.head):
                with pytest.raises(RequestFailedError) as caught:
                    call(Reference(name, "deps"))
                assert caught.value.failure.kind is Kind.REFUSED
                assert "wrong-password" not in caught.value.failure.evidence
        with (
            RegistryClient({"DOCKER_CONFIG": str(tmp_path / "none")}) as client,
            pytest.raises(RequestFailedError, match="401 Unauthorized"),
        ):
            client.put_blob(name, b"{}")


def test_signed_tokens(sandbox: Sandbox, tmp_path: Path) -> None:
    """The registry checks each token's signature and scope by itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl signs the tokens")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
    subprocess.run(
        [openssl, *options.split(), "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    chain = "".join(certificate.read_text().splitlines()[1:-1])

    def token(asked: Asked) -> Reply:
        if asked.authorization != f"Basic {basic('ada', PASSWORD)}":
            return Reply(401, b'{"details": "incorrect username or password"}')
        access = []
        for scope in asked.query.get("scope", []):
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {
            "iss": "test",
            "sub": "ada",
            "aud": asked.query["service"][0],
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": str(now),
            "access": access,
        }
        header = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
        signature = subprocess.run(
            [openssl, "dgst", "-sha256", "-sign", key],
            input=signed.encode(),
            check=True,
            capture_output=True,
        ).stdout
        return document({"token": f"{signed}.{encoded(signature)}", "expires_in": 300})

    with serve(token) as server:
        realm = f"http://{server.address}/token"
        auth = {
            "realm": realm,
            "service": "s",
            "issuer": "test",
            "rootcertbundle": str(certificate),
        }
        with registry(sandbox, tmp_path, {"token": auth}) as address:
            name = f"{address}/acme/web"
            with logged_in(tmp_path, address, PASSWORD) as client:
                raw = push_bundle(client, name, "deps")
                found = client.manifest(Reference(name, "deps"))
                assert found is not None
                assert found.raw == raw
                assert client.tags(name) == ["deps"]
                # One token for everything in the repository, good for pulling as well.
                assert [a.query["scope"] for a in server.asked] == [
                    ["repository:acme/web:pull,push"]
                ]
            with logged_in(tmp_path, address, PASSWORD) as client:
                assert client.manifest(Reference(name, "deps"))
                assert server.asked[-1].query["scope"] == ["repository:acme/web:pull"]
                push_bundle(client, name, "latest")
                assert sorted(client.tags(name)) == ["deps", "latest"]
            with logged_in(tmp_path, address, "wrong-password") as client:
                with pytest.raises(RequestFailedError, match="incorrect username") as caught:
                    client.manifest(Reference(name, "deps"))
                assert caught.value.failure.kind is Kind.REFUSED


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
