"""The link to the registry, on a clock that only moves when everything waits for it."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from wbbench.wan import BURST, PIECE, Lane, Wan, carry, serving_wan

WAN = Wan(bits_a_second=50e6, round_trip=0.04)
RATE = 50e6 / 8


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time goes on to the next timer at once."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        super()._run_once()


class Far:
    """The far end of a connection: what arrives, and when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.arrived: list[tuple[float, bytes]] = []
        self.ended = 0.0

    def write(self, piece: bytes) -> None:
        self.arrived.append((self.clock(), piece))

    def write_eof(self) -> None:
        self.ended = self.clock()

    async def drain(self) -> None:
        pass


@pytest.fixture
def clock() -> Iterator[Clock]:
    loop = Clock()
    yield loop
    loop.close()


def carried(clock: Clock, bodies: list[bytes], late: float = 0.0, begin: float = 0.0) -> list[Far]:
    """Each body over a connection of its own, all at once; timers fire that much late."""

    async def run() -> list[Far]:
        lane = Lane(WAN, clock.time)
        ends = [Far(clock.time) for _ in bodies]
        if late:
            plain = clock.call_at
            clock.call_at = lambda when, *rest, **more: plain(when + late, *rest, **more)
        tasks = []
        for body, end in zip(bodies, ends, strict=True):
            reader = asyncio.StreamReader()
            reader.feed_data(body)
            reader.feed_eof()
            tasks.append(carry(reader, end, lane, begin))
        await asyncio.gather(*tasks)
        return ends

    return clock.run_until_complete(run())


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("late", [0.0, 0.001])
def test_all_connections_share_the_rate(clock: Clock, connections: int, late: float) -> None:
    bodies = [bytes([number]) * 2_000_000 for number in range(connections)]
    ends = carried(clock, bodies, late)
    assert [b"".join(piece for _, piece in end.arrived) for end in ends] == bodies
    last = max(when for end in ends for when, _ in end.arrived)
    expected = sum(map(len, bodies)) / RATE + WAN.round_trip / 2
    assert expected - BURST <= last <= expected + BURST
    # None waits for another one's end.
    firsts = [end.arrived[0][0] for end in ends]
    assert max(firsts) - min(firsts) <= connections * PIECE / RATE + BURST


def test_no_window_of_time_has_more_than_the_rate_and_the_burst(clock: Clock) -> None:
    ends = carried(clock, [b"x" * 1_000_000] * 2)
    arrived = sorted((when, len(piece)) for end in ends for when, piece in end.arrived)
    for first, (begin, _) in enumerate(arrived):
        for last in range(first, len(arrived)):
            passed = sum(count for _, count in arrived[first : last + 1])
            allowed = (arrived[last][0] - begin + BURST) * RATE + PIECE
            assert passed <= allowed


def test_a_small_request_and_its_answer_take_the_round_trip(clock: Clock) -> None:
    (there,) = carried(clock, [b"GET"])
    ((when, piece),) = there.arrived
    assert piece == b"GET"
    assert WAN.round_trip / 2 <= when <= WAN.round_trip / 2 + 10 / RATE
    assert there.ended >= when


def test_a_new_connection_waits_for_its_handshake(clock: Clock) -> None:
    (end,) = carried(clock, [b"GET"], begin=WAN.round_trip)
    assert end.arrived[0][0] >= WAN.round_trip * 1.5


def test_an_idle_link_saves_up_no_more_than_the_burst(clock: Clock) -> None:
    lane = Lane(WAN, clock.time)
    clock.now = 100.0
    left, arrives = lane.send(1_000_000)
    assert left == pytest.approx(100.0 + 1_000_000 / RATE - BURST)
    assert arrives == pytest.approx(left + WAN.round_trip / 2)
    assert lane.send(0)[0] == left


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_what_goes_over_the_link_arrives_as_it_was_sent() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fast = Wan(bits_a_second=1e10, round_trip=0.001)
    body = bytes(range(256)) * 4096
    try:
        with serving_wan(fast, f"127.0.0.1:{server.server_port}") as address:
            connection = http.client.HTTPConnection(address, timeout=20)
            for _ in range(2):
                connection.request("POST", "/", body)
                assert connection.getresponse().read() == body
            connection.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
