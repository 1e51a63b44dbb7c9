"""A link to the registry as people have it: so many bytes a second, and so long on the way.

It stands before the counting proxy and carries TCP as it comes, so that it is the same for every
way: all connections share a rate for each direction (a token bucket), and each byte arrives a delay
after it was sent. A new connection waits for its handshake first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

#: Small against the rate, so that connections share it piece by piece.
PIECE = 16 * 1024
#: Seconds of the rate that a timer which fires late may catch up with.
BURST = 0.01
#: Of buffers on either side: what stands there is on neither side of the link.
BUFFER = 256 * 1024


@dataclass(frozen=True)
class Wan:
    """A link, the same in both directions."""

    bits_a_second: float = 50e6
    #: There and back.
    round_trip: float = 0.04

    @property
    def words(self) -> str:
        """What it is called in tables."""
        return f"{self.bits_a_second / 1e6:g} Mbit/s and {self.round_trip * 1000:g} ms"


#: What many people have between them and their registry.
THE_WAN = Wan()


class Lane:
    """One direction. What is sent waits for what was sent before, over whatever connection."""

    def __init__(self, wan: Wan, clock: Callable[[], float]) -> None:
        self._rate, self._delay, self._clock = wan.bits_a_second / 8, wan.round_trip / 2, clock
        self._free = clock()

    def send(self, count: int) -> tuple[float, float]:
        """When so many bytes have left, and when they arrive."""
        now = self._clock()
        self._free = max(self._free, now - BURST) + count / self._rate
        return self._free, max(self._free, now) + self._delay

    def arrival(self) -> float:
        """When something without a size arrives that is sent now."""
        return self._clock() + self._delay


@contextmanager
def serving_wan(wan: Wan, upstream: str, port: int = 0) -> Iterator[str]:
    """Serve what is at the far end of the link on a loopback port; the address of this end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(_serve(wan, upstream, port), loop).result()
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname())
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(wan: Wan, upstream: str, port: int) -> asyncio.Server:
    host, _, far = upstream.partition(":")
    clock = asyncio.get_running_loop().time
    up, down = Lane(wan, clock), Lane(wan, clock)

    async def connected(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        handshake = clock() + wan.round_trip
        registry, to_registry = await asyncio.open_connection(host, int(far), limit=BUFFER)
        there = carry(client, to_registry, up, handshake)
        back = carry(registry, to_client, down, handshake)
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(there, back)
        for writer in (to_registry, to_client):
            writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", port, limit=BUFFER, backlog=256)


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lane: Lane, begin: float
) -> None:
    """Carry one direction of a connection to its end, from that time on."""
    loop = asyncio.get_running_loop()
    await _until(begin)
    while piece := await reader.read(PIECE):
        left, arrives = lane.send(len(piece))
        # Pieces never overtake each other: each arrives later than the one before.
        loop.call_at(arrives, writer.write, piece)
        await _until(left)
        await writer.drain()
    await _until(lane.arrival())
    with suppress(OSError, RuntimeError):
        writer.write_eof()


async def _until(when: float) -> None:
    left = when - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
