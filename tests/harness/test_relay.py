"""The proxy without faults."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.harness.upstream import BIG, MANIFEST, Upstream, ask, client, serve
from tests.integration.proxy import Proxy, faulty_registry


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with faulty_registry(upstream.address) as proxy:
        yield proxy


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_answers_come_as_they_are(proxy: Proxy) -> None:
    with client(proxy.address) as connection:
        connection.request("GET", "/v2/x/manifests/1?n=2")
        answer = connection.getresponse()
        assert answer.read() == MANIFEST
        assert answer.headers["Docker-Content-Digest"] == "sha256:as-it-was"
        assert answer.headers["X-Hop"] is None
        assert len(answer.headers.get_all("Server") or []) == 1
    assert proxy.seen == [("GET", "/v2/x/manifests/1?n=2", 200)]
    (exchange,) = proxy.exchanges
    assert exchange.began <= time.monotonic()


def test_head_has_the_length_and_no_body(proxy: Proxy) -> None:
    with client(proxy.address) as connection:
        for _ in range(2):
            connection.request("HEAD", "/v2/x")
            answer = connection.getresponse()
            assert answer.headers["Content-Length"] == str(len(MANIFEST))
            assert answer.read() == b""


def test_connections_are_kept_in_both_directions(upstream: Upstream, proxy: Proxy) -> None:
    with client(proxy.address) as connection:
        for method, body in (("GET", None), ("PUT", b"x"), ("HEAD", None), ("DELETE", None)):
            connection.request(method, "/v2/x", body)
            port = connection.sock.getsockname()[1]
            connection.getresponse().read()
            assert connection.sock.getsockname()[1] == port
    assert upstream.connections == 1


def test_a_chunked_upload(upstream: Upstream, proxy: Proxy) -> None:
    pieces = [b"a" * 70_000, b"b", b"c" * 300_000]
    assert ask(proxy.address, "PATCH", "/v2/x", iter(pieces)) == (201, b"")
    assert upstream.got == [("PATCH", "/v2/x", sha256(b"".join(pieces)))]
    assert proxy.uploads == [("/v2/x", 370_001)]


def test_a_chunked_answer(proxy: Proxy) -> None:
    with client(proxy.address) as connection:
        for _ in range(2):
            connection.request("GET", "/v2/chunked")
            answer = connection.getresponse()
            assert answer.headers["Transfer-Encoding"] == "chunked"
            assert answer.read() == b"onetwo"


def test_big_bodies_are_streamed(upstream: Upstream, proxy: Proxy) -> None:
    body = bytes(BIG)
    assert ask(proxy.address, "PUT", "/v2/x", body) == (201, b"")
    assert upstream.got == [("PUT", "/v2/x", sha256(body))]
    assert proxy.uploads == [("/v2/x", BIG)]
    with client(proxy.address) as connection:
        connection.request("GET", "/v2/big")
        answer = connection.getresponse()
        assert answer.read(1) == b"\0"
        assert proxy.exchanges[-1].down < BIG, "the first byte comes before the last is there"
        assert len(answer.read()) == BIG - 1
    assert proxy.exchanges[-1].down == BIG


def test_a_tls_hello_is_answered_in_plain_http(proxy: Proxy) -> None:
    host, port = proxy.address.split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_registry_that_answers_early_is_heard(upstream: Upstream, proxy: Proxy) -> None:
    assert ask(proxy.address, "PUT", "/v2/full", bytes(BIG)) == (500, b"no space left")


def test_an_answer_that_breaks_off_is_a_reset(proxy: Proxy) -> None:
    with pytest.raises(ConnectionResetError):
        ask(proxy.address, "GET", "/v2/broken")


def test_a_registry_that_is_gone_is_a_reset() -> None:
    with serve() as upstream:
        pass
    with faulty_registry(upstream.address) as proxy:
        for body in (None, bytes(BIG)):
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                ask(proxy.address, "PUT", "/v2/x", body)
        assert [status for _, _, status in proxy.seen] == [0, 0]


def test_a_client_that_breaks_off_is_passed_on(upstream: Upstream, proxy: Proxy) -> None:
    host, port = proxy.address.split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(b"PUT /v2/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    deadline = time.monotonic() + 60
    while not upstream.got and time.monotonic() < deadline:
        time.sleep(0.01)
    assert upstream.got == [("PUT", "/v2/x", "")]
