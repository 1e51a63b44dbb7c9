"""The proxy with faults: what each one does."""

from __future__ import annotations

import http.client
import time
from pathlib import Path

import pytest

from tests.harness.upstream import MANIFEST, Upstream, ask, client, serve
from tests.integration.faults import (
    Action,
    AnswerLost,
    Closed,
    Delay,
    Effect,
    Fault,
    Reset,
    Status,
    Throttled,
    Truncated,
    WrongDigest,
    oci_error,
)
from tests.integration.proxy import faulty_registry

MEGA = 1 << 20


def any_request(*effects: Effect) -> Fault:
    return Fault(".*", "", effects)


def test_a_status_with_headers_and_an_error(upstream: Upstream) -> None:
    busy = oci_error(429, "TOOMANYREQUESTS", "later", Retry_After="7")
    with (
        faulty_registry(upstream.address, Fault("PUT", "", busy)) as proxy,
        client(proxy.address) as connection,
    ):
        connection.request("PUT", "/v2/x", b"abc")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
        assert answer.read() == b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "later"}]}'
        # The connection goes on: the body was read.
        connection.request("GET", "/v2/x")
        assert connection.getresponse().read() == MANIFEST
        assert proxy.seen == [("PUT", "/v2/x", 429), ("GET", "/v2/x", 200)]
        assert proxy.uploads == [("/v2/x", 3)]
    assert [method for method, *_ in upstream.got] == ["GET"]


def test_a_status_for_a_head_has_no_body(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, any_request(Status(503, b"abc"))) as proxy:
        assert ask(proxy.address, "HEAD", "/v2/x") == (503, b"")


def test_a_delay(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, any_request(Delay(0.2), Status(503))) as proxy:
        began = time.monotonic()
        assert ask(proxy.address, "GET", "/v2/x")[0] == 503
        assert time.monotonic() - began >= 0.2


def test_a_connection_that_is_closed(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, any_request(Closed())) as proxy:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(proxy.address, "PUT", "/v2/x", bytes(MEGA))
        assert proxy.seen == [("PUT", "/v2/x", 0)]
        assert proxy.uploads == [("/v2/x", MEGA)]
    assert upstream.got == []


def test_a_reset_before_the_body(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, any_request(Reset())) as proxy:
        with pytest.raises((ConnectionResetError, BrokenPipeError)) as caught:
            ask(proxy.address, "GET", "/v2/x")
        assert not isinstance(caught.value, http.client.RemoteDisconnected)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            ask(proxy.address, "PUT", "/v2/x", bytes(MEGA))
        assert proxy.seen == [("GET", "/v2/x", 0), ("PUT", "/v2/x", 0)]
        assert proxy.uploads == []
    assert upstream.got == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_reset_in_the_midst_of_an_upload(upstream: Upstream, chunked: bool) -> None:
    with faulty_registry(upstream.address, any_request(Reset(after=MEGA))) as proxy:
        # Even where a piece ends right there, what the registry got is not a whole request.
        pieces = iter([bytes(MEGA), bytes(MEGA)])
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            ask(proxy.address, "PATCH", "/v2/x", pieces if chunked else bytes(2 * MEGA))
        assert proxy.exchanges[0].carried_out == 0
        until_told(upstream)
        assert upstream.got == [("PATCH", "/v2/x", "")]
        assert ask(proxy.address, "PATCH", "/v2/x", bytes(MEGA))[0] == 201, "a short one passes"


def until_told(upstream: Upstream) -> None:
    deadline = time.monotonic() + 60
    while not upstream.got and time.monotonic() < deadline:
        time.sleep(0.01)


def test_an_answer_that_is_lost(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, any_request(AnswerLost())) as proxy:
        with pytest.raises(ConnectionResetError) as caught:
            ask(proxy.address, "PUT", "/v2/x", b"abc")
        assert not isinstance(caught.value, http.client.RemoteDisconnected)
        assert (proxy.exchanges[0].status, proxy.exchanges[0].carried_out) == (0, 201)
    assert [method for method, *_ in upstream.got] == ["PUT"]


@pytest.mark.parametrize(("after", "left"), [(None, len(MANIFEST) // 2), (3, 3), (0, 0)])
def test_an_answer_that_is_truncated(upstream: Upstream, after: int | None, left: int) -> None:
    with (
        faulty_registry(upstream.address, any_request(Truncated(after))) as proxy,
        client(proxy.address) as connection,
    ):
        connection.request("GET", "/v2/x")
        answer = connection.getresponse()
        assert answer.headers["Content-Length"] == str(len(MANIFEST))
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
        assert caught.value.partial == MANIFEST[:left]
        assert proxy.exchanges[0].status == 200


def test_a_chunked_answer_that_is_truncated(upstream: Upstream) -> None:
    with (
        faulty_registry(upstream.address, any_request(Truncated(2))) as proxy,
        pytest.raises(http.client.IncompleteRead),
    ):
        ask(proxy.address, "GET", "/v2/chunked")


def test_bandwidth_in_both_directions(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, any_request(Throttled(1000))) as proxy:
        for body in (bytes(300), iter([bytes(150), bytes(150)])):
            began = time.monotonic()
            assert ask(proxy.address, "PUT", "/v2/x", body)[0] == 201
            assert time.monotonic() - began >= 0.3
    with faulty_registry(upstream.address, any_request(Throttled(len(MANIFEST) * 5))) as proxy:
        began = time.monotonic()
        assert ask(proxy.address, "GET", "/v2/x")[1] == MANIFEST
        assert time.monotonic() - began >= 0.2


def test_a_wrong_digest(upstream: Upstream) -> None:
    with (
        faulty_registry(upstream.address, any_request(WrongDigest())) as proxy,
        client(proxy.address) as connection,
    ):
        connection.request("GET", "/v2/x")
        answer = connection.getresponse()
        assert answer.headers["Docker-Content-Digest"] == "sha256:as-it-was"
        got = answer.read()
        assert len(got) == len(MANIFEST)
        assert sum(a != b for a, b in zip(got, MANIFEST, strict=True)) == 1


def test_an_action_comes_first(upstream: Upstream, tmp_path: Path) -> None:
    done = tmp_path / "done"
    fault = Fault("PUT", "", Action(lambda: done.write_text(str(len(upstream.got)))), times=1)
    with faulty_registry(upstream.address, fault) as proxy:
        for _ in range(2):
            assert ask(proxy.address, "PUT", "/v2/x", b"a")[0] == 201
    assert done.read_text() == "0"


def test_an_action_in_the_midst_of_a_body(upstream: Upstream) -> None:
    done: list[int] = []
    fault = Fault("PUT", "", Action(lambda: done.append(1), after=MEGA))
    with faulty_registry(upstream.address, fault) as proxy:
        for size, acts in ((MEGA - 1, 0), (3 * MEGA, 1), (MEGA, 2)):
            assert ask(proxy.address, "PUT", "/v2/x", bytes(size))[0] == 201
            assert len(done) == acts


def test_a_registry_that_was_restarted_is_connected_to_again() -> None:
    with serve() as first, faulty_registry(first.address) as proxy, client(proxy.address) as c:
        c.request("GET", "/v2/x")
        assert c.getresponse().read() == MANIFEST
        first.drop_connections()
        c.request("GET", "/v2/x")
        assert c.getresponse().read() == MANIFEST
        assert first.connections == 2
