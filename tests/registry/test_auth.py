from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from urllib3 import HTTPHeaderDict

from tests.support.registry_server import (
    Asked,
    Reply,
    Server,
    TokenRegistry,
    basic,
    document,
    error,
    serve,
)
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.oci.reference import Reference
from whalebuild.registry import auth as registry_auth
from whalebuild.registry.auth import Authorizer, Challenge, join_scopes, parse_challenges
from whalebuild.registry.client import RegistryClient
from whalebuild.registry.credentials import CredentialStore, Login
from whalebuild.registry.hosts import Endpoint, Trust

PASSWORD = "correct-horse-battery"
IDENTITY = "an-identity-token"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def registry(server: Server) -> TokenRegistry:
    registry = TokenRegistry(realm=f"http://{server.address}/token")
    server.answer = registry
    return registry


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RegistryClient]:
    with RegistryClient({"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)}) as client:
        yield client


def log_in(folder: Path, host: str, **entry: str) -> None:
    entry = entry or {"auth": basic("ada", PASSWORD)}
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))


def paths(server: Server) -> list[str]:
    return [f"{asked.method} {asked.path}" for asked in server.asked]


# Bearer


def test_anonymous_bearer(server: Server, registry: TokenRegistry, client: RegistryClient) -> None:
    assert client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    assert paths(server) == [
        "GET /v2/acme/web/manifests/deps",
        "GET /token",
        "GET /v2/acme/web/manifests/deps",
    ]
    assert server.asked[1].query == {"service": ["test"], "scope": ["repository:acme/web:pull"]}
    assert server.asked[1].authorization is None
    assert server.asked[2].authorization == "Bearer token-number-1"


def test_a_known_token_costs_no_request(
    server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    for tag in ("deps", "latest", "other"):
        client.manifest(Reference(f"{server.address}/acme/web", tag))
    assert len(server.asked) == 5
    # What the host asks for is known: another repository needs its token, and no 401.
    client.manifest(Reference(f"{server.address}/acme/api", "deps"))
    assert paths(server)[5:] == ["GET /token", "GET /v2/acme/api/manifests/deps"]
    assert server.asked[5].query["scope"] == ["repository:acme/api:pull"]


def test_pushing_has_a_scope_of_its_own_and_is_good_for_pulling(
    server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    reference = Reference(f"{server.address}/acme/web", "deps")
    client.put_manifest(reference, b"{}", "x/y")
    assert server.asked[1].query["scope"] == ["repository:acme/web:pull,push"]
    client.manifest(reference)
    assert len(server.asked) == 4


def test_a_login_goes_to_the_token_server_only(
    tmp_path: Path, server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address)
    registry.login = basic("ada", PASSWORD)
    assert client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    sent = [asked.authorization for asked in server.asked]
    assert sent == [None, f"Basic {registry.login}", "Bearer token-number-1"]


def test_an_identity_token_is_posted(
    tmp_path: Path, server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address, identitytoken=IDENTITY, auth=basic("00000000", "x"))
    client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    post = server.asked[1]
    assert (post.method, post.target) == ("POST", "/token")
    assert parse_qs(post.body.decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["test"],
        "client_id": ["whalebuild"],
        "scope": ["repository:acme/web:pull"],
        "refresh_token": [IDENTITY],
    }


def test_a_registry_token_is_sent_as_it_is(
    tmp_path: Path, server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address, registrytoken="given-by-ci")
    registry.accepted.add("given-by-ci")
    assert client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    assert registry.issued == 0


@pytest.mark.parametrize("expires_in", [1, None])
def test_a_token_that_has_ended_is_not_sent(
    server: Server, registry: TokenRegistry, tmp_path: Path, expires_in: int | None
) -> None:
    registry.expires_in = expires_in
    now = [1000.0]
    authorizer = Authorizer(
        CredentialStore({"DOCKER_CONFIG": str(tmp_path)}),
        lambda request, _: _answer(registry, request.url),
        clock=lambda: now[0],
    )
    endpoint = Endpoint("http", server.address)
    scope = "repository:acme/web:pull"
    challenges = [f'Bearer realm="{registry.realm}"']
    first = authorizer.answer(endpoint, scope, challenges, None)
    now[0] += 56
    assert authorizer.header(endpoint, scope) == "Bearer token-number-2"
    assert first == "Bearer token-number-1"


def _answer(registry: TokenRegistry, url: str) -> registry_auth.Answer:
    reply = registry(Asked("GET", f"/token?{url.partition('?')[2]}", {}, b""))
    return registry_auth.Answer(url, reply.status, HTTPHeaderDict(), reply.body, complete=True)


def test_a_refused_token_is_replaced_once(
    server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    reference = Reference(f"{server.address}/acme/web", "deps")
    client.manifest(reference)
    registry.accepted.clear()
    assert client.manifest(reference)
    assert registry.issued == 2
    server.asked.clear()
    server.answer = lambda asked: (
        registry(asked)
        if asked.path == "/token"
        else error(
            401,
            "UNAUTHORIZED",
            "authentication required",
            WWW_Authenticate=f'Bearer realm="{registry.realm}",error="insufficient_scope"',
        )
    )
    with pytest.raises(RequestFailedError) as caught:
        client.manifest(reference)
    assert caught.value.failure.kind is FailureKind.REFUSED
    assert "unauthorized: authentication required" in caught.value.failure.reason
    assert len(server.asked) == 3


def test_threads_share_the_fetching_of_a_token(
    server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    reference = Reference(f"{server.address}/acme/web", "deps")
    threads = [threading.Thread(target=client.manifest, args=(reference,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.issued == 1


def test_a_token_server_that_fails(
    server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    reference = Reference(f"{server.address}/acme/web", "deps")
    for reply, kind in [
        (Reply(503), FailureKind.TRANSIENT),
        (Reply(401, b'{"details": "incorrect username or password"}'), FailureKind.REFUSED),
        (document({"nothing": "here"}), FailureKind.UNREACHABLE),
        (Reply(200, b"<html>"), FailureKind.UNREACHABLE),
    ]:
        server.answer = lambda asked, reply=reply: (  # type: ignore[misc]
            reply if asked.path == "/token" else registry(asked)
        )
        with pytest.raises(RequestFailedError) as caught:
            client.manifest(reference)
        assert caught.value.failure.kind is kind
        assert "/token" in caught.value.failure.evidence


# Basic


class BasicRegistry:
    def __call__(self, asked: Asked) -> Reply:
        if asked.authorization == f"Basic {basic('ada', PASSWORD)}":
            return document({"schemaVersion": 2})
        return error(401, "UNAUTHORIZED", "no", WWW_Authenticate='Basic realm="test"')


def test_basic(tmp_path: Path, server: Server, client: RegistryClient) -> None:
    log_in(tmp_path, server.address)
    server.answer = BasicRegistry()
    for tag in ("deps", "latest"):
        assert client.manifest(Reference(f"{server.address}/acme/web", tag))
    assert [bool(asked.authorization) for asked in server.asked] == [False, True, True]


@pytest.mark.parametrize("password", ["", "the-wrong-password"])
def test_basic_that_is_refused(
    tmp_path: Path, server: Server, client: RegistryClient, password: str
) -> None:
    if password:
        log_in(tmp_path, server.address, auth=basic("ada", password))
    server.answer = BasicRegistry()
    for _ in range(2):
        with pytest.raises(RequestFailedError) as caught:
            client.manifest(Reference(f"{server.address}/acme/web", "deps"))
        assert caught.value.failure.kind is FailureKind.REFUSED
    assert len(server.asked) == (3 if password else 2)


def test_a_helper_that_is_missing_explains_a_refusal(
    tmp_path: Path, server: Server, client: RegistryClient
) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "nowhere"}')
    server.answer = BasicRegistry()
    with pytest.raises(RequestFailedError, match="docker-credential-nowhere is not on PATH"):
        client.manifest(Reference(f"{server.address}/acme/web", "deps"))


# Where credentials may go


def test_a_redirect_to_another_host_gets_no_authorization(
    tmp_path: Path, server: Server, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address)
    registry = BasicRegistry()
    with serve(lambda _: document({"schemaVersion": 2})) as store:
        onward = {"Location": f"http://{store.address}/blob?X-Signature=s3cret"}
        server.answer = lambda asked: (
            registry(asked) if registry(asked).status == 401 else Reply(307, b"", onward)
        )
        assert client.manifest(Reference(f"{server.address}/acme/web", "deps"))
        assert store.lines == ["GET /blob?X-Signature=s3cret"]
        assert store.asked[0].authorization is None
        assert server.asked[-1].authorization is not None

        store.answer = lambda _: Reply(403, b"<Error>AccessDenied</Error>")
        with pytest.raises(RequestFailedError) as caught:
            client.manifest(Reference(f"{server.address}/acme/web", "deps"))
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))

        # A store that asks for a login does not get the registry's.
        store.answer = lambda _: Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
        with pytest.raises(RequestFailedError):
            client.manifest(Reference(f"{server.address}/acme/web", "deps"))
        assert {asked.authorization for asked in store.asked} == {None}


def test_a_redirect_on_the_same_host_keeps_it(
    tmp_path: Path, server: Server, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address)
    registry = BasicRegistry()
    server.answer = lambda asked: (
        Reply(302, b"", {"Location": "/v2/moved"}) if "acme" in asked.path else registry(asked)
    )
    assert client.manifest(Reference(f"{server.address}/acme/web", "deps"))


def test_an_upload_elsewhere_gets_no_authorization(
    tmp_path: Path, server: Server, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address)
    registry = BasicRegistry()
    with serve(lambda _: Reply(201)) as store:
        location = {"Location": f"http://{store.address}/upload"}
        server.answer = lambda asked: (
            registry(asked) if registry(asked).status == 401 else Reply(202, b"", location)
        )
        client.try_upload(f"{server.address}/acme/web")
        assert [asked.authorization for asked in store.asked] == [None]


def test_an_identity_token_does_not_follow_a_redirect(
    tmp_path: Path, server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address, identitytoken=IDENTITY)
    with serve() as elsewhere:
        server.answer = lambda asked: (
            Reply(307, b"", {"Location": f"http://{elsewhere.address}/"})
            if asked.path == "/token"
            else registry(asked)
        )
        with pytest.raises(RequestFailedError):
            client.manifest(Reference(f"{server.address}/acme/web", "deps"))
        assert elsewhere.asked == []


def test_no_login_in_the_clear_for_a_registry_with_tls(tmp_path: Path) -> None:
    log_in(tmp_path, "registry.test")
    sent: list[object] = []
    authorizer = Authorizer(
        CredentialStore({"DOCKER_CONFIG": str(tmp_path)}),
        lambda request, _: sent.append(request),  # type: ignore[arg-type,return-value]
    )
    challenge = ['Bearer realm="http://auth.test/token"']
    with pytest.raises(RequestFailedError, match="over plain http"):
        authorizer.answer(Endpoint("https", "registry.test"), "x:y:pull", challenge, None)
    assert sent == []
    insecure = Endpoint("https", "registry.test", trust=Trust(insecure=True))
    with pytest.raises(AttributeError):  # the stand-in has no answer, but it was asked
        authorizer.answer(insecure, "x:y:pull", challenge, None)
    assert len(sent) == 1


# Secrets


def test_secrets_are_never_shown(
    tmp_path: Path, server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address)
    secrets = [PASSWORD, basic("ada", PASSWORD), "token-number"]

    def echo(asked: Asked) -> Reply:
        if asked.path == "/token" or not asked.authorization:
            return registry(asked)
        return error(403, "DENIED", f"{PASSWORD} {asked.authorization} {dict(asked.headers)}")

    server.answer = echo
    for path in ("/token", "/v2/"):
        if path == "/v2/":
            registry.accepted.clear()
        with pytest.raises(RequestFailedError) as caught:
            client.manifest(Reference(f"{server.address}/acme/web", "deps"))
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.failure)
        assert "denied: *** Bearer ***" in shown
        assert not [secret for secret in secrets if secret in shown]


def test_secrets_are_in_no_repr() -> None:
    login = Login("ada", PASSWORD, IDENTITY, "registry-token")
    token = registry_auth._Token("Bearer abc", 1.0)
    request = registry_auth.Request(
        "POST", "http://h/t?x=y", {}, b"refresh_token=abc", authorization="Basic abc"
    )
    shown = f"{login!r} {token!r} {request!r} {request}"
    assert not [s for s in (PASSWORD, IDENTITY, "registry-token", "abc", "x=y") if s in shown]


# Parsing


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            ['Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"'],
            [Challenge("bearer", "https://a/t", "s", "repository:a/b:pull,push")],
        ),
        (['Basic realm="x"'], [Challenge("basic", "x")]),
        (["bearer Realm=https://a/t , service = s"], [Challenge("bearer", "https://a/t", "s")]),
        (
            ['Basic realm="x", Bearer realm="https://a/t"', "Negotiate"],
            [Challenge("basic", "x"), Challenge("bearer", "https://a/t"), Challenge("negotiate")],
        ),
        (['Bearer realm="a \\"b\\" c"'], [Challenge("bearer", 'a "b" c')]),
        ([""], []),
        (['realm="x"'], []),
    ],
)
def test_challenges(headers: list[str], found: list[Challenge]) -> None:
    assert list(parse_challenges(headers)) == found


def test_bearer_goes_before_basic(
    tmp_path: Path, server: Server, registry: TokenRegistry, client: RegistryClient
) -> None:
    log_in(tmp_path, server.address)
    both = f'Basic realm="x", Bearer realm="{registry.realm}"'
    server.answer = lambda asked: (
        registry(asked)
        if asked.path == "/token" or asked.authorization
        else error(401, "UNAUTHORIZED", WWW_Authenticate=both)
    )
    assert client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    assert registry.issued == 1


def test_scopes_of_one_resource_become_one() -> None:
    assert join_scopes("repository:h:5000/a:pull,push", "") == ("repository:h:5000/a:pull,push",)
    assert join_scopes("repository:a:pull", "repository:a:push,pull registry:catalog:*") == (
        "repository:a:pull,push",
        "registry:catalog:*",
    )


@pytest.mark.parametrize(
    "piece", [" ", ",", "-", "a", "a=", "a ", 'a="', 'a="\\"', "a    =", '"', "\\", "Bearer "]
)
def test_challenges_are_read_in_linear_time(piece: str) -> None:
    """60 kB of anything, and ten times as much: going back would take a hundred times as long."""
    times = []
    for length in (60_000, 600_000):
        header = f"Bearer {piece * (length // len(piece))}"
        began = time.process_time()
        parse_challenges([header])
        times.append(time.process_time() - began)
    assert times[1] < max(0.5, 30 * times[0])
