"""Uploads against a registry in this process, whose connections break at any byte."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.properties import examples
from tests.support.registry_server import Asked, Reply, Server, error, serve
from tests.support.upload_registry import Dialect, Noise, UploadRegistry, Zeros
from whalebuild.failures.failure import Failure, FailureKind, Remedy, RequestFailedError
from whalebuild.oci.blobs import Arrival, BytesSource
from whalebuild.oci.manifest import digest_of
from whalebuild.registry import upload as registry_upload
from whalebuild.registry.client import RegistryClient
from whalebuild.registry.streamed import FileSource, Part, UnreadableError
from whalebuild.registry.upload import BlobUpload

SMALL, CHUNK, SMALLER = 8, 32, 4
LARGE = Noise(100)  # three chunks and a bit
TINY = Noise(SMALL, seed=1)
BEGIN = ["HEAD", "POST"]
CHUNKED = [*BEGIN, *["PATCH"] * 4, "PUT"]
WHOLE = [*BEGIN, "PUT"]


@pytest.fixture(scope="module", autouse=True)
def _small_numbers() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_upload, "IN_ONE_PIECE", SMALL)
        patch.setattr(registry_upload, "CHUNK", CHUNK)
        patch.setattr(registry_upload, "WITHOUT_ASKING", 1)
        patch.setattr(registry_upload, "SMALLER_CHUNK", SMALLER)
        yield


@dataclass
class Place:
    """A registry, a client for it, and a repository there."""

    server: Server
    client: RegistryClient
    registry: UploadRegistry

    @property
    def repository(self) -> str:
        return f"{self.server.address}/acme/web"

    @property
    def methods(self) -> list[str]:
        return [line.split()[0] for line in self.registry.requests]

    @property
    def ranges(self) -> list[str]:
        return [a.headers["Content-Range"] for a in self.server.asked if a.method == "PATCH"]

    def behaves(self, dialect: Dialect, faults: dict[int | str, Any] | None = None) -> None:
        self.registry = UploadRegistry(dialect, faults=faults or {})
        self.server.answer, self.server.cut = self.registry, self.registry.cut
        self.server.asked.clear()

    def upload(self, source: Any = LARGE, **more: Any) -> BlobUpload:
        return self.client.upload(self.repository, source.digest, source, **more)

    def has(self, source: Noise = LARGE) -> bool:
        return self.registry.blobs.get(("acme/web", source.digest)) == source.raw


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, running: Server) -> Iterator[Place]:
    running.keeps_bodies = True
    with RegistryClient({"DOCKER_CONFIG": str(tmp_path)}) as client:
        made = Place(running, client, UploadRegistry())
        made.behaves(Dialect())
        yield made


def push(upload: BlobUpload, tries: int = 30) -> tuple[Arrival, list[Failure]]:
    """Upload it as the retrier does; how it arrived, and what it met."""
    met: list[Failure] = []
    for _ in range(tries):
        try:
            arrival = upload.advance()
        except RequestFailedError as failed:
            if failed.failure.remedy is Remedy.STOP:
                raise
            met.append(failed.failure)
        else:
            if arrival:
                return arrival, met
    raise AssertionError(f"it does not end: {met}")


# What is sent


def test_a_blob_of_a_few_kilobytes_is_two_requests(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_upload, "WITHOUT_ASKING", TINY.size)
    assert push(place.upload(TINY)) == (Arrival.SENT, [])
    assert place.methods == ["POST", "PUT"]
    assert place.has(TINY)


def test_that_its_answer_was_lost_is_found_out_before_it_is_sent_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_upload, "WITHOUT_ASKING", TINY.size)
    place.behaves(Dialect(), {"PUT 0": "lost"})
    arrival, met = push(place.upload(TINY))
    assert (arrival, len(met)) == (Arrival.SENT, 1)
    assert place.methods == ["POST", "PUT", "HEAD"]


def test_a_small_blob_is_three_requests(place: Place) -> None:
    upload = place.upload(TINY)
    assert upload.advance() is Arrival.SENT
    assert place.registry.requests == [
        f"HEAD /v2/acme/web/blobs/{TINY.digest}",
        "POST /v2/acme/web/blobs/uploads/",
        f"PUT /v2/acme/web/blobs/uploads/1?_state=0&digest={TINY.digest}",
    ]
    assert place.has(TINY)
    assert upload.bytes_sent == TINY.size
    put = place.server.asked[-1]
    assert put.headers["Content-Length"] == str(TINY.size)
    assert put.headers["Content-Type"] == "application/octet-stream"
    assert "Transfer-Encoding" not in put.headers


def test_a_blob_without_a_byte(place: Place) -> None:
    empty = Noise(0)
    assert push(place.upload(empty)) == (Arrival.SENT, [])
    assert place.has(empty)


def test_a_large_blob_goes_in_chunks(place: Place) -> None:
    upload = place.upload()
    parts = [upload.advance() for _ in range(4)]
    assert parts == [None, None, None, Arrival.SENT], "each part can be tried again by itself"
    assert place.methods == CHUNKED
    assert place.ranges == ["0-31", "32-63", "64-95", "96-99"]
    assert place.server.asked[-1].headers["Content-Length"] == "0"
    assert place.has()
    assert upload.bytes_sent == LARGE.size


def test_a_blob_of_whole_chunks(place: Place) -> None:
    whole = Noise(2 * CHUNK)
    assert push(place.upload(whole)) == (Arrival.SENT, [])
    assert place.ranges == ["0-31", "32-63"]
    assert place.has(whole)


def test_a_blob_that_is_there_is_not_sent(place: Place) -> None:
    place.registry.blobs["acme/web", LARGE.digest] = LARGE.raw
    upload = place.upload()
    assert upload.advance() is Arrival.THERE
    assert upload.bytes_sent == 0
    assert place.methods == ["HEAD"]


@pytest.mark.parametrize("status", [403, 405])
def test_what_is_not_known_to_be_there_is_sent(place: Place, status: int) -> None:
    place.behaves(Dialect(), {0: Reply(status)})
    assert push(place.upload(TINY)) == (Arrival.SENT, [])


def test_a_registry_that_cannot_be_asked(place: Place) -> None:
    place.behaves(Dialect(), {0: Reply(503)})
    with pytest.raises(RequestFailedError) as caught:
        place.client.has_blob(place.repository, TINY.digest)
    assert caught.value.failure.kind is FailureKind.TRANSIENT


@pytest.mark.parametrize("query", ["?_state={offset}", ""])
@pytest.mark.parametrize("absolute", [True, False])
def test_locations(place: Place, absolute: bool, query: str) -> None:
    host = f"http://{place.server.address}" if absolute else ""
    place.behaves(Dialect(host=host, query=query))
    for source in (LARGE, TINY):
        assert push(place.upload(source)) == (Arrival.SENT, [])
        assert place.has(source)


def test_an_upload_without_a_place(place: Place) -> None:
    place.behaves(Dialect(), {"POST 0": Reply(202)})
    with pytest.raises(RequestFailedError, match="no Location"):
        place.upload().advance()


def test_a_repository_that_does_not_exist(place: Place) -> None:
    place.behaves(Dialect(), {"POST 0": error(404, "NAME_UNKNOWN")})
    with pytest.raises(RequestFailedError) as caught:
        place.upload().advance()
    assert caught.value.failure.kind is FailureKind.MISSING


def test_progress_and_what_it_raises(place: Place) -> None:
    told: list[tuple[int, int]] = []
    push(place.upload(progress=lambda position, size: told.append((position, size))))
    assert told == [(32, 100), (64, 100), (96, 100), (100, 100)]

    def stop(_position: int, _size: int) -> None:
        raise KeyboardInterrupt

    source = Noise(100, seed=2)
    with pytest.raises(KeyboardInterrupt):
        place.upload(source, progress=stop).advance()
    assert source.closed == 1
    assert push(place.upload(source)) == (Arrival.SENT, []), "the client is as it was"


# Failures

FAULTS: tuple[Any, ...] = (
    *(Reply(500), Reply(503), error(429, "TOOMANYREQUESTS"), Reply(502, b"<html>")),
    *("lost", "forget", 0, 1, 2, 17),
)


@pytest.mark.parametrize("keeps_cut", [True, False], ids=["v3", "v2"])
@pytest.mark.parametrize("number", range(len(CHUNKED)))
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_any_failure_of_any_request_is_survived(
    place: Place, fault: Any, number: int, keeps_cut: bool
) -> None:
    place.behaves(Dialect(keeps_cut=keeps_cut), {number: fault})
    arrival, met = push(place.upload())
    assert arrival is Arrival.SENT
    assert place.has()
    assert len(met) <= 1
    assert all(failure.kind is FailureKind.TRANSIENT for failure in met)


@pytest.mark.parametrize("number", range(len(WHOLE)))
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_any_failure_of_a_small_blob_is_survived(place: Place, fault: Any, number: int) -> None:
    place.behaves(Dialect(), {number: fault})
    arrival, met = push(place.upload(TINY))
    assert (arrival, place.has(TINY)) == (Arrival.SENT, True)
    assert len(met) <= 1


@pytest.mark.parametrize("at", range(2, CHUNK))
def test_an_upload_goes_on_from_the_byte_that_arrived_last(place: Place, at: int) -> None:
    place.behaves(Dialect(), {"PATCH 1": at})
    upload = place.upload()
    _, met = push(upload)
    assert [failure.kind for failure in met] == [FailureKind.TRANSIENT]
    left = -(-(LARGE.size - CHUNK - at) // CHUNK)
    assert place.methods == [*BEGIN, "PATCH", "PATCH", "GET", *["PATCH"] * left, "PUT"]
    assert place.ranges[2].startswith(f"{CHUNK + at}-")
    assert place.registry.received == LARGE.size, "no byte twice"
    assert place.has()


@pytest.mark.parametrize("fault", [Reply(503), error(429, "TOOMANYREQUESTS"), "lost"], ids=str)
def test_a_chunk_that_was_refused_for_now_is_all_that_is_repeated(place: Place, fault: Any) -> None:
    place.behaves(Dialect(keeps_cut=False, query=""), {"PATCH 2": fault})
    push(place.upload())
    assert place.methods.count("POST") == 1
    assert place.ranges.count("64-95") == (1 if fault == "lost" else 2)


def test_a_lost_answer_to_the_last_request_costs_one_more_request(place: Place) -> None:
    place.behaves(Dialect(), {"PUT 0": "lost"})
    arrival, met = push(place.upload())
    assert (arrival, len(met)) == (Arrival.SENT, 1)
    assert place.methods == [*CHUNKED, "HEAD"]


def test_an_upload_that_the_registry_forgot_begins_anew(place: Place) -> None:
    place.behaves(Dialect(), {"PATCH 2": "forget"})
    upload = place.upload()
    _, met = push(upload)
    assert [failure.kind for failure in met] == [FailureKind.TRANSIENT]
    assert place.ranges == ["0-31", "32-63", "64-95", "0-31", "32-63", "64-95", "96-99"]
    assert upload.bytes_sent == 3 * CHUNK + LARGE.size


@pytest.mark.parametrize("status", [404, 410])
def test_a_plain_not_found_of_an_upload_is_no_missing_image(place: Place, status: int) -> None:
    place.behaves(Dialect(), {"PATCH 1": Reply(status)})
    _, met = push(place.upload())
    assert [failure.kind for failure in met] == [FailureKind.TRANSIENT]


@dataclass
class Kept:
    """The note of one upload, which outlives a run."""

    location: str | None = None

    def claim(self, repository: str, digest: str) -> Kept:
        return self

    def keep(self, location: str) -> None:
        self.location = location

    def drop(self) -> None:
        self.location = None


def _killed(place: Place, kept: Kept, fault: Any = None, *, chunks: int = 2) -> None:
    """A run that ends after so many chunks, or in the midst of one."""
    place.behaves(Dialect(), {f"PATCH {chunks}": fault} if fault else {})
    first = BlobUpload(place.client._session, place.repository, LARGE.digest, LARGE, begun=kept)
    for _ in range(chunks):
        assert first.advance() is None
    if fault:
        with pytest.raises(RequestFailedError):
            first.advance()
    place.server.asked.clear()
    place.registry.faults.clear()


@pytest.mark.parametrize("at", [None, 2, 31])
def test_another_run_goes_on_with_an_upload(place: Place, at: int | None) -> None:
    kept = Kept()
    _killed(place, kept, at)
    second = BlobUpload(place.client._session, place.repository, LARGE.digest, LARGE, begun=kept)
    arrival, met = push(second)
    assert (arrival, met) == (Arrival.SENT, [])
    assert place.has()
    assert [each.method for each in place.server.asked][:2] == ["HEAD", "GET"]
    assert second.bytes_sent == LARGE.size - 2 * CHUNK - (at or 0)
    assert kept.location is None, "it is over"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 503])
def test_what_another_run_has_begun_may_be_gone(place: Place, status: int) -> None:
    kept = Kept()
    _killed(place, kept)
    place.registry.faults["GET 0"] = Reply(status)
    second = BlobUpload(place.client._session, place.repository, LARGE.digest, LARGE, begun=kept)
    arrival, met = push(second)
    assert (arrival, met) == (Arrival.SENT, [])
    assert place.has()
    assert second.bytes_sent == LARGE.size


def test_a_small_blob_leaves_no_note(place: Place) -> None:
    kept = Kept("nowhere")
    push(BlobUpload(place.client._session, place.repository, TINY.digest, TINY, begun=kept))
    assert place.has(TINY)
    assert kept.location == "nowhere"


def test_a_registry_that_keeps_forgetting_gets_it_in_one_piece(place: Place) -> None:
    faults = {f"PATCH {number}": "forget" for number in (1, 3, 5)}
    place.behaves(Dialect(), faults)
    push(place.upload())
    assert place.methods == [*BEGIN, *["PATCH", "PATCH", "POST"] * 3, "PUT"]
    assert place.has()
    other = Noise(100, seed=3)
    push(place.upload(other))
    assert place.methods[-7:] == CHUNKED, "which says nothing of the next blob"


def test_a_registry_that_always_forgets_comes_to_an_end(place: Place) -> None:
    gone = {f"{method} {number}": "forget" for method in ("PATCH", "PUT") for number in range(99)}
    place.behaves(Dialect(), gone)
    upload = place.upload()
    for _ in range(9):
        with pytest.raises(RequestFailedError):
            upload.advance()


def test_an_upload_with_another_offset_than_it_said(place: Place) -> None:
    """Another node of the registry has some bytes more, then always another opinion."""
    place.behaves(Dialect(query=""), {"PATCH 1": error(416, "RANGE_INVALID")})
    assert push(place.upload()) == (Arrival.SENT, [])
    assert place.methods == [*BEGIN, "PATCH", "PATCH", "GET", *["PATCH"] * 3, "PUT"]

    disagreeing = Dialect(chunks=lambda start, _: error(416, "RANGE_INVALID") if start else None)
    place.behaves(disagreeing)
    assert push(place.upload()) == (Arrival.SENT, [])
    assert place.methods[-2:] == ["POST", "PUT"]


@pytest.mark.parametrize("said", ["0-0", "0-10", "0-99", "bytes 0-31/*", "", None])
def test_an_offset_that_makes_no_sense_is_not_gone_by(place: Place, said: str | None) -> None:
    headers = {} if said is None else {"Range": said}
    place.behaves(Dialect(), {"PATCH 1": Reply(503), "GET 0": Reply(204, headers=headers)})
    push(place.upload())
    assert place.methods.count("POST") == 2
    assert place.has()


def test_what_is_refused_is_not_tried_in_another_way(place: Place) -> None:
    for refusal in (error(403, "DENIED"), error(507, "UNKNOWN")):
        place.behaves(Dialect(), {"PATCH 0": refusal})
        with pytest.raises(RequestFailedError) as caught:
            push(place.upload())
        assert caught.value.failure.remedy is Remedy.STOP
        assert place.methods == [*BEGIN, "PATCH"]


def test_a_registry_that_cannot_end_with_an_empty_request(place: Place) -> None:
    place.behaves(Dialect(), {f"PUT {number}": Reply(500) for number in range(3)})
    push(place.upload())
    assert place.methods[2:] == [*["PATCH"] * 4, "PUT", *["HEAD", "PUT"] * 2, "HEAD", "POST", "PUT"]
    assert place.has()


# Content that is not what its name says


def test_another_digest_is_an_error_in_clear_words(place: Place) -> None:
    for source, size in ((LARGE, 100), (TINY, 8)):
        place.behaves(Dialect())
        wrong = digest_of(b"something else")
        upload = place.client.upload(place.repository, wrong, source)
        with pytest.raises(RequestFailedError) as caught:
            push(upload)
        failure = caught.value.failure
        assert failure.kind is FailureKind.REFUSED
        assert failure.reason.startswith(f"what was sent twice is not {wrong}: digest_invalid")
        assert upload.bytes_sent == 2 * size
        assert place.registry.blobs == {}
        assert place.methods[-3:] == ["HEAD", "POST", "PUT"], "the second time in one piece"


def test_a_digest_that_the_registry_confirms_must_be_the_one(place: Place) -> None:
    headers = {"Docker-Content-Digest": digest_of(b"other")}
    place.behaves(Dialect(), {"PUT 0": Reply(201, headers=headers)})
    with pytest.raises(RequestFailedError, match="does not match its digest"):
        place.upload(TINY).advance()


# Registries that take no chunks, or not these


def refusing(reply: Reply, largest: int = 0) -> Dialect:
    return Dialect(chunks=lambda _, length: reply if length > largest else None)


@pytest.mark.parametrize("status", [400, 405, 411, 413, 415, 416, 501])
def test_no_chunks_then_one_piece_and_it_is_remembered(place: Place, status: int) -> None:
    place.behaves(refusing(error(status, "UNSUPPORTED")))
    assert push(place.upload()) == (Arrival.SENT, [])
    too_large = status in {413, 416}
    tried = ["POST", "PATCH", "DELETE"] * (2 if too_large else 1)
    assert place.methods == ["HEAD", *tried, "POST", "PUT"]
    assert place.has()
    other = Noise(100, seed=3)
    assert push(place.upload(other)) == (Arrival.SENT, [])
    assert place.methods[-3:] == WHOLE


@pytest.mark.parametrize("status", [413, 416])
def test_smaller_chunks_where_large_ones_are_refused(place: Place, status: int) -> None:
    place.behaves(refusing(error(status, "TOO_LARGE"), largest=SMALLER))
    assert push(place.upload()) == (Arrival.SENT, [])
    assert place.methods == ["HEAD", "POST", "PATCH", "DELETE", "POST", *["PATCH"] * 25, "PUT"]
    assert place.has()
    other = Noise(12, seed=3)
    push(place.upload(other))
    assert place.methods[-6:] == [*BEGIN, *["PATCH"] * 3, "PUT"]


@pytest.mark.parametrize(
    "says",
    [
        lambda _, end: min(end, CHUNK),  # ECR: what the first chunk made of it
        lambda start, end: end - start,  # zot: the chunk's own length
    ],
)
def test_a_registry_that_says_it_has_less_gets_it_in_one_piece(place: Place, says: Any) -> None:
    place.behaves(Dialect(says=says))
    assert push(place.upload()) == (Arrival.SENT, [])
    assert place.methods == [*BEGIN, "PATCH", "PATCH", "DELETE", "POST", "PUT"]
    assert place.has()


@pytest.mark.parametrize("prefix", ["bytes=", ""])
def test_ranges(place: Place, prefix: str) -> None:
    place.behaves(Dialect(prefix=prefix), {"PATCH 1": 9})
    push(place.upload())
    assert place.registry.received == LARGE.size
    place.behaves(Dialect(says=lambda _start, _end: None))
    assert push(place.upload()) == (Arrival.SENT, [])
    assert place.has()


def test_chunks_are_as_long_as_the_registry_wants(place: Place) -> None:
    place.behaves(Dialect(least_chunk=40))
    push(place.upload())
    assert place.ranges == ["0-39", "40-79", "80-99"]


def test_one_piece_begins_anew_after_each_failure(place: Place) -> None:
    place.behaves(refusing(Reply(405)), {"PUT 0": 50, "PUT 1": Reply(503)})
    _, met = push(place.upload())
    assert len(met) == 2
    assert place.methods == [*BEGIN, "PATCH", "DELETE", *["POST", "PUT", "HEAD"] * 2, "POST", "PUT"]
    assert place.has()


# Mounts


def test_a_blob_of_another_repository_is_mounted(place: Place) -> None:
    place.registry.blobs["acme/base", LARGE.digest] = LARGE.raw
    base = f"{place.server.address}/acme/base"
    upload = place.upload(mount_from=base)
    assert upload.advance() is Arrival.MOUNTED
    assert place.registry.requests[1:] == [
        f"POST /v2/acme/web/blobs/uploads/?mount={LARGE.digest}&from=acme/base"
    ]
    assert upload.bytes_sent == 0
    assert place.has()
    assert place.client.mount_blob(f"{place.server.address}/other", LARGE.digest, base)


def test_a_mount_that_becomes_an_upload_goes_on_as_one(place: Place) -> None:
    assert push(place.upload(mount_from=f"{place.server.address}/acme/base")) == (Arrival.SENT, [])
    assert place.methods == CHUNKED
    assert place.has()


def test_what_was_not_mounted_is_not_asked_for_again(place: Place) -> None:
    place.behaves(Dialect(mounts="begun"), {"PUT 0": Reply(503)})
    push(place.upload(TINY, mount_from=f"{place.server.address}/acme/base"))
    begun = [line for line in place.registry.requests if line.startswith("POST")]
    assert ["mount=" in line for line in begun] == [True, False]


@pytest.mark.parametrize("refusal", [error(401, "UNAUTHORIZED"), error(403, "DENIED"), Reply(404)])
def test_a_mount_that_is_refused_is_an_upload(place: Place, refusal: Reply) -> None:
    place.behaves(Dialect(mounts=refusal))
    base = f"{place.server.address}/acme/base"
    assert push(place.upload(TINY, mount_from=base)) == (Arrival.SENT, [])
    assert place.methods == ["HEAD", "POST", "POST", "PUT"]
    assert not place.client.mount_blob(place.repository, LARGE.digest, base)


def test_a_mount_that_fails_for_now_is_tried_again(place: Place) -> None:
    place.behaves(Dialect(), {"POST 0": Reply(503)})
    place.registry.blobs["acme/base", LARGE.digest] = LARGE.raw
    base = f"{place.server.address}/acme/base"
    arrival, met = push(place.upload(mount_from=base))
    assert (arrival, len(met)) == (Arrival.MOUNTED, 1)


def test_a_mount_alone_leaves_no_upload_behind(place: Place) -> None:
    base = f"{place.server.address}/acme/base"
    assert not place.client.mount_blob(place.repository, LARGE.digest, base)
    assert place.methods == ["POST", "DELETE"]
    assert place.registry.uploads == {}


def test_nothing_is_mounted_from_another_registry(place: Place) -> None:
    assert not place.client.mount_blob(place.repository, LARGE.digest, "other.test/acme/base")
    assert place.methods == []
    push(place.upload(TINY, mount_from="other.test/acme/base"))
    assert place.methods == WHOLE


# Logins, and other hosts


@dataclass
class Guarded:
    """A registry that wants a token for each repository that a request concerns."""

    registry: UploadRegistry
    realm: str
    readable: tuple[str, ...] = ("acme/web", "acme/base")
    asked: int = 0
    scopes: list[list[str]] = None  # type: ignore[assignment]
    tokens: dict[str, list[str]] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.scopes, self.tokens = [], {}

    def __call__(self, asked: Asked) -> Reply | None:
        if asked.path == "/token":
            return self._token(asked.query["scope"])
        wanted = ["repository:acme/web:pull,push"]
        if "from" in asked.query:
            wanted.append(f"repository:{asked.query['from'][0]}:pull")
        given = self.tokens.get((asked.authorization or "").removeprefix("Bearer "), [])
        if set(wanted) <= set(given):
            return self.registry(asked)
        challenge = f'Bearer realm="{self.realm}",service="test",scope="{" ".join(wanted)}"'
        return error(401, "UNAUTHORIZED", WWW_Authenticate=challenge)

    def _token(self, scopes: list[str]) -> Reply:
        self.scopes.append(scopes)
        granted = [scope for scope in scopes if scope.split(":")[1] in self.readable]
        token = f"token-number-{len(self.scopes)}"
        self.tokens[token] = granted
        return Reply(200, f'{{"token": "{token}", "expires_in": 300}}'.encode())


@pytest.fixture
def guarded(place: Place) -> Guarded:
    made = Guarded(place.registry, f"http://{place.server.address}/token")
    place.server.answer = made
    return made


def test_one_token_for_an_upload(place: Place, guarded: Guarded) -> None:
    push(place.upload())
    assert guarded.scopes == [["repository:acme/web:pull,push"]]
    assert place.has()


def test_a_mount_asks_for_both_repositories(place: Place, guarded: Guarded) -> None:
    place.registry.blobs["acme/base", LARGE.digest] = LARGE.raw
    upload = place.upload(mount_from=f"{place.server.address}/acme/base")
    assert push(upload) == (Arrival.MOUNTED, [])
    assert guarded.scopes[-1] == ["repository:acme/web:pull,push", "repository:acme/base:pull"]


def test_a_repository_that_must_not_be_read_is_not_mounted_from(
    place: Place, guarded: Guarded
) -> None:
    upload = place.upload(mount_from=f"{place.server.address}/secret/base")
    assert push(upload) == (Arrival.SENT, [])
    assert place.has()


def test_a_token_that_ends_in_the_midst_of_an_upload(place: Place, guarded: Guarded) -> None:
    upload = place.upload()
    upload.advance()
    guarded.tokens.clear()
    assert push(upload) == (Arrival.SENT, []), "the chunk is read again, and sent with a new token"
    assert place.has()
    assert len(guarded.scopes) == 2
    assert upload.bytes_sent == LARGE.size + CHUNK


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.mark.parametrize("source", [LARGE, TINY], ids=["chunks", "one piece"])
def test_a_location_on_another_host_gets_no_login(
    place: Place, guarded: Guarded, elsewhere: Server, source: Noise
) -> None:
    elsewhere.answer = place.registry
    place.registry.dialect.host = f"http://{elsewhere.address}"
    assert push(place.upload(source)) == (Arrival.SENT, [])
    assert place.has(source)
    assert {asked.method for asked in place.server.asked} <= {"HEAD", "POST", "GET"}
    assert any(asked.authorization for asked in place.server.asked)
    assert not any(asked.authorization for asked in elsewhere.asked)


@pytest.mark.parametrize("source", [LARGE, TINY], ids=["chunks", "one piece"])
def test_a_redirect_to_another_host_gets_no_login(
    place: Place, guarded: Guarded, elsewhere: Server, source: Noise
) -> None:
    def away(asked: Asked) -> Reply | None:
        if asked.method not in {"PATCH", "PUT"}:
            return guarded(asked)
        return Reply(307, headers={"Location": f"http://{elsewhere.address}{asked.target}"})

    place.server.answer, elsewhere.answer = away, place.registry
    assert push(place.upload(source)) == (Arrival.SENT, [])
    assert place.has(source)
    # Relative Locations are the other host's from then on.
    assert not any(asked.authorization for asked in elsewhere.asked)


def test_a_secret_in_a_location_is_not_told(place: Place) -> None:
    place.behaves(Dialect(query="?_state={offset}&X-Amz-Signature=s3cret"), {"PATCH 0": Reply(503)})
    with pytest.raises(RequestFailedError) as caught:
        place.upload().advance()
    assert "s3cret" not in caught.value.failure.evidence


# Where the bytes come from


def test_a_file_is_sent_from_any_offset(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "blob"
    file.write_bytes(LARGE.raw)
    place.behaves(Dialect(), {"PATCH 1": 9})
    upload = place.client.upload(place.repository, LARGE.digest, FileSource(file))
    assert push(upload)[0] is Arrival.SENT
    assert place.has()


def test_bytes_in_memory(place: Place) -> None:
    digest = digest_of(b"{}")
    assert push(place.client.upload(place.repository, digest, BytesSource(b"{}")))
    assert place.registry.blobs["acme/web", digest] == b"{}"


@pytest.mark.parametrize("change", [Path.unlink, lambda file: file.write_bytes(LARGE.raw[:50])])
def test_a_file_that_changes_is_no_fault_of_the_network(
    place: Place, tmp_path: Path, change: Any
) -> None:
    file = tmp_path / "blob"
    file.write_bytes(LARGE.raw)

    class Changing(FileSource):
        size = LARGE.size

    upload = place.client.upload(place.repository, LARGE.digest, Changing(file))
    upload.advance()
    change(file)
    with pytest.raises(OSError, match=r"No such file|ends after 50 bytes"):
        push(upload)


def test_a_part_is_read_in_small_pieces() -> None:
    source = Zeros(200_000_000)
    told: list[int] = []
    sizes = [
        len(piece)
        for piece in Part(source, 5, source.size - 5, lambda _, size: told.append(size)).pieces()
    ]
    assert sum(sizes) == sum(told) == source.size - 5
    assert max(sizes) == source.largest_read == 65536
    assert source.closed == 1
    with pytest.raises(UnreadableError, match="ends after 10 bytes"):
        list(Part(Zeros(10), 0, 11, lambda _at, _size: None).pieces())


@pytest.mark.parametrize("chunk", [CHUNK << 20, 0], ids=["chunks", "one piece"])
def test_memory_does_not_grow_with_the_blob(
    place: Place, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(registry_upload, "CHUNK", chunk)
    place.server.keeps_bodies = False
    size = 64 << 20

    def answer(asked: Asked) -> Reply:
        if asked.method == "PATCH":
            end = asked.headers["Content-Range"].split("-")[1]
            return Reply(202, headers={"Range": f"0-{end}"})
        statuses = {"HEAD": 404, "POST": 202, "PUT": 201}
        return Reply(statuses[asked.method], headers={"Location": "/upload"})

    place.server.answer = answer
    source = Zeros(size)
    tracemalloc.start()
    try:
        upload = place.upload(source)
        assert push(upload)[0] is Arrival.SENT
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert upload.bytes_sent == size
    assert source.largest_read == 65536
    assert most < 4 << 20, "both ends of the connection are in this process"


# Any trouble at all


@settings(max_examples=examples(gate=40, extended=400))
@given(
    size=st.integers(0, 130),
    keeps_cut=st.booleans(),
    faults=st.dictionaries(st.integers(0, 25), st.sampled_from(FAULTS), max_size=10),
    more=st.sampled_from([{}, {"query": ""}, {"least_chunk": 50}, {"prefix": "bytes="}]),
)
def test_the_blob_arrives_whatever_happens(
    running: Server, size: int, keeps_cut: bool, faults: dict[Any, Any], more: dict[str, Any]
) -> None:
    source = Noise(size, seed=7)
    running.keeps_bodies = True
    with RegistryClient({"DOCKER_CONFIG": "/nonexistent"}) as client:
        place = Place(running, client, UploadRegistry())
        place.behaves(Dialect(keeps_cut=keeps_cut, **more), faults)
        upload = place.upload(source)
        arrival, met = push(upload, tries=60)
        assert arrival is Arrival.SENT
        assert place.has(source)
        assert len(met) <= len(faults)
        assert upload.bytes_sent >= size
        assert len(source.opened) == source.closed
