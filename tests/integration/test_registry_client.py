"""The registry client on the sandbox's registry, and on one that wants a login."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sandbox import Sandbox
from whalebuild.adapters.registry import RegistryClient
from whalebuild.core.failures import Kind, RequestFailedError
from whalebuild.core.manifests import INDEX_TYPE, parse_index, write_index
from whalebuild.core.references import Reference, parse_reference


def test_an_index_is_published_and_read_to_the_byte(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    image = f"{sandbox.registry}/{repository}"
    sandbox.whalebuild("bake", "--image", image, cwd=small, check=True)
    with RegistryClient({"DOCKER_CONFIG": str(small)}) as registry:
        published = registry.manifest(Reference(image, "latest"))
        assert published
        index = parse_index(published.raw)
        assert index
        assert list(index.images) == ["linux/amd64"]
        raw = write_index(index.manifests, {"dev.whalebuild.test": "yes"})
        digest = registry.put_manifest(Reference(image, "copy"), raw, INDEX_TYPE)
        again = registry.manifest(Reference(image, None, digest))
        assert again
        assert again.raw == raw
        head = registry.head(Reference(image, "copy"))
        assert head == again.descriptor
        assert registry.manifest(Reference(image, "nothing")) is None
    ran = sandbox.run("docker", "run", "--rm", f"{image}:copy", cwd=small, check=True)
    assert ran.stdout == "one\n", "an index with our annotations is an image like any other"


def test_one_request_a_manifest(sandbox: Sandbox, tmp_path: Path) -> None:
    image = parse_reference(sandbox.python_image, where="test")
    client = RegistryClient({"DOCKER_CONFIG": str(tmp_path)})
    with client as registry, sandbox.requests() as requests:
        assert registry.manifest(image)
        assert registry.head(image)
    assert [request.method for request in requests] == ["GET", "HEAD"]


@pytest.fixture
def private_registry(sandbox: Sandbox, tmp_path: Path) -> Iterator[str]:
    """A registry of the same program that wants a name and a password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    crypt = "import crypt; print(crypt.crypt('swordfish', crypt.mksalt(crypt.METHOD_BLOWFISH)))"
    made = subprocess.run(
        ["python3", "-W", "ignore", "-c", crypt], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("this Python cannot write a bcrypt password")
    (tmp_path / "htpasswd").write_text(f"me:{made.stdout.strip()}\n")
    (tmp_path / "config.yml").write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/storage}}}}\n"
        f"http: {{addr: {address}}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {tmp_path}/htpasswd}}}}\n"
    )
    process = subprocess.Popen(
        ["docker-registry", "serve", tmp_path / "config.yml"],
        env=sandbox.env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(address)
        yield address
    finally:
        process.terminate()
        process.wait()


def test_a_private_registry_needs_the_login_of_docker(
    private_registry: str, tmp_path: Path
) -> None:
    reference = Reference(f"{private_registry}/team/web", "latest")
    raw = write_index((), {"a": "b"})
    config = tmp_path / "config.json"
    config.write_text("{}")
    env = {"DOCKER_CONFIG": str(tmp_path)}
    with RegistryClient(env) as registry, pytest.raises(RequestFailedError) as caught:
        registry.manifest(reference)
    assert caught.value.failure.kind is Kind.REFUSED

    wrong = base64.b64encode(b"me:guessed-wrong").decode()
    config.write_text(json.dumps({"auths": {private_registry: {"auth": wrong}}}))
    with RegistryClient(env) as registry, pytest.raises(RequestFailedError) as caught:
        registry.manifest(reference)
    assert caught.value.failure.kind is Kind.REFUSED
    assert "guessed-wrong" not in repr(caught.value.failure)

    right = base64.b64encode(b"me:swordfish").decode()
    config.write_text(json.dumps({"auths": {private_registry: {"auth": right}}}))
    with RegistryClient(env) as registry:
        assert registry.manifest(reference) is None
        registry.put_manifest(reference, raw, INDEX_TYPE)
        found = registry.manifest(reference)
    assert found
    assert found.raw == raw


def _wait(address: str) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
