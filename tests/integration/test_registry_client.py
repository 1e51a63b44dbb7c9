"""The registry client on real registries: open, with htpasswd, and with signed tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.registries import PASSWORD, USER, OwnRegistry, htpasswd, own_registry
from tests.integration.sandbox import Sandbox
from tests.integration.tokens import docker_config, token_server
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.oci.manifest import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    Descriptor,
    digest_of,
    parse_index,
    write_index,
)
from whalebuild.oci.reference import Reference
from whalebuild.registry.client import RegistryClient
from whalebuild.registry.session import Call
from whalebuild.registry.transport import follow_link

KIND = "dev.whalebuild.kind"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PushingClient]:
    with PushingClient(sandbox.env()) as client:
        yield client


class PushingClient(RegistryClient):
    """Pushes blobs as well, with the client's own login: a bake leaves that to BuildKit."""

    def put_blob(self, repository: str, raw: bytes) -> str:
        start = Call("POST", "blobs/uploads/", {"Content-Length": "0"}, action="push")
        begun = self._session.call(repository, start)
        location = follow_link(begun.url, begun.headers["Location"])
        digest, joint = digest_of(raw), "&" if "?" in location else "?"
        octets = {"Content-Type": "application/octet-stream"}
        put = Call("PUT", f"{location}{joint}digest={digest}", octets, raw, action="push")
        self._session.call(repository, put)
        return digest


def push_image(client: PushingClient, repository: str) -> Descriptor:
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


def push_bundle(client: PushingClient, repository: str, *tags: str) -> bytes:
    image = push_image(client, repository)
    cache = Descriptor(image.digest, image.size, annotations={KIND: "cache"})
    raw = write_index([image, cache], {"dev.whalebuild.lock": '{"a": "ü"}'})
    for tag in tags:
        assert client.put_manifest(Reference(repository, tag), raw, INDEX_TYPE) == digest_of(raw)
    return raw


# The sandbox's registry


def test_a_bundle_comes_back_as_it_went(
    sandbox: Sandbox, client: PushingClient, repository: str
) -> None:
    name = f"{sandbox.registry}/{repository}"
    reference = Reference(name, "deps")
    assert client.manifest(reference) is None
    assert published.tags(sandbox.registry, repository) == []
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
    assert published.tags(sandbox.registry, repository) == ["deps", "latest"]


def test_blobs(sandbox: Sandbox, client: PushingClient, repository: str) -> None:
    name = f"{sandbox.registry}/{repository}"
    raw = b'{"layers":[]}'
    assert client.put_blob(name, raw) == digest_of(raw)
    assert client.put_blob(name, raw) == digest_of(raw)
    assert client.blob(name, digest_of(raw), 1024) == raw
    with pytest.raises(RequestFailedError, match="larger than expected"):
        client.blob(name, digest_of(raw), 5)
    with pytest.raises(RequestFailedError) as caught:
        client.blob(name, digest_of(b"none"), 1024)
    assert caught.value.failure.kind is FailureKind.MISSING


def test_a_manifest_costs_one_request(
    sandbox: Sandbox, client: PushingClient, repository: str
) -> None:
    name = f"{sandbox.registry}/{repository}"
    push_bundle(client, name, "deps")
    with sandbox.requests() as requests, RegistryClient(sandbox.env()) as fresh:
        assert fresh.manifest(Reference(name, "deps"))
    mine = [request for request in requests if repository in request.path]
    assert [(r.method, r.path) for r in mine] == [("GET", f"/v2/{repository}/manifests/deps")]


def test_docker_agrees(
    sandbox: Sandbox, client: PushingClient, repository: str, tmp_path: Path
) -> None:
    name = f"{sandbox.registry}/{repository}"
    raw = push_bundle(client, name, "deps")
    shown = sandbox.run(
        "docker", "buildx", "imagetools", "inspect", "--raw", f"{name}:deps",
        cwd=tmp_path, check=True,
    )  # fmt: skip
    assert shown.stdout.encode() == raw


def test_an_index_whose_child_is_missing(
    sandbox: Sandbox, client: PushingClient, repository: str
) -> None:
    missing = Descriptor(digest_of(b"nothing"), 7, platform="linux/amd64")
    with pytest.raises(RequestFailedError) as caught:
        client.put_manifest(
            Reference(f"{sandbox.registry}/{repository}", "deps"),
            write_index([missing], {}),
            INDEX_TYPE,
        )
    assert caught.value.failure.kind is FailureKind.TRANSIENT
    assert "blob unknown" in caught.value.failure.reason


def test_no_json_is_refused(sandbox: Sandbox, client: PushingClient, repository: str) -> None:
    with pytest.raises(RequestFailedError) as caught:
        client.put_manifest(
            Reference(f"{sandbox.registry}/{repository}", "deps"), b"no json", INDEX_TYPE
        )
    assert caught.value.failure.kind is FailureKind.REFUSED
    assert "manifest_invalid" in caught.value.failure.reason


def test_deleting(sandbox: Sandbox, client: PushingClient, repository: str) -> None:
    name = f"{sandbox.registry}/{repository}"
    raw = push_bundle(client, name, "staging")
    assert client.delete_manifest(Reference(name, digest=digest_of(raw)))
    assert client.manifest(Reference(name, "staging")) is None
    assert not client.delete_manifest(Reference(name, digest=digest_of(raw)))


# Registries that want a login


@contextmanager
def logged_in(
    sandbox: Sandbox, folder: Path, registry: OwnRegistry, password: str
) -> Iterator[PushingClient]:
    """A client whose login is with a helper, as on a developer's machine."""
    logins = {registry.address: (USER, password)}
    env = docker_config(sandbox.env(), folder / "docker", logins, helper=True)
    with PushingClient(env) as client:
        yield client


def test_htpasswd(sandbox: Sandbox, tmp_path: Path) -> None:
    with own_registry(sandbox.env(), tmp_path, auth=htpasswd(tmp_path)) as registry:
        name = f"{registry.address}/acme/web"
        with logged_in(sandbox, tmp_path, registry, PASSWORD) as client:
            raw = push_bundle(client, name, "deps")
            found = client.manifest(Reference(name, "deps"))
            assert found is not None
            assert found.raw == raw
        with logged_in(sandbox, tmp_path, registry, "wrong-password") as client:
            for call in (client.manifest, client.head):
                with pytest.raises(RequestFailedError) as caught:
                    call(Reference(name, "deps"))
                assert caught.value.failure.kind is FailureKind.REFUSED
                assert "wrong-password" not in caught.value.failure.evidence
        with (
            PushingClient({"DOCKER_CONFIG": str(tmp_path / "none")}) as client,
            pytest.raises(RequestFailedError, match="401 Unauthorized"),
        ):
            client.put_blob(name, b"{}")


def test_signed_tokens(sandbox: Sandbox, tmp_path: Path) -> None:
    """The registry checks each token's signature and scope by itself."""
    with (
        token_server(tmp_path) as tokens,
        own_registry(sandbox.env(), tmp_path, auth=tokens.auth) as registry,
    ):
        name = f"{registry.address}/acme/web"
        with logged_in(sandbox, tmp_path, registry, PASSWORD) as client:
            raw = push_bundle(client, name, "deps")
            found = client.manifest(Reference(name, "deps"))
            assert found is not None
            assert found.raw == raw
            assert client.head(Reference(name, "deps")) == found.descriptor
            # One token for everything in the repository, good for pulling as well.
            assert [a.query["scope"] for a in tokens.asked] == [["repository:acme/web:pull,push"]]
        with logged_in(sandbox, tmp_path, registry, PASSWORD) as client:
            assert client.manifest(Reference(name, "deps"))
            assert tokens.asked[-1].query["scope"] == ["repository:acme/web:pull"]
            push_bundle(client, name, "latest")
            assert client.head(Reference(name, "latest"))
        with logged_in(sandbox, tmp_path, registry, "wrong-password") as client:
            with pytest.raises(RequestFailedError, match="incorrect username") as caught:
                client.manifest(Reference(name, "deps"))
            assert caught.value.failure.kind is FailureKind.REFUSED
