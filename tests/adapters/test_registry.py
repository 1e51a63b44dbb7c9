"""The registry client against real HTTP servers on loopback, scripted as registries answer."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from whalebuild.adapters.registry import RegistryClient
from whalebuild.core.failures import Kind, RequestFailedError, may_not_exist_yet
from whalebuild.core.references import Reference

RAW = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(RAW).hexdigest()}"
INDEX = "application/vnd.oci.image.index.v1+json"
LOGIN = "Basic " + base64.b64encode(b"me:s3cret-pass").decode()

Respond = Callable[["Asked"], tuple[int, dict[str, str], bytes]]


class Asked:
    """One request that a server got."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.method, self.path = handler.command, handler.path
        self.authorization = handler.headers.get("Authorization")
        self.accept = handler.headers.get("Accept", "")
        self.body = body


@contextmanager
def serve(respond: Respond) -> Iterator[tuple[str, list[Asked]]]:
    """A server on loopback; yields ``host:port`` and the requests so far."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(Asked(self, body))
            status, headers, content = respond(asked[-1])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def manifest(_: Asked) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": INDEX, "Docker-Content-Digest": DIGEST}, RAW


def client(folder: Path, config: dict[str, Any] | None = None, **env: str) -> RegistryClient:
    (folder / "config.json").write_text(json.dumps(config or {}))
    return RegistryClient({"DOCKER_CONFIG": str(folder), **env})


def failure(action: Callable[[], object]) -> Any:
    with pytest.raises(RequestFailedError) as caught:
        action()
    return caught.value.failure


def test_a_manifest_takes_one_request(tmp_path: Path) -> None:
    with serve(manifest) as (host, asked), client(tmp_path) as registry:
        found = registry.manifest(Reference(f"{host}/acme/web", "deps"))
    assert found
    assert (found.raw, found.media_type, found.digest) == (RAW, INDEX, DIGEST)
    assert [(a.method, a.path) for a in asked] == [("GET", "/v2/acme/web/manifests/deps")]
    assert INDEX in asked[0].accept


def test_a_missing_manifest_is_none(tmp_path: Path) -> None:
    with serve(lambda _: (404, {}, b"")) as (host, _), client(tmp_path) as registry:
        assert registry.manifest(Reference(f"{host}/acme/web", "deps")) is None
        assert registry.head(Reference(f"{host}/acme/web", "deps")) is None


def test_head_tells_the_descriptor_and_falls_back_where_there_is_no_head(tmp_path: Path) -> None:
    def no_head(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        return (405, {}, b"") if asked.method == "HEAD" else manifest(asked)

    for respond, requests in ((manifest, ["HEAD"]), (no_head, ["HEAD", "GET"])):
        with serve(respond) as (host, asked), client(tmp_path) as registry:
            found = registry.head(Reference(f"{host}/acme/web", "deps"))
        assert found
        assert (found.digest, found.size, found.media_type) == (DIGEST, len(RAW), INDEX)
        assert [a.method for a in asked] == requests


@pytest.mark.parametrize(
    ("headers", "reference", "content"),
    [
        ({"Docker-Content-Digest": DIGEST}, "tag", b'{"other": 1}'),
        ({}, DIGEST, b'{"other": 1}'),
        ({}, "tag", b"<html>please log in</html>"),
        ({}, "tag", b"[]"),
    ],
    ids=["not what it says", "not what was asked for", "a portal's page", "no object"],
)
def test_content_that_cannot_be_trusted_is_refused(
    tmp_path: Path, headers: dict[str, str], reference: str, content: bytes
) -> None:
    with serve(lambda _: (200, headers, content)) as (host, _), client(tmp_path) as registry:
        wanted = Reference(f"{host}/acme/web", reference)
        if reference == DIGEST:
            wanted = Reference(f"{host}/acme/web", None, DIGEST)
        assert failure(lambda: registry.manifest(wanted)).kind is Kind.UNREACHABLE


def test_a_put_is_sent_unchanged_and_its_digest_checked(tmp_path: Path) -> None:
    kept = DIGEST

    def take(_: Asked) -> tuple[int, dict[str, str], bytes]:
        return 201, {"Docker-Content-Digest": kept}, b""

    with serve(take) as (host, asked), client(tmp_path) as registry:
        reference = Reference(f"{host}/acme/web", "deps")
        assert registry.put_manifest(reference, RAW, INDEX) == DIGEST
        assert (asked[0].method, asked[0].body) == ("PUT", RAW)
        kept = "sha256:" + "0" * 64
        wrong = failure(lambda: registry.put_manifest(reference, RAW, INDEX))
    assert "does not match its digest" in wrong.reason


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, b"", Kind.TRANSIENT),
        (429, b'{"errors":[{"code":"TOOMANYREQUESTS"}]}', Kind.TRANSIENT),
        (403, b'{"errors":[{"code":"DENIED","message":"rate limit exceeded"}]}', Kind.TRANSIENT),
        (403, b'{"errors":[{"code":"DENIED","message":"no"}]}', Kind.REFUSED),
        (401, b"", Kind.REFUSED),
        (413, b"", Kind.REFUSED),
    ],
)
def test_answers_are_told_apart(tmp_path: Path, status: int, body: bytes, kind: Kind) -> None:
    answer = (status, {"Retry-After": "7"}, body)
    with serve(lambda _: answer) as (host, _), client(tmp_path) as registry:
        failed = failure(lambda: registry.manifest(Reference(f"{host}/acme/web", "deps")))
    assert (failed.kind, failed.status, failed.retry_after) == (kind, status, 7.0)


def test_nobody_there_is_transient(tmp_path: Path) -> None:
    with serve(manifest) as (host, _):
        pass
    with client(tmp_path) as registry:
        failed = failure(lambda: registry.manifest(Reference(f"{host}/acme/web", "deps")))
    assert (failed.kind, failed.reason) == (Kind.TRANSIENT, "connection refused")


def basic_only(asked: Asked) -> tuple[int, dict[str, str], bytes]:
    if asked.authorization == LOGIN:
        return manifest(asked)
    return 401, {"WWW-Authenticate": 'Basic realm="r"'}, b""


def test_a_login_of_docker_is_used_when_asked_for_and_then_without_asking(tmp_path: Path) -> None:
    with serve(basic_only) as (host, asked):
        config = {"auths": {host: {"auth": LOGIN.removeprefix("Basic ")}}}
        with client(tmp_path, config) as registry:
            reference = Reference(f"{host}/acme/web", "deps")
            assert registry.manifest(reference)
            assert registry.manifest(reference)
    assert [a.authorization for a in asked] == [None, LOGIN, LOGIN]


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_credential_helper_is_asked(tmp_path: Path, key: str) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(
        '#!/bin/sh\n[ "$1" = get ] && server=$(cat) && '
        'echo "{\\"ServerURL\\": \\"$server\\", \\"Username\\": \\"me\\", '
        '\\"Secret\\": \\"s3cret-pass\\"}"\n'
    )
    helper.chmod(0o755)
    with serve(basic_only) as (host, _):
        config = {key: "test" if key == "credsStore" else {host: "test"}}
        path = f"{tmp_path}:/usr/bin:/bin"
        with client(tmp_path, config, PATH=path) as registry:
            assert registry.manifest(Reference(f"{host}/acme/web", "deps"))


def test_a_bearer_token_is_fetched_for_the_scope_and_kept(tmp_path: Path) -> None:
    tokens = ["t0ken-number-1", "t0ken-number-2"]

    def token(_: Asked) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps({"token": tokens.pop(0), "expires_in": 300}).encode()

    with serve(token) as (issuer, fetched):

        def respond(asked: Asked) -> tuple[int, dict[str, str], bytes]:
            if (asked.authorization or "").startswith("Bearer t0ken"):
                return manifest(asked)
            realm = f'Bearer realm="http://{issuer}/token",service="r",scope="repository:x:pull"'
            return 401, {"WWW-Authenticate": realm}, b""

        with serve(respond) as (host, asked):
            config = {"auths": {host: {"username": "me", "password": "s3cret-pass"}}}
            with client(tmp_path, config) as registry:
                reference = Reference(f"{host}/acme/web", "deps")
                registry.manifest(reference)
                registry.manifest(reference)
                registry.put_manifest(reference, RAW, INDEX)
    assert [a.authorization for a in fetched] == [LOGIN, LOGIN]
    assert "repository%3Aacme%2Fweb%3Apull" in fetched[0].path
    assert "pull%2Cpush" in fetched[1].path
    assert len(asked) == 4, "one challenge for three requests"


def test_a_repository_that_the_first_push_will_create_is_told_from_a_refusal(
    tmp_path: Path,
) -> None:
    """Docker Hub answers so for a repository that is not there."""
    challenge = 'Bearer realm="http://127.0.0.1:1/token",error="insufficient_scope"'

    def respond(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        return 401, {"WWW-Authenticate": challenge if hub else "Basic"}, b""

    for hub in (True, False):
        with serve(respond) as (host, _):
            config = {"auths": {host: {"registrytoken": "t0ken-of-somebody"}}}
            with client(tmp_path, config) as registry:
                failed = failure(lambda: registry.head(Reference(f"{host}/acme/new", "deps")))
        assert failed.kind is Kind.REFUSED
        assert may_not_exist_yet(failed) is hub


def test_another_host_does_not_get_the_login(tmp_path: Path) -> None:
    with serve(manifest) as (store, stored):

        def respond(asked: Asked) -> tuple[int, dict[str, str], bytes]:
            if asked.authorization != LOGIN:
                return 401, {"WWW-Authenticate": "Basic"}, b""
            return 307, {"Location": f"http://{store}/elsewhere?signature=x"}, b""

        with serve(respond) as (host, _):
            config = {"auths": {host: {"auth": LOGIN.removeprefix("Basic ")}}}
            with client(tmp_path, config) as registry:
                assert registry.manifest(Reference(f"{host}/acme/web", "deps"))
    assert [a.authorization for a in stored] == [None]


def test_no_secret_is_in_a_failure(tmp_path: Path) -> None:
    def echo(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if asked.authorization is None:
            return 401, {"WWW-Authenticate": "Basic"}, b""
        said = f"you sent {asked.authorization} s3cret-pass"
        return 403, {}, json.dumps({"errors": [{"code": "DENIED", "message": said}]}).encode()

    with serve(echo) as (host, _):
        config = {"auths": {host: {"auth": LOGIN.removeprefix("Basic ")}}}
        with client(tmp_path, config) as registry:
            failed = failure(lambda: registry.manifest(Reference(f"{host}/acme/web", "deps")))
    assert failed.kind is Kind.REFUSED
    for secret in ("s3cret-pass", LOGIN.removeprefix("Basic ")):
        assert secret not in f"{failed!r} {failed.reason} {failed.evidence}"
