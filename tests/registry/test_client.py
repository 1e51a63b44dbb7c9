from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registry_server import Asked, Reply, Server, error, serve
from whalebuild.failures.classify_http import HttpFailure
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.oci.manifest import INDEX_TYPE, digest_of
from whalebuild.oci.reference import Reference
from whalebuild.registry.client import RegistryClient

RAW = b'{\n  "schemaVersion": 2,  "manifests": []}\n'  # spacing that no JSON library would keep
DIGEST = digest_of(RAW)
OTHER = digest_of(b"other")


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RegistryClient]:
    with RegistryClient({"DOCKER_CONFIG": str(tmp_path)}) as client:
        yield client


def index(_: Asked) -> Reply:
    headers = {"Content-Type": INDEX_TYPE, "Docker-Content-Digest": DIGEST}
    return Reply(200, RAW, headers)


def failure_of(caught: pytest.ExceptionInfo[RequestFailedError]) -> HttpFailure:
    assert isinstance(caught.value.failure, HttpFailure)
    return caught.value.failure


# Manifests


def test_a_manifest_is_one_request_and_its_bytes(server: Server, client: RegistryClient) -> None:
    server.answer = index
    manifest = client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    assert manifest is not None
    assert (manifest.raw, manifest.media_type, manifest.digest) == (RAW, INDEX_TYPE, DIGEST)
    assert (manifest.descriptor.size, manifest.descriptor.digest) == (len(RAW), DIGEST)
    assert server.lines == ["GET /v2/acme/web/manifests/deps"]
    accepted = server.asked[0].headers["Accept"]
    for kind in ("image.index.v1", "image.manifest.v1", "manifest.list.v2", "manifest.v2"):
        assert kind in accepted
    assert server.asked[0].headers["User-Agent"].startswith("whalebuild/")
    assert server.asked[0].authorization is None


def test_a_digest_goes_before_a_tag(server: Server, client: RegistryClient) -> None:
    server.answer = index
    assert client.manifest(Reference(f"{server.address}/acme/web", "deps", DIGEST))
    assert server.lines == [f"GET /v2/acme/web/manifests/{DIGEST}"]


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"])
def test_missing_is_none(server: Server, client: RegistryClient, code: str) -> None:
    server.answer = lambda _: error(404, code)
    reference = Reference(f"{server.address}/acme/web", "deps")
    assert client.manifest(reference) is None
    assert client.head(reference) is None
    assert len(server.asked) == 2


def test_content_of_another_digest_is_not_taken(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(200, RAW)
    with pytest.raises(RequestFailedError) as caught:
        client.manifest(Reference(f"{server.address}/acme/web", digest=OTHER))
    assert failure_of(caught).kind is FailureKind.TRANSIENT
    assert "does not match its digest" in failure_of(caught).reason
    assert DIGEST in failure_of(caught).evidence


def test_the_registrys_own_digest_must_fit(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(200, RAW, {"Docker-Content-Digest": OTHER})
    with pytest.raises(RequestFailedError, match="does not match its digest"):
        client.manifest(Reference(f"{server.address}/acme/web", "deps"))


def test_sha512_is_known_and_other_algorithms_are_passed_over(
    server: Server, client: RegistryClient
) -> None:
    strong = f"sha512:{hashlib.sha512(RAW).hexdigest()}"
    server.answer = lambda _: Reply(200, RAW, {"Docker-Content-Digest": "blake3:" + "0" * 64})
    found = client.manifest(Reference(f"{server.address}/acme/web", digest=strong))
    assert found is not None
    assert found.digest == strong
    with pytest.raises(RequestFailedError, match="does not match"):
        client.manifest(Reference(f"{server.address}/acme/web", digest="blake3:" + "0" * 64))


def test_a_manifest_says_what_it_is_where_the_registry_does_not(
    server: Server, client: RegistryClient
) -> None:
    raw = b'{"mediaType": "application/vnd.oci.image.index.v1+json"}'
    server.answer = lambda _: Reply(200, raw, {"Content-Type": "application/json; charset=utf-8"})
    found = client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    assert found is not None
    assert found.media_type == INDEX_TYPE


def test_a_login_page_is_no_manifest(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(200, b"<html>Sign in to the hotel's network</html>")
    with pytest.raises(RequestFailedError, match="not a registry's") as caught:
        client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    assert failure_of(caught).kind is FailureKind.UNREACHABLE


def test_a_manifest_over_4_mib_is_not_read(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(200, b"{" + b" " * (4 << 20))
    with pytest.raises(RequestFailedError, match="larger than expected"):
        client.manifest(Reference(f"{server.address}/acme/web", "deps"))


# HEAD


def test_head_is_one_request(server: Server, client: RegistryClient) -> None:
    server.answer = index
    found = client.head(Reference(f"{server.address}/acme/web", "deps"))
    assert found is not None
    assert (found.digest, found.size, found.media_type) == (DIGEST, len(RAW), INDEX_TYPE)
    assert server.lines == ["HEAD /v2/acme/web/manifests/deps"]


@pytest.mark.parametrize("refusal", [Reply(405), Reply(200, RAW, {"Content-Type": INDEX_TYPE})])
def test_head_without_an_answer_becomes_get(
    server: Server, client: RegistryClient, refusal: Reply
) -> None:
    server.answer = lambda asked: refusal if asked.method == "HEAD" else index(asked)
    found = client.head(Reference(f"{server.address}/acme/web", "deps"))
    assert found is not None
    assert found.digest == DIGEST
    assert [asked.method for asked in server.asked] == ["HEAD", "GET"]


def test_the_reason_of_a_forbidden_head_is_asked_for(
    server: Server, client: RegistryClient
) -> None:
    server.answer = lambda _: error(403, "DENIED", "rate limit exceeded")
    with pytest.raises(RequestFailedError) as caught:
        client.head(Reference(f"{server.address}/acme/web", "deps"))
    assert failure_of(caught).kind is FailureKind.TRANSIENT


# Publishing


def test_a_manifest_is_put_unchanged(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(201, b"", {"Docker-Content-Digest": DIGEST})
    reference = Reference(f"{server.address}/acme/web", "deps")
    assert client.put_manifest(reference, RAW, INDEX_TYPE) == DIGEST
    assert client.put_manifest(Reference(reference.repository, digest=DIGEST), RAW, INDEX_TYPE)
    assert server.lines == [
        "PUT /v2/acme/web/manifests/deps",
        f"PUT /v2/acme/web/manifests/{DIGEST}",
    ]
    assert {asked.body for asked in server.asked} == {RAW}
    assert server.asked[0].headers["Content-Type"] == INDEX_TYPE


def test_a_registry_that_keeps_other_bytes_is_told(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(201, b"", {"Docker-Content-Digest": OTHER})
    with pytest.raises(RequestFailedError, match="does not match its digest"):
        client.put_manifest(Reference(f"{server.address}/acme/web", "deps"), RAW, INDEX_TYPE)


def test_the_wrong_digest_is_not_even_sent(server: Server, client: RegistryClient) -> None:
    with pytest.raises(ValueError, match="is not the digest"):
        client.put_manifest(Reference(f"{server.address}/a/b", digest=OTHER), RAW, INDEX_TYPE)
    assert server.asked == []


def test_a_put_that_is_refused(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: error(400, "MANIFEST_INVALID", "manifest invalid")
    with pytest.raises(RequestFailedError) as caught:
        client.put_manifest(Reference(f"{server.address}/acme/web", "deps"), RAW, INDEX_TYPE)
    failure = failure_of(caught)
    assert (failure.kind, failure.code, failure.status) == (
        FailureKind.REFUSED,
        "MANIFEST_INVALID",
        400,
    )


def test_retry_after_is_told(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: error(429, "TOOMANYREQUESTS", Retry_After="7")
    with pytest.raises(RequestFailedError) as caught:
        client.manifest(Reference(f"{server.address}/acme/web", "deps"))
    assert (failure_of(caught).kind, failure_of(caught).retry_after) == (FailureKind.TRANSIENT, 7.0)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "done"),
    [(Reply(202), True), (error(405, "UNSUPPORTED"), False), (error(404, "NAME_UNKNOWN"), False)],
)
def test_deleting_is_best_effort(
    server: Server, client: RegistryClient, reply: Reply, done: bool
) -> None:
    server.answer = lambda _: reply
    assert client.delete_manifest(Reference(f"{server.address}/a/b", digest=DIGEST)) is done
    assert server.lines == [f"DELETE /v2/a/b/manifests/{DIGEST}"]


def test_deleting_from_a_registry_that_is_down(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(503)
    with pytest.raises(RequestFailedError):
        client.delete_manifest(Reference(f"{server.address}/a/b", digest=DIGEST))


# Blobs


def test_a_blob_is_checked(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(200, b"{}")
    repository = f"{server.address}/acme/web"
    assert client.blob(repository, digest_of(b"{}"), 10) == b"{}"
    with pytest.raises(RequestFailedError, match="does not match its digest"):
        client.blob(repository, OTHER, 10)
    with pytest.raises(RequestFailedError, match="larger than expected"):
        client.blob(repository, digest_of(b"{}"), 1)
    server.answer = lambda _: Reply(404)
    with pytest.raises(RequestFailedError) as caught:
        client.blob(repository, OTHER, 10)
    assert failure_of(caught).kind is FailureKind.MISSING


def test_a_blob_that_is_cut_short(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(200, b"{}", {"Content-Length": "20", "Connection": "close"})
    with pytest.raises(RequestFailedError) as caught:
        client.blob(f"{server.address}/acme/web", digest_of(b"{}"), 100)
    assert (failure_of(caught).kind, failure_of(caught).reason) == (
        FailureKind.TRANSIENT,
        "unexpected EOF",
    )


@pytest.mark.parametrize("where", ["/upload/1?state=x", "{base}/upload/1?state=x", "/upload/1"])
def test_an_upload_is_where_the_registry_says(
    server: Server, client: RegistryClient, where: str
) -> None:
    location = where.format(base=f"http://{server.address}")
    server.answer = lambda asked: (
        Reply(202, b"", {"Location": location}) if asked.method == "POST" else Reply(204)
    )
    client.try_upload(f"{server.address}/acme/web")
    post, end = server.asked
    assert (post.method, post.target) == ("POST", "/v2/acme/web/blobs/uploads/")
    assert (end.method, end.path) == ("DELETE", "/upload/1")
    assert end.query == ({"state": ["x"]} if "?" in where else {})


@pytest.mark.parametrize("end", [Reply(204), Reply(405)])
def test_an_upload_that_is_only_tried(server: Server, client: RegistryClient, end: Reply) -> None:
    begun = Reply(202, b"", {"Location": "/upload/1?state=x"})
    server.answer = lambda asked: begun if asked.method == "POST" else end
    client.try_upload(f"{server.address}/acme/web")
    assert [(asked.method, asked.target) for asked in server.asked] == [
        ("POST", "/v2/acme/web/blobs/uploads/"),
        ("DELETE", "/upload/1?state=x"),
    ]
    server.answer = lambda _: Reply(507)
    with pytest.raises(RequestFailedError) as caught:
        client.try_upload(f"{server.address}/acme/web")
    assert failure_of(caught).kind is FailureKind.REGISTRY_FULL


def test_an_upload_without_a_place(server: Server, client: RegistryClient) -> None:
    server.answer = lambda _: Reply(202)
    with pytest.raises(RequestFailedError, match="no Location"):
        client.try_upload(f"{server.address}/acme/web")


def test_many_threads_share_a_client(server: Server, client: RegistryClient) -> None:
    server.answer = index
    found: list[object] = []

    def read(number: int) -> None:
        found.append(client.manifest(Reference(f"{server.address}/acme/web{number}", "deps")))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 24
    assert None not in found
    assert len(server.asked) == 24
